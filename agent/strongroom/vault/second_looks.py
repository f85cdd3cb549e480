"""Empty windows that were doubted, and what came of their second looks: read from the evidence log alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from strongroom.evidence.line import Entry, Fact
from strongroom.model.coverage import Cover, Interval
from strongroom.model.entry_kind import EntryKind
from strongroom.model.second_look import Doubt, SecondLook, SecondLookOutcome
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import covered_by
from strongroom.vault.log import add_entry, entries_about_empty
from strongroom.vault.rows import UNREADABLE, naming, to_instant, to_text, unreadable

SETTLED_BEFORE = """
SELECT window_start, window_end, cover FROM coverage
WHERE stream = ? AND cover IN ('proven', 'empty') AND window_end <= ? ORDER BY window_start DESC LIMIT ?
"""
SECOND_LOOK_JOB = """
SELECT id FROM jobs WHERE stream = ? AND window_start = ? AND window_end = ? AND purpose = 'second-look' LIMIT 1
"""

MOST = 2_000  # windows of the past that say what is usual: five years of days, twelve weeks of hours
DOUBTED = EntryKind.EMPTY_DOUBTED
_KINDS = {
    SecondLookOutcome.CONFIRMED: EntryKind.EMPTY_CONFIRMED,
    SecondLookOutcome.REFUTED: EntryKind.EMPTY_REFUTED,
    SecondLookOutcome.UNCONFIRMED: EntryKind.EMPTY_UNCONFIRMED,
}
_OUTCOMES = {kind: outcome for outcome, kind in _KINDS.items()}


def second_looks(catalogue: Catalogue) -> list[SecondLook]:
    """Return every window that was doubted while an archive still covers it, in the order of their doubts.

    Streams have the names that they have now. Raises RowUnreadable for a line that says nothing of the kind.
    """
    found: dict[str, SecondLook] = {}
    for logged in entries_about_empty(catalogue):
        try:
            _take_up(found, logged.body)
        except UNREADABLE as error:
            raise unreadable("entries", logged.seq) from error
    named = (_renamed(catalogue, look) for look in found.values())
    return [look for look in named if look is not None]


def _take_up(found: dict[str, SecondLook], body: dict[str, Any]) -> None:
    known = found.get(body["archive"])
    if body["kind"] == DOUBTED:
        found[body["archive"]] = _doubted(body)
    elif known is not None:
        at, newer = parse_instant(body["at"]), str(body["facts"].get("newer", ""))
        found[known.archive] = replace(known, outcome=_OUTCOMES[body["kind"]], at=at, newer=newer)


def pending_look(catalogue: Catalogue, archive_id: str) -> SecondLook | None:
    """Return the second look that waits for an empty archive, if one does."""
    looks = (each for each in second_looks(catalogue) if each.archive == archive_id)
    return next((look for look in looks if look.outcome is SecondLookOutcome.PENDING), None)


def looks_to_make(catalogue: Catalogue, stream: str, now: datetime) -> list[SecondLook]:
    """Return the second looks of a stream that are due and for which no job was ever made."""
    looks = (
        each for each in second_looks(catalogue) if each.stream == stream and each.outcome is SecondLookOutcome.PENDING
    )
    return [each for each in looks if each.due is not None and each.due <= now and not _has_job(catalogue, each)]


def earlier_intervals(catalogue: Catalogue, stream: str, before: datetime) -> Iterator[Interval]:
    """Yield what of a stream is archived or empty before an instant, the latest first, at most MOST windows."""
    for row in catalogue.read(SETTLED_BEFORE, stream, to_text(before), MOST):
        with naming("coverage", stream, row["window_start"]):
            window = Window(to_instant(row["window_start"]), to_instant(row["window_end"]))
            interval = Interval(stream, window, Cover(row["cover"]))
        yield interval


def note_doubt(catalogue: Catalogue, interval: Interval, doubt: Doubt, due: datetime | None, now: datetime) -> None:
    """Write down that an empty window is unusual; inside a transaction."""
    facts: dict[str, Fact] = {"window": _span(interval.window), "doubt": doubt.value}
    facts.update({"due": format_instant(due)} if due else {})
    add_entry(catalogue, Entry(DOUBTED, now, interval.job, interval.archive, interval.stream, facts))


def note_outcome(
    catalogue: Catalogue, interval: Interval, outcome: SecondLookOutcome, now: datetime, **facts: Fact
) -> None:
    """Write down what another export of an empty window came to; inside a transaction.

    `interval` is the window as it was covered, `facts` are `newer` and `job` of the other export, or the `cause`.
    """
    job = str(facts.pop("job", ""))
    details = {"window": _span(interval.window), **{name: fact for name, fact in facts.items() if fact}}
    add_entry(catalogue, Entry(_KINDS[outcome], now, job, interval.archive, interval.stream, details))


def _doubted(body: dict[str, Any]) -> SecondLook:
    facts = body["facts"]
    start, end = map(parse_instant, facts["window"])
    due = parse_instant(facts["due"]) if facts.get("due") else None
    return SecondLook(
        stream=str(body["stream"]),
        window=Window(start, end),
        archive=str(body["archive"]),
        doubt=Doubt(facts["doubt"]),
        due=due,
        outcome=SecondLookOutcome.PENDING if due else SecondLookOutcome.UNCONFIRMED,
        at=parse_instant(body["at"]),
    )


def _renamed(catalogue: Catalogue, look: SecondLook) -> SecondLook | None:
    covered = covered_by(catalogue, look.archive) or (look.newer and covered_by(catalogue, look.newer))
    return replace(look, stream=covered[0].stream) if covered else None


def _has_job(catalogue: Catalogue, look: SecondLook) -> bool:
    start, end = to_text(look.window.start), to_text(look.window.end)
    return catalogue.read_one(SECOND_LOOK_JOB, look.stream, start, end) is not None


def _span(window: Window) -> list[Fact]:
    return [format_instant(window.start), format_instant(window.end)]
