"""What may happen to each archive, now or at any instant, and what decides it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from strongroom.model.archive import Archive
from strongroom.model.retention import Fate, Record, Verdict, judge
from strongroom.vault.holds import holds
from strongroom.vault.retained import get_record, record_of, records, records_over
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Judged:
    """One archive with its verdict."""

    record: Record
    verdict: Verdict


def verdict(vault: Vault, archive: Archive | str, at: datetime) -> Verdict:
    """Judge one archive as of an instant. One that the vault does not know is kept, whatever it says of itself."""
    name = archive if isinstance(archive, str) else archive.id
    catalogue = vault.catalogue
    record = get_record(catalogue, name)
    if record is None and get_tombstone(catalogue, name) is not None:
        return Verdict(name, Fate.DESTROYED, None, None, (), "it was destroyed")
    if record is None and not isinstance(archive, str):
        standing = judge(record_of(archive), holds(catalogue), at)
        return standing if standing.fate is Fate.HELD else _unknown(name)
    return _unknown(name) if record is None else judge(record, holds(catalogue), at)


def verdicts(vault: Vault, at: datetime, *, stream: str = "", fate: Fate | None = None) -> Iterator[Verdict]:
    """Judge every archive of the catalogue as of an instant, oldest first, or those of a stream or fate alone."""
    return (each.verdict for each in judged(vault, at, stream=stream, fate=fate))


def judged(vault: Vault, at: datetime, *, stream: str = "", fate: Fate | None = None) -> Iterator[Judged]:
    """Judge every archive of the catalogue, and tell of each what decided."""
    standing = holds(vault.catalogue)
    for record in records(vault.catalogue, stream):
        found = judge(record, standing, at)
        if fate is None or found.fate is fate:
            yield Judged(record, found)


def due(vault: Vault, at: datetime) -> Iterator[Verdict]:
    """Judge the archives whose period is over, those first that are over longest; yields those that are due."""
    standing = holds(vault.catalogue)
    found = (judge(record, standing, at) for record in records_over(vault.catalogue, at))
    return (each for each in found if each.fate is Fate.DUE)


def with_present_names(found: Iterable[Judged], names: Mapping[str, str]) -> list[Judged]:
    """Return verdicts for a list, each archive under the name that its stream has now."""
    return [
        replace(each, record=replace(each.record, stream=names.get(each.record.stream, each.record.stream)))
        for each in found
    ]


def _unknown(archive_id: str) -> Verdict:
    return Verdict(archive_id, Fate.UNKNOWN, None, None, (), "retained: the catalogue does not know it")
