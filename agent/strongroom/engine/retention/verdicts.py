"""Whether each archive is retained, on hold, eligible for destruction or destroyed, and why; reads only.

No export brings back what was destroyed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.retention.rules import is_locked
from strongroom.model.archive import Archive, Tombstone
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.hold import Hold, catches
from strongroom.model.names import Noun
from strongroom.model.plan import Stream
from strongroom.model.retention import (
    AtEnd,
    Fate,
    RetentionRecord,
    Verdict,
    judge,
)
from strongroom.model.times import format_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.catalogue import Catalogue, find_by_prefix
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
from strongroom.vault.streams import renames
from strongroom.vault.tombstones import DestroyedArchive as DestroyedArchive  # the command line imports it from here
from strongroom.vault.tombstones import (
    count_tombstones,
    get_tombstone,
    is_logged,
    newest_tombstones,
    tombstones_touching,
)
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
    active = holds(vault.catalogue)
    for record in records(vault.catalogue, stream):
        found = judge(record, active, at)
        if fate is None or found.fate is fate:
            yield Judged(record, found)


def due(vault: Vault, at: datetime) -> Iterator[Verdict]:
    """Yield the archives that are eligible for destruction, those first whose period ended first."""
    active = holds(vault.catalogue)
    found = (judge(record, active, at) for record in records_over(vault.catalogue, at))
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
    active = holds(vault.catalogue)
    matters = len({hold.matter for hold in active})
    return RetentionTotals(
        at, count_over(vault.catalogue, at), len(active), matters, len(live_proposals(vault.catalogue))
    )


def verdicts_by_end(
    vault: Vault, at: datetime, *, stream: str = "", before: RetentionRecord | None = None, most: int = 100
) -> list[Judged]:
    """Judge one page of archives as of an instant, those first whose period ends first."""
    active = holds(vault.catalogue)
    found = records_by_end(vault.catalogue, before, most, stream)
    return [Judged(record, judge(record, active, at)) for record in found]


def held_among(vault: Vault, archives: Iterable[Archive]) -> frozenset[str]:
    """Return the ids of those archives that are on hold."""
    active = holds(vault.catalogue)
    records = [record_of(each) for each in archives] if active else []
    return frozenset(each.id for each in records if any(catches(hold, each) for hold in active))


def list_holds(vault: Vault, *, active: bool = True) -> list[Hold]:
    """Return the active holds, or all, in the order in which they were placed."""
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


_LAST = datetime(9999, 12, 31, tzinfo=UTC)


def list_destroyed(vault: Vault, most: int, stream: str = "") -> tuple[DestroyedArchive, ...]:
    """Return destroyed archives, newest first, of one stream or of all."""
    return tuple(newest_tombstones(vault.catalogue, most, stream))


def count_destroyed(vault: Vault) -> int:
    """Return the number of destroyed archives."""
    return count_tombstones(vault.catalogue)


class Destroyed(UsageError):
    """The archive was destroyed, so it cannot be opened, checked or compared."""


def words_of(tombstone: Tombstone) -> str:
    """Return when and under which rule an archive was destroyed."""
    why = f", {tombstone.citation}" if tombstone.citation else ""
    return f"was destroyed at {format_instant(tombstone.destroyed_at)} under {tombstone.rule}{why}"


def refuse_destroyed(catalogue: Catalogue, part: str) -> None:
    """Raise Destroyed where an id, or a unique part of one, is that of a destroyed archive."""
    found = get_tombstone(catalogue, part) if part else None
    ids = find_by_prefix(catalogue, "tombstones", part) if part and found is None else []
    if found is None and len(ids) == 1:
        found = get_tombstone(catalogue, ids[0])
    if found is not None:
        tombstone = found.tombstone
        raise Destroyed(
            f"archive {tombstone.archive} ({tombstone.stream}, {format_instant(tombstone.window.start)} to"
            f" {format_instant(tombstone.window.end)}) {words_of(tombstone)}",
            hint=f"see its certificate: strongroom destroy certificate {tombstone.archive}",
        )


def destroyed_before(
    catalogue: Catalogue, stream: Stream, start: datetime | None, ledger: Sequence[Interval]
) -> Iterator[Interval]:
    """Yield what was destroyed of a stream's records, from `start` on, and is not in the stream's coverage.

    As in `refuse_return` for a person's export, nothing destroyed comes back under another name.
    """
    if start is None:
        return
    known = [each.window for each in ledger]
    sources = renames(catalogue).names_of(Noun.SOURCE, stream.source)
    for tombstone in tombstones_touching(catalogue, Window(start, _LAST)):
        if not _is_of(tombstone, sources, stream.datasets):
            continue
        parts = list(subtract(tombstone.window, known))
        for part in parts if parts and is_logged(catalogue, tombstone) else ():
            known.append(part)
            cause = f"destroyed under {tombstone.rule}"
            yield Interval(stream.name, part, Cover.DESTROYED, tombstone.archive, tombstone.job, cause)


def _is_of(tombstone: Tombstone, sources: Sequence[str], datasets: Sequence[str]) -> bool:
    return tombstone.source in sources and bool(set(tombstone.datasets) & set(datasets))


def refuse_return(catalogue: Catalogue, source: str, datasets: Sequence[str], window: Window) -> None:
    """Raise Destroyed where a new export would bring back what was destroyed from the same account."""
    sources = renames(catalogue).names_of(Noun.SOURCE, source)
    for tombstone in tombstones_touching(catalogue, window):
        if _is_of(tombstone, sources, datasets) and is_logged(catalogue, tombstone):
            raise Destroyed(
                f"archive {tombstone.archive} of this period {words_of(tombstone)}: it is not exported again",
                hint="choose a window that does not overlap it",
            )
