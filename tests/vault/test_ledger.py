"""Which windows are due a second time, what stays lost when a part of it was not, and what a new name takes along."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kit.vault_objects import FIRST, day, make_archive, make_job
from strongroom.model.coverage import Cover, Interval
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import intervals_of, put_interval, take_back_lost
from strongroom.vault.jobs import put_job
from strongroom.vault.streams import StreamState, get_stream, move_stream, put_stream, unsettled_windows

STREAM, SECOND = "zavu-messages", timedelta(seconds=1)
PASS = timedelta(days=3)


@pytest.mark.parametrize(
    ("after", "due"), [(timedelta(0), True), (PASS - SECOND, True), (PASS, False), (PASS + SECOND, False)]
)
def test_an_export_that_came_when_the_second_pass_is_due_does_for_it(
    catalogue: Catalogue, after: timedelta, due: bool
) -> None:
    window = day(0)
    job = make_job(0)
    archive = make_archive(job, durable_at=window.end + after)
    with catalogue.transaction():
        put_job(catalogue, job)
        put_archive(catalogue, archive, "ab" * 32)
        put_interval(catalogue, Interval(STREAM, window, Cover.PROVEN, archive.id))
    found = unsettled_windows(catalogue, STREAM, PASS, window.end + PASS, FIRST, 10)
    assert found == ([window] if due else [])
    assert unsettled_windows(catalogue, STREAM, PASS, window.end + PASS - SECOND, FIRST, 10) == []


def test_what_lies_beside_the_part_that_is_taken_back_stays_lost(catalogue: Catalogue) -> None:
    whole = Window(day(0).start, day(4).end)
    other = Window(day(6).start, day(7).end)
    with catalogue.transaction():
        for window, cause in ((whole, "beyond"), (other, "a person")):
            put_interval(catalogue, Interval(STREAM, window, Cover.LOST, cause=cause))
        take_back_lost(catalogue, STREAM, day(2), "beyond")
        take_back_lost(catalogue, STREAM, day(6), "beyond")
    assert [(each.window, each.cover, each.cause) for each in intervals_of(catalogue, STREAM)] == [
        (Window(whole.start, day(2).start), Cover.LOST, "beyond"),
        (Window(day(2).end, whole.end), Cover.LOST, "beyond"),
        (other, Cover.LOST, "a person"),
    ]


def test_what_is_known_of_a_stream_goes_with_it_to_its_new_name(catalogue: Catalogue) -> None:
    known = StreamState("old", floor=FIRST, since=FIRST, edge=day(3).end, paused="alice at 2026-03-10T12:00:00Z")
    with catalogue.transaction():
        put_stream(catalogue, known)
        put_interval(catalogue, Interval("old", day(0), Cover.EMPTY))
        move_stream(catalogue, "old", "new")
    assert get_stream(catalogue, "new") == replace(known, name="new")
    assert get_stream(catalogue, "old") == StreamState("old")
    assert [each.window for each in intervals_of(catalogue, "new")] == [day(0)]
    assert intervals_of(catalogue, "old") == []
