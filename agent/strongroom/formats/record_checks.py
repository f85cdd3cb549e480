"""Hold the time of every record against the window, at the speed of comparing strings.

Most exports write all times in one shape, such as `2026-01-01T00:00:00.000Z`. Times of one shape in UTC sort as text
in the order of time, so a batch that keeps one shape needs only its smallest and largest text turned into instants.
A batch that mixes shapes, offsets or unreadable values is read value by value. Both ways give the same answer.

Watch the fields of the records for drift: new names, names that are gone, names given twice.

Listing every name of every record makes the whole reading about 2.7 times slower, the choice below about 3 %.
What is looked at:

- whether each field documented as always there was seen: exactly, over all records;
- unknown and repeated names: every record of the first batch; after it one record in 64, the last of each batch, and
  every record whose *number* of fields was not seen before (the number itself is read for every record).

So a field that is added anywhere is found when it changes the number of fields to one never seen, and otherwise when
it comes in more than a few records. What can be missed is one name exchanged for another in a handful of records.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from strongroom.formats.plaintext import FindingLog, printable
from strongroom.model.inspection import Severity
from strongroom.model.plan import DatasetShape
from strongroom.model.text import clause
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window

_TO_ZERO = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_SHAPE = re.compile(rb"0000-00-00T00:00:00(?:\.0+)?(?:Z|\+00:00)")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_HOURS_KEPT = 10_000


class DateTally:
    """Counts the times of one member's records against the window and keeps the extremes."""

    def __init__(self, window: Window, *, end_inclusive: bool, overlap: timedelta = timedelta(0)) -> None:
        self.in_window = 0
        self.undated = 0
        self.at_end = 0  # exactly at the window's end, which the request may have included
        self.earliest: datetime | None = None
        self.latest: datetime | None = None
        self.in_overlap = 0  # outside the window, but within the requested overlap
        self._before = 0
        self._after = 0
        self._reach = _reach(window, overlap)
        self._window = window
        self._end_inclusive = end_inclusive
        self._hours: set[str] = set()  # texts such as 2026-01-01T00 that are known to be hours of real days

    def add(self, values: Sequence[Any]) -> None:
        """Count one time for each record; None or anything unreadable counts as undated."""
        if not values:
            return
        if self._are_one_shape(values) and self._add_one_shape(values):
            return
        instants = [instant for value in values if (instant := read_time(value))]
        self.undated += len(values) - len(instants)
        if instants:
            self._widen(min(instants), max(instants))
            self._classify(sorted(instants))

    def report(self, log: FindingLog, member: str) -> None:
        """Enter what is remarkable about the times."""
        if self.undated:
            log.add(
                Severity.WARNING,
                "record-undated",
                clause(self.undated, "record has no readable time", "records have no readable time"),
                member,
            )
        if self.at_end and self._end_inclusive:
            words = clause(
                self.at_end,
                "record lies exactly at the window's end and belongs to the next window too",
                "records lie exactly at the window's end and belong to the next window too",
            )
            log.add(Severity.NOTE, "record-at-end", words, member)
        if self.in_overlap:
            words = clause(self.in_overlap, "record lies", "records lie")
            words += " just outside the window, in the margin that was requested on purpose"
            log.add(Severity.NOTE, "record-in-overlap", words, member)
        after = self._after + (0 if self._end_inclusive else self.at_end)
        if self._before and self.earliest:
            self._warn(log, member, self._before, "before", "earliest", self.earliest)
        if after and self.latest:
            self._warn(log, member, after, "after", "latest", self.latest)

    def _warn(self, log: FindingLog, member: str, count: int, side: str, extreme: str, instant: datetime) -> None:
        words = clause(count, "record lies", "records lie")
        words += f" {side} the window {self._window}; the {extreme} at {format_instant(instant)}"
        log.add(Severity.WARNING, "record-outside-window", words, member)

    def _are_one_shape(self, values: Sequence[Any]) -> bool:
        try:
            joined = "".join(values).encode("ascii")
        except (TypeError, UnicodeEncodeError):
            return False
        length = len(values[0])
        shape = joined[:length].translate(_TO_ZERO)
        if not _SHAPE.fullmatch(shape) or joined.translate(_TO_ZERO) != shape * len(values):
            return False
        if shape.endswith(b"+00:00") and joined.count(b"+00:00") != len(values):
            return False
        small = joined[14::length] + joined[17::length]  # the tens of minutes and of seconds
        return not small.translate(None, b"012345")

    def _are_hours(self, texts: set[str]) -> bool:
        fresh = texts - self._hours
        if any(read_time(f"{text}:00:00Z") is None for text in fresh):
            return False
        if len(self._hours) > _HOURS_KEPT:
            self._hours.clear()
        self._hours |= fresh
        return True

    def _add_one_shape(self, values: Sequence[str]) -> bool:
        """Count texts of one shape; return False, with nothing counted, where a day or hour does not exist."""
        low, high = min(values), max(values)
        # What sorts between two texts that begin alike begins like them, and most batches lie within one hour.
        hours = {low[:13]} if low[:13] == high[:13] else {value[:13] for value in values}
        if not self._are_hours(hours):
            return False
        first, last = parse_instant(low), parse_instant(high)
        self._widen(first, last)
        if self._window.start <= first and last < self._window.end:
            self.in_window += len(values)
        else:
            self._classify(sorted(values))
        return True

    def _classify(self, ordered: Sequence[Any]) -> None:
        """Count values in the order of time, instants or texts of one shape."""
        start = bisect_left(ordered, self._window.start, key=_as_instant)
        end = bisect_left(ordered, self._window.end, lo=start, key=_as_instant)
        behind = bisect_right(ordered, self._window.end, lo=end, key=_as_instant)
        first = bisect_left(ordered, self._reach[0], hi=start, key=_as_instant)
        self.in_window += end - start
        self.at_end += behind - end
        last = bisect_right(ordered, self._reach[1], lo=behind, key=_as_instant)
        self._before += first
        self.in_overlap += (start - first) + (last - behind)
        self._after += len(ordered) - last

    def _widen(self, first: datetime, last: datetime) -> None:
        self.earliest = min(self.earliest or first, first)
        self.latest = max(self.latest or last, last)


def _reach(window: Window, overlap: timedelta) -> tuple[datetime, datetime]:
    """Return how far records may lie outside the window without being remarkable."""
    return (window.start - overlap, window.end + overlap) if overlap else (window.start, window.end)


def read_time(value: Any) -> datetime | None:
    """Return the instant that an RFC 3339 text names, or None for anything else.

    Numbers are not taken for times: whether they count seconds or milliseconds would be a guess.
    """
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        return None
    try:
        return parse_instant(value.upper())
    except (ValueError, OverflowError):  # a day that does not exist; an offset that leaves the calendar
        return None


def _as_instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else parse_instant(value)


SAMPLE = 64
_COUNTS_KEPT = 1_000


class FieldWatch:
    """Collects the drift of one member."""

    def __init__(self, shape: DatasetShape, max_fields: int) -> None:
        self._known = shape.known | shape.always
        self._judges_unknown = bool(shape.known)  # where nothing is documented, nothing is new
        self._missing = set(shape.always)
        self._max_fields = max_fields
        self._unknown: dict[str, None] = {}  # in the order of appearance
        self._crowded = False
        self._repeated = 0
        self._counts: set[int] = set()
        self._records = 0

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names that are not documented, printable, in the order of appearance, at most `max_fields`."""
        return tuple(self._unknown)

    @property
    def vanished(self) -> tuple[str, ...]:
        """Names documented as always there that no record has; empty where there are no records."""
        return tuple(sorted(printable(name) for name in self._missing)) if self._records else ()

    def see(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Look at one batch of records, at least one."""
        for record in records:
            if not self._missing:
                break
            self._missing.difference_update(record)
        self._look_at(self._choose(records))
        self._records += len(records)

    def _choose(self, records: Sequence[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        counts = set(map(len, records))
        fresh = counts - self._counts
        if len(self._counts) < _COUNTS_KEPT:
            self._counts |= fresh
        if not self._records:
            return records
        chosen = [*records[::SAMPLE], records[-1]]
        if fresh:
            chosen += [record for record in records if len(record) in fresh]
        return chosen

    def _look_at(self, records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            names = list(record)
            if self._judges_unknown and not self._known.issuperset(names):
                self._remember(set(names) - self._known)
            if len(set(names)) != len(names):
                self._repeated += 1

    def _remember(self, names: set[str]) -> None:
        for name in sorted(map(printable, names)):
            if len(self._unknown) < self._max_fields:
                self._unknown[name] = None
            elif name not in self._unknown:
                self._crowded = True

    def report(self, log: FindingLog, member: str) -> None:
        """Enter the drift: facts to report, never a reason to refuse."""
        if self._unknown:
            more = " and more" if self._crowded else ""
            words = (
                clause(len(self._unknown), "field is", "fields are") + f" not documented: {_list(self.unknown)}{more}"
            )
            log.add(Severity.NOTE, "field-unknown", words, member)
        if self.vanished:
            words = f"fields documented as always there are in no record: {_list(self.vanished)}"
            log.add(Severity.WARNING, "field-vanished", words, member)
        if self._repeated:
            words = "records name a field twice; JSON does not say which of the values counts"
            log.add(Severity.WARNING, "field-repeated", words, member)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
