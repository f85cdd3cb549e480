"""Reconcile two streams: which ids are on one side only, day by day, in memory that does not grow with the period.

An id counts as missing only where the other side was archived for the whole time in which its record can be. Where it
was not, nobody can say, and the id is undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.window import Window

_DAY = timedelta(days=1)


class Side(StrEnum):
    """One of the two streams."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """Return the other one."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class ReconciledDay(Struct, frozen=True):
    """The result of one day, by the times of the records."""

    day: date
    left: int  # different ids
    right: int
    left_only: tuple[str, ...]  # ids without a partner, though the other stream was archived
    right_only: tuple[str, ...]
    undecided: int  # ids without a partner, where the other stream is not archived

    @property
    def is_even(self) -> bool:
        """Say whether no id is on one side only."""
        return not self.left_only and not self.right_only


class Reconciliation:
    """Takes in ids in the rough order of time, and gives the days that are complete."""

    def __init__(self, period: Window, zone: str, within: timedelta, covered: Mapping[Side, Sequence[Window]]) -> None:
        """`covered` is what of each side is archived, in order of time."""
        self._period, self._zone, self._within, self._covered = period, ZoneInfo(zone), within, covered
        self._days: dict[Side, dict[date, dict[str, datetime]]] = {Side.LEFT: {}, Side.RIGHT: {}}
        self._settled = period.start.astimezone(self._zone).date()

    @property
    def reach(self) -> Window:
        """Return the time whose records must be taken in: the period, and how far apart partners may be."""
        return Window(self._period.start - self._within, self._period.end + self._within)

    def put(self, side: Side, key: str, at: datetime) -> None:
        """Take in the id of a record."""
        found = self._days[side].setdefault(at.astimezone(self._zone).date(), {})
        found.setdefault(key, at)

    def settle(self, before: datetime | None) -> Iterator[ReconciledDay]:
        """Yield the days that nothing which is still to come can change: no record of it is from before an instant.

        None is the end: every day is complete.
        """
        last = (self._period.end - timedelta(microseconds=1)).astimezone(self._zone).date()
        while self._settled <= last:
            day = self._settled
            end = datetime.combine(day + _DAY, time(0), self._zone).astimezone(UTC)
            if before is not None and end + self._within > before:
                return
            found = self._result(day)
            if found is not None:
                yield found
            self._settled = day + _DAY
            self._forget(end - self._within)

    @property
    def held(self) -> int:
        """Return how many ids are in memory."""
        return sum(len(ids) for days in self._days.values() for ids in days.values())

    def _result(self, day: date) -> ReconciledDay | None:
        own = {side: self._of_period(side, day) for side in Side}
        if not any(own.values()):
            return None
        missing: dict[Side, list[str]] = {}
        undecided = 0
        for side in Side:
            alone = [(key, at) for key, at in own[side].items() if not self._has_partner(side, key, at)]
            sure = [key for key, at in alone if self._is_covered(side.other, at)]
            missing[side] = sorted(sure)
            undecided += len(alone) - len(sure)
        return ReconciledDay(
            day, len(own[Side.LEFT]), len(own[Side.RIGHT]), tuple(missing[Side.LEFT]), tuple(missing[Side.RIGHT]),
            undecided,
        )  # fmt: skip

    def _of_period(self, side: Side, day: date) -> dict[str, datetime]:
        return {key: at for key, at in self._days[side].get(day, {}).items() if self._period.holds(at)}

    def _has_partner(self, side: Side, key: str, at: datetime) -> bool:
        """Say whether the other side has the id near this time: to the day, which is never too strict."""
        days, day = self._days[side.other], (at - self._within).astimezone(self._zone).date()
        last = (at + self._within).astimezone(self._zone).date()
        while day <= last:
            if key in days.get(day, ()):
                return True
            day += _DAY
        return False

    def _is_covered(self, side: Side, at: datetime) -> bool:
        tick = timedelta(microseconds=1)
        wanted = Window(at - self._within, at + self._within + tick)
        rest = wanted.start
        for each in self._covered[side]:
            if each.start > rest:
                return False
            rest = max(rest, each.end)
            if rest >= wanted.end:
                return True
        return False

    def _forget(self, before: datetime) -> None:
        limit = before.astimezone(self._zone).date()
        for days in self._days.values():
            for day in [day for day in days if day < limit]:
                del days[day]


def field_value(record: Mapping[str, Any], path: str, decode: Callable[[str], Any]) -> str:
    """Return the value of a field as text, empty for none. Dots lead into objects, and into JSON inside a text.

    `decode` reads JSON and raises ValueError.
    """
    if path in record:
        return _as_text(record[path])
    value: Any = record
    for name in path.split("."):
        if isinstance(value, str):
            try:
                value = decode(value)
            except (ValueError, RecursionError):
                return ""
        if not isinstance(value, Mapping) or name not in value:
            return ""
        value = value[name]
    return _as_text(value)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, str | int | float) else ""
