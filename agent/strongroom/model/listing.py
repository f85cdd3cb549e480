"""How lists are ordered and cut: by what archives are sorted, and a stretch of time in a person's short words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from strongroom.model.window import Window

_DAY = timedelta(days=1)
_FORM = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", re.ASCII)


class Sort(StrEnum):
    """What a list of archives is sorted by, always the newest or largest first."""

    ARCHIVED = "archived"  # when it was proven
    WINDOW = "window"
    SIZE = "size"  # as delivered
    RECORDS = "records"


def read_stretch(text: str) -> Window | None:
    """Read `2026-03`, `2026-03-14` or two of them with .. between, in UTC and the last one included.

    Returns None for text that is no such thing. Raises ValueError for one that no calendar has.
    """
    first, apart, last = text.partition("..")
    if not _FORM.fullmatch(first) or (apart and not _FORM.fullmatch(last)):
        return None
    start, end = _edges(first)[0], _edges(last or first)[1]
    if start >= end:
        raise ValueError("a stretch of time ends after it begins")
    return Window(start, end)


def _edges(text: str) -> tuple[datetime, datetime]:
    form = _FORM.fullmatch(text)
    assert form is not None  # noqa: S101 - the caller has matched it
    year, month, day = int(form[1]), int(form[2]), int(form[3] or 1)
    if not 1970 <= year < 9000:
        raise ValueError("a year is from 1970 to 8999")
    start = datetime(year, month, day, tzinfo=UTC)
    if form[3]:
        return start, start + _DAY
    return start, start.replace(year=year + month // 12, month=month % 12 + 1)
