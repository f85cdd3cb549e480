"""The second look at an empty window: when an export without records is unusual enough to be made once more.

An export may come empty for a while by a fault of the provider that no count shows. A stream that always had records,
or always had some on that weekday, is therefore exported a second time after a delay before its empty window is
accepted. A stream raises this doubt once for itself and once for each weekday at the most.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.coverage import Cover, Interval
from strongroom.model.horizon import deadline
from strongroom.model.window import Window

DELAY = timedelta(days=1)
"""The delay where none is configured."""

LEAST_WINDOWS = 1  # archived with records before the window
LEAST_WEEKDAYS = 2  # the same of one weekday: different dates

_HEADROOM = timedelta(hours=1)  # before the provider begins to delete the window
_DAY_LONG = timedelta(hours=25)  # when clocks go back; a longer window has no weekday


class Doubt(StrEnum):
    """Why an empty window is unusual."""

    STREAM = "never-empty"
    WEEKDAY = "never-empty-on-weekday"


class SecondLookOutcome(StrEnum):
    """What came of a second look."""

    PENDING = "pending"
    CONFIRMED = "confirmed"  # empty again: accepted
    REFUTED = "refuted"  # it has records: the newer archive covers the window
    UNCONFIRMED = "unconfirmed"  # it could not be made


class SecondLook(Struct, frozen=True):
    """One empty window that was doubted."""

    stream: str
    window: Window
    archive: str  # of the export without records
    doubt: Doubt
    due: datetime | None  # None: it cannot be exported again
    outcome: SecondLookOutcome
    at: datetime  # of the doubt, or of its outcome
    newer: str = ""  # the archive of the second look


def doubt_of(window: Window, zone: str, earlier: Iterable[Interval]) -> Doubt | None:
    """Say whether a window without records is unusual for its stream; `earlier` is the ledger before it, in any order.

    Weekdays are those of the stream's zone. Destroyed and lost windows are not compared.
    """
    day = window.start.astimezone(ZoneInfo(zone)).date()
    with_records, was_empty = 0, False
    dates: set[date] = set()
    for each in earlier:
        if each.window.end > window.start or each.cover not in (Cover.PROVEN, Cover.EMPTY):
            continue
        then = each.window.start.astimezone(ZoneInfo(zone)).date()
        same = then.weekday() == day.weekday()
        if each.cover is Cover.EMPTY:
            was_empty = True
            if same:
                return None
        else:
            with_records += 1
            dates.update({then} if same else ())
    if not was_empty:
        return Doubt.STREAM if with_records >= LEAST_WINDOWS else None
    return Doubt.WEEKDAY if len(dates) >= LEAST_WEEKDAYS and window.length <= _DAY_LONG else None


def due_at(window: Window, now: datetime, delay: timedelta, keeps: timedelta | None) -> datetime:
    """Return when the second look is due: after the delay, or sooner where the provider deletes the window before."""
    ends = deadline(window, keeps)
    return now + delay if ends is None else max(now, min(now + delay, ends - _HEADROOM))


def words_of(look: SecondLook) -> str:
    """Say why a window is doubted and what came of it."""
    why = "the stream was never empty before"
    if look.doubt is Doubt.WEEKDAY:
        why = "the stream was never empty on that weekday"
    if look.outcome is SecondLookOutcome.PENDING:
        return f"{why}; it is exported again on {look.due:%Y-%m-%d %H:%MZ}" if look.due else why
    return f"{why}; {_OUTCOMES[look.outcome]}"


_OUTCOMES = {
    SecondLookOutcome.CONFIRMED: "the second look found it empty again",
    SecondLookOutcome.REFUTED: "the second look found records",
    SecondLookOutcome.UNCONFIRMED: "the second look could not be made, so one export alone says that it is empty",
}
