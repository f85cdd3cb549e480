"""A retention period is counted on the calendar of a time zone: seven years end on the same day seven years on.

Where that day does not exist (29 February, 31 April) the period ends on the first day after it, never before it: a
rounding must not shorten a record's life. For the same reason a time of day that the zone skips ends after the gap, and
one that it has twice ends the second time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from strongroom.model.instants import require_utc


class PeriodUnit(StrEnum):
    """What a retention period counts."""

    DAYS = "d"
    WEEKS = "w"
    MONTHS = "m"
    YEARS = "y"


_FORM = re.compile(r"([0-9]{1,6}) ?(d|w|m|y|days?|weeks?|months?|years?)", re.ASCII)
_LAST_YEAR = 9999
_MOST = {PeriodUnit.DAYS: 365_250, PeriodUnit.WEEKS: 52_178, PeriodUnit.MONTHS: 12_000, PeriodUnit.YEARS: 1_000}


@dataclass(frozen=True, slots=True)
class Period:
    """A retention period: from one day to 1000 years. Raises ValueError outside of that."""

    count: int
    unit: PeriodUnit

    def __post_init__(self) -> None:
        if not 1 <= self.count <= _MOST[self.unit]:
            raise ValueError(f"a retention period is from one day to 1000 years, got {self}")

    def __str__(self) -> str:
        return f"{self.count}{self.unit.value}"

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `90d`, `12w`, `18m`, `7y` (m is months here) or `7 years`; raise ValueError for anything else."""
        form = _FORM.fullmatch(text)
        if form is None:
            raise ValueError("a retention period is a whole number and d, w, m (months) or y")
        return cls(int(form[1]), PeriodUnit(form[2][0]))

    def add_to(self, instant: datetime, zone: str = "UTC") -> datetime:
        """Return, in UTC, when a period that began at `instant` is over: at the same time of day in `zone` (IANA name).

        Raises ValueError for a time without a zone, ZoneInfoNotFoundError (a KeyError) for an unknown zone, and
        OverflowError past the year 9999.
        """
        if zone == "UTC":
            return self._add_to(require_utc(instant).replace(tzinfo=None)).replace(tzinfo=UTC)
        calendar = ZoneInfo(zone)
        end = self._add_to(require_utc(instant).astimezone(calendar).replace(tzinfo=None))
        return max(end.replace(tzinfo=calendar, fold=fold).astimezone(UTC) for fold in (0, 1))

    def _add_to(self, start: datetime) -> datetime:
        match self.unit:
            case PeriodUnit.DAYS:
                return start + timedelta(days=self.count)
            case PeriodUnit.WEEKS:
                return start + timedelta(weeks=self.count)
            case PeriodUnit.MONTHS:
                return _add_months(start, self.count)
            case PeriodUnit.YEARS:
                return _add_months(start, self.count * 12)


def _add_months(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if year > _LAST_YEAR:
        raise OverflowError(f"{months} months after {start:%Y-%m-%d} is past the year 9999")
    first = start.replace(year=year, month=month + 1, day=1)
    end = first + timedelta(days=start.day - 1)
    return end if end.month == first.month else end.replace(day=1)
