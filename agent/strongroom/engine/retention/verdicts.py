"""Whether each archive is retained, on hold or eligible for destruction at an instant, and why; reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.retention.rules import is_locked
from strongroom.model.archive import Archive
from strongroom.model.hold import Hold, catches
from strongroom.model.retention import (
    AtEnd,
    Fate,
    RetentionRecord,
    Verdict,
    judge,
)
from strongroom.vault.destructions import live_proposals
from strongroom.vault.holds import holds
from strongroom.vault.retention_records import (
    count_over,
    get_record,
    record_of,
    records,
    records_by_end,
    records_over,
)
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault


class Judged(Struct, frozen=True):
    """One archive with its verdict."""

    record: RetentionRecord
    verdict: Verdict


def verdict(vault: Vault, archive: Archive | str, at: datetime) -> Verdict:
    """Judge one archive as of an instant. One that the catalogue does not know is retained."""
    name = archive if isinstance(archive, str) else archive.id
    catalogue = vault.catalogue
    record = get_record(catalogue, name)
    if record is None and get_tombstone(catalogue, name) is not None:
        return Verdict(name, Fate.DESTROYED, None, None, (), "it was destroyed")
    if record is None and not isinstance(archive, str):
        found = judge(record_of(archive), holds(catalogue), at)
        return found if found.fate is Fate.HELD else _unknown(name)
    return _unknown(name) if record is None else judge(record, holds(catalogue), at)


def judged(vault: Vault, at: datetime, *, stream: str = "", fate: Fate | None = None) -> Iterator[Judged]:
    """Judge every archive of the catalogue as of an instant, oldest first, or only those of a stream or fate."""
    standing = holds(vault.catalogue)
    for record in records(vault.catalogue, stream):
        found = judge(record, standing, at)
        if fate is None or found.fate is fate:
            yield Judged(record, found)


def due(vault: Vault, at: datetime) -> Iterator[Verdict]:
    """Yield the archives that are eligible for destruction, those first whose period ended first."""
    standing = holds(vault.catalogue)
    found = (judge(record, standing, at) for record in records_over(vault.catalogue, at))
    return (each for each in found if each.fate is Fate.DUE)


def with_present_names(found: Iterable[Judged], names: Mapping[str, str]) -> list[Judged]:
    """Return the verdicts with the present name of each archive's stream."""
    return [
        replace(each, record=replace(each.record, stream=names.get(each.record.stream, each.record.stream)))
        for each in found
    ]


def _unknown(archive_id: str) -> Verdict:
    return Verdict(archive_id, Fate.UNKNOWN, None, None, (), "retained: the catalogue does not know it")


NO_RULE = "(no rule)"


class ClassSum(Struct):
    """The archives of one retention class."""

    name: str
    fates: Counter[Fate] = field(default_factory=Counter)
    next_over: datetime | None = None  # when the period of the next retained one ends


class Summary(Struct):
    """The retention of all archives in numbers."""

    at: datetime
    classes: dict[str, ClassSum] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)  # in which periods end, as 2033-11; those on hold count too
    fates: Counter[Fate] = field(default_factory=Counter)

    def add(self, each: Judged) -> None:
        """Count one archive."""
        verdict, rule = each.verdict, each.record.rule
        name = rule.name if rule is not None else NO_RULE
        sums = self.classes.setdefault(name, ClassSum(name))
        sums.fates[verdict.fate] += 1
        self.fates[verdict.fate] += 1
        if verdict.until is None:
            return
        self.months[f"{verdict.until:%Y-%m}"] += 1
        if verdict.fate is Fate.KEEP and (sums.next_over is None or verdict.until < sums.next_over):
            sums.next_over = verdict.until


def summarise(found: Iterable[Judged], at: datetime) -> Summary:
    """Return the sums of judged archives."""
    summary = Summary(at)
    for each in found:
        summary.add(each)
    return summary


class RetentionTotals(Struct, frozen=True):
    """Retention in five numbers, as of an instant."""

    at: datetime
    over: int  # archives whose period is over, on hold or not
    holds: int  # active
    matters: int
    proposals: int  # unfinished destruction plans


def retention_totals(vault: Vault, at: datetime) -> RetentionTotals:
    """Return retention in five numbers."""
    standing = holds(vault.catalogue)
    matters = len({hold.matter for hold in standing})
    return RetentionTotals(
        at, count_over(vault.catalogue, at), len(standing), matters, len(live_proposals(vault.catalogue))
    )


def verdicts_by_end(
    vault: Vault, at: datetime, *, stream: str = "", before: RetentionRecord | None = None, most: int = 100
) -> list[Judged]:
    """Judge one page of archives as of an instant, those first whose period ends first."""
    standing = holds(vault.catalogue)
    found = records_by_end(vault.catalogue, before, most, stream)
    return [Judged(record, judge(record, standing, at)) for record in found]


def held_among(vault: Vault, archives: Iterable[Archive]) -> frozenset[str]:
    """Return the ids of those archives that are on hold."""
    standing = holds(vault.catalogue)
    records = [record_of(each) for each in archives] if standing else []
    return frozenset(each.id for each in records if any(catches(hold, each) for hold in standing))


def list_holds(vault: Vault, *, active: bool = True) -> list[Hold]:
    """Return the holds that stand, or all, in the order in which they were placed."""
    return holds(vault.catalogue, active=active)


class Judgement(Struct, frozen=True):
    """One verdict, in the words of a destruction plan."""

    fate: Fate
    rule: str  # the retention rule, in words
    citation: str
    words: str  # why, for a person
    at_end: AtEnd = AtEnd.ASK
    locked: bool = False  # the rule can only be extended: no ground overrides it


Judge = Callable[[Vault, Archive, datetime], Judgement]


def judge_anew(vault: Vault, archive: Archive, at: datetime) -> Judgement:
    """Judge an archive as of an instant, by its rule and the active holds."""
    found = verdict(vault, archive, at)
    rule = found.rule
    return Judgement(
        fate=found.fate,
        rule=f"no rule of class {archive.retention} is known" if rule is None else rule.words,
        citation="" if rule is None else rule.citation,
        words=found.reason,
        at_end=AtEnd.ASK if rule is None else rule.at_end,
        locked=is_locked(vault),
    )
