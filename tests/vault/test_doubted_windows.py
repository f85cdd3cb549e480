"""What the log says of unusually empty windows, read back: outcomes, renames, copies, and lines that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.evidence.line import Entry, Fact
from strongroom.model.coverage import Cover, Interval
from strongroom.model.second_look import Doubt, SecondLookOutcome
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue, create_in_memory
from strongroom.vault.coverage import put_interval
from strongroom.vault.log import add_entry
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.second_looks import looks_to_make, note_doubt, note_outcome, pending_look, second_looks
from strongroom.vault.streams import move_stream

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
HELD = Interval("old", Window(NOW - DAY, NOW), Cover.EMPTY, "first", "job")


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    with closing(create_in_memory()) as made:
        with made.transaction():
            put_interval(made, HELD)
        yield made


def doubt(catalogue: Catalogue, due: datetime | None = NOW + DAY) -> None:
    with catalogue.transaction():
        note_doubt(catalogue, HELD, Doubt.STREAM, due, NOW)


def outcome(catalogue: Catalogue, outcome: SecondLookOutcome, **facts: Fact) -> None:
    with catalogue.transaction():
        note_outcome(catalogue, HELD, outcome, NOW + 2 * DAY, **facts)


def test_a_doubt_waits_until_it_is_due(catalogue: Catalogue) -> None:
    doubt(catalogue)
    (look,) = second_looks(catalogue)
    assert (look.outcome, look.due, look.window, look.stream) == (
        SecondLookOutcome.PENDING,
        NOW + DAY,
        HELD.window,
        "old",
    )
    assert pending_look(catalogue, "first") == look
    assert looks_to_make(catalogue, "old", NOW) == []
    assert looks_to_make(catalogue, "old", NOW + DAY) == [look]
    assert looks_to_make(catalogue, "other", NOW + DAY) == []


@pytest.mark.parametrize("last", [SecondLookOutcome.CONFIRMED, SecondLookOutcome.UNCONFIRMED])
def test_the_last_outcome_counts(catalogue: Catalogue, last: SecondLookOutcome) -> None:
    doubt(catalogue)
    outcome(catalogue, SecondLookOutcome.UNCONFIRMED, cause="overdue")
    outcome(catalogue, last, newer="second", job="again")
    (look,) = second_looks(catalogue)
    assert (look.outcome, look.at, look.newer) == (last, NOW + 2 * DAY, "second")
    assert pending_look(catalogue, "first") is None
    assert looks_to_make(catalogue, "old", NOW + 3 * DAY) == []


def test_a_window_that_was_not_empty_is_known_by_the_archive_that_covers_it_now(catalogue: Catalogue) -> None:
    doubt(catalogue)
    outcome(catalogue, SecondLookOutcome.REFUTED, newer="second")
    with catalogue.transaction():
        put_interval(catalogue, Interval("old", HELD.window, Cover.PROVEN, "second", "again"))
    assert [(each.outcome, each.stream) for each in second_looks(catalogue)] == [(SecondLookOutcome.REFUTED, "old")]


def test_a_renamed_stream_keeps_its_doubts(catalogue: Catalogue) -> None:
    doubt(catalogue)
    with catalogue.transaction():
        move_stream(catalogue, "old", "new")
    assert [each.stream for each in second_looks(catalogue)] == ["new"]
    assert len(looks_to_make(catalogue, "new", NOW + DAY)) == 1


def test_what_cannot_be_exported_again_is_unconfirmed_at_once(catalogue: Catalogue) -> None:
    doubt(catalogue, None)
    assert [each.outcome for each in second_looks(catalogue)] == [SecondLookOutcome.UNCONFIRMED]
    assert looks_to_make(catalogue, "old", NOW + 9 * DAY) == []


def test_a_window_that_no_archive_covers_any_more_is_left_out(catalogue: Catalogue) -> None:
    doubt(catalogue)
    with catalogue.transaction():
        put_interval(catalogue, Interval("old", HELD.window, Cover.DESTROYED, "", ""))
    assert second_looks(catalogue) == []


@pytest.mark.parametrize(
    "facts", [{}, {"window": ["x", "y"], "doubt": "never-empty"}, {"window": 7}, {"window": [], "doubt": "else"}]
)
def test_a_line_that_says_nothing_of_the_kind_is_named(catalogue: Catalogue, facts: dict[str, Fact]) -> None:
    with catalogue.transaction():
        add_entry(catalogue, Entry("empty.doubted", NOW, "job", "first", "old", facts))
    with pytest.raises(RowUnreadable, match="the row 1 of entries"):
        second_looks(catalogue)
