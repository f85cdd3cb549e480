"""A walk over a list of records: which pages to keep, whether the list is in order, and when it ends. Pure.

A list that takes no range of time is walked from the newest record to the oldest, over both ends of the window. Within
one second any order is accepted, and another one in each answer. So an end is passed only with a record of another
second, and a second that is torn, because its records are on two pages, must be shown whole by one page more.

Every list is walked twice at least, until a walk shows no record of the window that an earlier one did not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from strongroom.model.errors import RequestRefused
from strongroom.model.times import format_instant
from strongroom.model.window import Window

PASSES = 6
"""Walks over one window before it is left for later: a list that changes all the time shows no whole."""


class ListedRecord(Struct, frozen=True):
    """What a walk knows of a record."""

    name: str
    at: datetime


def whole_second(at: datetime) -> datetime:
    """Return the second of an instant."""
    return at.replace(microsecond=0)


def all_newer(records: Sequence[ListedRecord], window: Window) -> bool:
    """Say whether a page is of records after the window alone, so that the walk to it goes on."""
    return bool(records) and all(whole_second(each.at) > window.end for each in records)


def lead_in(records: Sequence[ListedRecord], second: datetime) -> int:
    """Return how many records of a page to pass over so that the next page begins just before a second; 0 for none.

    A few are left before it, as new records may arrive at the head of the list meanwhile.
    """
    newer = sum(whole_second(each.at) > second for each in records)
    return newer - min(3, newer - 1) if newer > 1 else 0


class Walk:
    """What a walk over one window has shown. `bounded` says that the list itself takes the range of time."""

    def __init__(self, window: Window, *, bounded: bool) -> None:
        self._window, self._bounded = window, bounded
        self._known = set[str]()  # the records of the window, of all walks
        self._shown = set[str]()  # the records of this walk
        self._oldest: datetime | None = None  # second that this walk has reached
        self._edge: datetime | None = None  # second in which the last page ended
        self._torn, self._whole = set[datetime](), set[datetime]()
        self._fresh = 0  # records of the window that this walk was the first to show
        self._begun = False
        self.passes = 0  # walks that are over

    @property
    def complete(self) -> bool:
        """Whether the last walk showed nothing of the window that was not known before it, and no second is torn."""
        return self.passes > 1 and not self._fresh and self.torn is None

    @property
    def torn(self) -> datetime | None:
        """The newest second of the window that lies on two pages and that no page has shown whole."""
        return max(self._torn - self._whole, default=None)

    @property
    def past_start(self) -> bool:
        """Whether a record of a second before the window's start has been shown: the rest of the list is older."""
        return not self._bounded and self._oldest is not None and self._oldest < whole_second(self._window.start)

    def begin(self) -> None:
        """Start the list over again."""
        self._shown, self._oldest, self._edge, self._fresh, self._begun = set(), None, None, 0, False

    def end(self) -> None:
        """Count a walk that came to its end."""
        self.passes += 1

    def starts_inside(self, records: Sequence[ListedRecord]) -> bool:
        """Say whether a walk that starts with this page, and not with the list, misses the window's end."""
        first = records[0].at if records else self._window.start
        return not self._bounded and not self._begun and whole_second(first) <= self._window.end

    def take(self, records: Sequence[ListedRecord], *, first: bool = False, last: bool = False) -> bool:
        """Take the next page; return whether to keep it. `first` and `last` say that it is at an end of the list.

        Raises RequestRefused for a list that is not in order.
        """
        self._begun = True
        for each in records:
            if each.name not in self._shown:
                self._check_order(each)
            self._shown.add(each.name)
        if records and not self._bounded:
            self._note_seconds([whole_second(each.at) for each in records], first=first, last=last)
        return self._learn(records) or not self.passes

    def bridge(self, records: Sequence[ListedRecord], *, first: bool = False, last: bool = False) -> bool:
        """Take a page that lies over the end of another; return whether to keep it."""
        self._note_whole([whole_second(each.at) for each in records], first=first, last=last)
        return self._learn(records)

    def _learn(self, records: Sequence[ListedRecord]) -> bool:
        before = len(self._known)
        self._known |= {each.name for each in records if self._window.holds(each.at)}
        self._fresh += len(self._known) - before
        return len(self._known) > before

    def _note_seconds(self, seconds: list[datetime], *, first: bool, last: bool) -> None:
        newest, oldest = max(seconds), min(seconds)
        if self._edge is not None and newest >= self._edge:
            self._torn |= {each for each in seconds if each >= self._edge and self._is_inside(each)}
        self._note_whole(seconds, first=first, last=last)
        self._edge = oldest

    def _note_whole(self, seconds: list[datetime], *, first: bool, last: bool) -> None:
        """Note the seconds that lie inside a page; at the end of the list there is nothing on the other side."""
        if seconds:
            ends = ({max(seconds)} if not first else set()) | ({min(seconds)} if not last else set())
            self._whole |= set(seconds) - ends

    def _is_inside(self, second: datetime) -> bool:
        return whole_second(self._window.start) <= second < self._window.end

    def _check_order(self, each: ListedRecord) -> None:
        second = whole_second(each.at)
        if not self._bounded and self._oldest is not None and second > self._oldest:
            raise RequestRefused(
                f"the list is not in order: a record of {format_instant(second)} follows one of"
                f" {format_instant(self._oldest)}, so no page shows where the window ends",
                hint="a list without a range of time can be collected only from its newest record to its oldest",
            )
        self._oldest = second if self._oldest is None else min(self._oldest, second)
