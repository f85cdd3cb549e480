"""How long an archive is kept, and what decides it: a rule that was fixed when it came, and the holds that stand.

Nothing in here destroys anything. A verdict is worked out from the rule, the holds and an instant, and each of them can
only make an archive live longer: a hold wins over everything, an unreadable rule keeps for ever, of several rules the
one that ends last decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from strongroom.model.hold import Hold, catches
from strongroom.model.instants import require_utc
from strongroom.model.period import Period
from strongroom.model.window import Window

NAMED_BY = "+"
"""Between the names of classes where a stream has several: no name of a class contains it."""


class Basis(StrEnum):
    """From when a retention period is counted."""

    WINDOW_END = "window-end"  # the end of the window that was exported
    INGEST = "ingest"  # when the archive came into the vault


class AtEnd(StrEnum):
    """What happens when a retention period is over and no hold stands."""

    ASK = "ask"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class RetentionRule:
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


@dataclass(frozen=True, slots=True)
class Record:
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


@dataclass(frozen=True, slots=True)
class Verdict:
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


def judge(record: Record, holds: Iterable[Hold], at: datetime) -> Verdict:
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
