"""A retention period is counted on the calendar of a time zone: seven years end on the same day seven years on.

Where that day does not exist (29 February, 31 April) the period ends on the first day after it, never before it: a
rounding must not shorten a record's life. For the same reason a time of day that the zone skips ends after the gap, and
one that it has twice ends the second time.

How long an archive is kept, and what decides it: the rule fixed when it was archived, and the active holds.

Nothing in here destroys anything. A verdict is worked out from the rule, the holds and an instant, and each of them can
only make an archive live longer: a hold wins over everything, an unreadable rule keeps for ever, of several rules the
one that ends last decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from strongroom.model.hold import Hold, catches
from strongroom.model.times import require_utc
from strongroom.model.window import Window


class PeriodUnit(StrEnum):
    """What a retention period counts."""

    DAYS = "d"
    WEEKS = "w"
    MONTHS = "m"
    YEARS = "y"


_FORM = re.compile(r"([0-9]{1,6}) ?(d|w|m|y|days?|weeks?|months?|years?)", re.ASCII)
_LAST_YEAR = 9999
_MOST = {PeriodUnit.DAYS: 365_250, PeriodUnit.WEEKS: 52_178, PeriodUnit.MONTHS: 12_000, PeriodUnit.YEARS: 1_000}


class Period(Struct, frozen=True):
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


NAMED_BY = "+"
"""Between the names of classes where a stream has several: no name of a class contains it."""


class Basis(StrEnum):
    """From when a retention period is counted."""

    WINDOW_END = "window-end"  # the end of the window that was exported
    INGEST = "ingest"  # when the archive came into the vault


class AtEnd(StrEnum):
    """What happens when a retention period is over and no hold is active."""

    ASK = "ask"
    DESTROY = "destroy"


class RetentionRule(Struct, frozen=True):
    """How long archives of a class are kept, by which rule, and what follows."""

    name: str
    period: Period
    basis: Basis = Basis.WINDOW_END
    citation: str = ""
    at_end: AtEnd = AtEnd.ASK
    zone: str = "UTC"  # IANA name: the calendar that the period is counted on, fixed when the archive comes

    @property
    def words(self) -> str:
        """Tell the rule on one line."""
        since = "its window's end" if self.basis is Basis.WINDOW_END else "its arrival"
        return f"{self.name}: {self.period} from {since}"


class Fate(StrEnum):
    """What may happen to an archive at an instant."""

    KEEP = "keep"  # its period is not over
    HELD = "held"  # by a legal hold, whatever its period says
    DUE = "due"  # its period is over: it may be proposed for destruction
    UNKNOWN = "unknown"  # no rule of it can be read: it is kept
    DESTROYED = "destroyed"  # nothing is left to decide

    @property
    def words(self) -> str:
        """Return what a person reads: the value is what catalogues and documents of every version have."""
        return {Fate.KEEP: "retained", Fate.HELD: "on hold", Fate.DUE: "eligible"}.get(self, self.value)


class RetentionRecord(Struct, frozen=True):
    """What of an archive decides its fate."""

    id: str
    stream: str
    source: str
    datasets: tuple[str, ...]
    window: Window
    retention: str  # the classes it was archived under, as its manifest names them
    rule: RetentionRule | None  # the one that decides, as fixed at ingest or lengthened since
    until: datetime | None  # when that one is over; None where there is none
    earliest: datetime | None = None  # what its records may be of; None where nothing bounds them
    latest: datetime | None = None
    destroyed: bool = False


class Verdict(Struct, frozen=True):
    """What may happen to one archive at an instant, and why."""

    archive: str
    fate: Fate
    until: datetime | None  # when its period is over; None where nobody can say
    rule: RetentionRule | None
    holds: tuple[str, ...]  # the ids of the holds that keep it
    reason: str  # for a person

    @property
    def words(self) -> str:
        """Return the verdict with its reason."""
        word = self.fate.words
        return self.reason if self.reason.startswith(word) else f"{word}: {self.reason}"


def class_names(text: str) -> tuple[str, ...]:
    """Return the classes that a stream, job or archive names."""
    return tuple(text.split(NAMED_BY)) if text else ()


def end_of(rule: RetentionRule, window: Window, ingested_at: datetime) -> datetime:
    """Return when the rule's period is over for an archive of this window that came at `ingested_at`.

    Past the year 9999 it is the last instant there is: longer than that nobody can wait, shorter it must not be.
    """
    begin = window.end if rule.basis is Basis.WINDOW_END else require_utc(ingested_at)
    try:
        return rule.period.add_to(begin, rule.zone)
    except OverflowError:
        return datetime.max.replace(tzinfo=window.end.tzinfo)


def longest(rules: Iterable[RetentionRule], window: Window, ingested_at: datetime) -> RetentionRule:
    """Return the rule that ends last; of those that end together the first that asks. Raises ValueError for none."""
    return max(rules, key=lambda rule: (end_of(rule, window, ingested_at), rule.at_end is AtEnd.ASK))


def is_shorter(new: RetentionRule, old: RetentionRule) -> bool:
    """Say whether the new rule ends before the old one for any archive that can come.

    Both bases are tried on every day of a leap cycle, because months and days have no fixed rate; an archive comes
    after its window has ended, at once or much later.
    """
    if (new.period, new.basis) == (old.period, old.basis):
        return False
    if new.basis is Basis.WINDOW_END and old.basis is Basis.INGEST:
        return True
    first = datetime.fromisoformat("2096-01-01T00:00:00+00:00")  # eight years follow that are without a 29 February
    starts = (first + timedelta(days=day) for day in range(9 * 366))
    return any(_add(new.period, start) < _add(old.period, start) for start in starts)


def judge(record: RetentionRecord, holds: Iterable[Hold], at: datetime) -> Verdict:
    """Return what may happen to an archive at an instant, given every hold there is; those that do not catch it too."""
    if record.destroyed:
        return Verdict(record.id, Fate.DESTROYED, record.until, record.rule, (), "it was destroyed")
    caught = [hold for hold in holds if catches(hold, record)]
    if caught:
        names = ", ".join(dict.fromkeys(hold.matter for hold in caught))
        held = tuple(hold.id for hold in caught)
        return Verdict(record.id, Fate.HELD, record.until, record.rule, held, f"a legal hold of the matter {names}")
    if record.rule is None or record.until is None:
        reason = f"retained: no rule of its class {record.retention or '(none)'} was recorded when it came"
        return Verdict(record.id, Fate.UNKNOWN, None, None, (), reason)
    over = record.until <= require_utc(at)
    fate, verb = (Fate.DUE, "over since") if over else (Fate.KEEP, "retained until")
    reason = f"{verb} {record.until:%Y-%m-%d}, {record.rule.words}"
    return Verdict(record.id, fate, record.until, record.rule, (), reason)


def _add(period: Period, start: datetime) -> datetime:
    try:
        return period.add_to(start)
    except OverflowError:
        return datetime.max.replace(tzinfo=start.tzinfo)
