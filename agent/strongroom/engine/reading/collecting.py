"""The records of a stream over a period, each once, out of the archives that cover it.

Neighbouring archives may hold the same record: a provider whose bounds are not documented is asked for a little more
than the window, and one that includes both ends repeats what lies on them. Windows overlap where one was exported
before it had settled. A record is told by its id, and only those within reach of a window's edge, or where windows
overlap, can be in two archives, so only these ids are remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from strongroom.engine.keys.identities import unlock
from strongroom.engine.reading.coding import open_clear
from strongroom.formats.dates import read_time
from strongroom.formats.records import Record, read_all_records, record_id
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Caps
from strongroom.model.stream import DatasetShape
from strongroom.model.window import Window, subtract
from strongroom.sealing.identity import X25519Identity
from strongroom.sealing.reader import SealedReader
from strongroom.vault.archives import get_archive
from strongroom.vault.ledger import intervals_of
from strongroom.vault.vault import Vault

_HELD = (Cover.PROVEN, Cover.EMPTY)


@dataclass(slots=True)
class Collected:
    """What was read so far."""

    archives: int = 0
    records: int = 0
    doubles: int = 0  # left out: another archive held them


@dataclass(frozen=True, slots=True)
class Source:
    """What covers a period: the archives in order of time, and what of it no archive covers."""

    archives: tuple[Archive, ...]
    gaps: tuple[Interval, ...]


def covering(vault: Vault, stream: str, period: Window) -> Source:
    """Return the archives that cover a period of a stream. Raises UsageError where there are none."""
    ledger = intervals_of(vault.catalogue, stream, period)
    ids = dict.fromkeys(each.archive for each in ledger if each.cover in _HELD and each.archive)
    found = [archive for name in ids if (archive := get_archive(vault.catalogue, name)) is not None]
    if not found:
        raise UsageError(f"no archive of {stream} covers that time", hint="see: strongroom coverage")
    return Source(tuple(found), tuple(each for each in ledger if each.cover not in _HELD))


def collect(
    vault: Vault,
    source: Source,
    period: Window,
    identities: Sequence[X25519Identity],
    collected: Collected,
    dataset: str = "",
) -> Iterator[tuple[str, Record]]:
    """Yield each record of the period once, with its dataset, in the order of the archives; `collected` counts along.

    A record without a readable time counts as of its archive's window. Raises SealError and ContentRefused for an
    archive that is not what it was, and UsageError for a dataset that no archive has.
    """
    known = {shape.name for archive in source.archives for shape in archive.expectation.datasets}
    if dataset and dataset not in known:
        raise UsageError(
            f"there is no dataset {dataset} in these archives", hint=f"they have {', '.join(sorted(known))}"
        )
    seen: dict[str, set[str | int]] = {name: set() for name in known}
    for archive in source.archives:
        alone = _alone(archive, source.archives)
        for shape in archive.expectation.datasets:
            if dataset in ("", shape.name):
                for record in _of_archive(vault, archive, shape, identities):
                    if _is_first(record, alone, shape, seen[shape.name], collected) and _lies_in(record, shape, period):
                        collected.records += 1
                        yield shape.name, record
        collected.archives += 1


def _of_archive(
    vault: Vault, archive: Archive, shape: DatasetShape, identities: Sequence[X25519Identity]
) -> Iterator[Record]:
    key, expected = unlock(vault, archive, identities), archive.expectation
    with vault.payload_path(archive).open("rb", buffering=0) as sealed:
        clear = open_clear(SealedReader(sealed, [key.identity]), archive.seal)
        yield from read_all_records(clear, shape, Caps(), expected.container, expected.files)


def _alone(archive: Archive, all_of_them: Sequence[Archive]) -> list[Window]:
    """Return the stretches of time whose records no other archive can hold: inside its edges and no other's window."""
    window, reach = archive.spec.window, archive.expectation.overlap + timedelta(seconds=1)
    if window.length <= 2 * reach:
        return []
    others = [each.spec.window for each in all_of_them if each.id != archive.id and each.spec.window.overlaps(window)]
    return subtract(Window(window.start + reach, window.end - reach), others)


def _is_first(
    record: Record, alone: Sequence[Window], shape: DatasetShape, seen: set[str | int], collected: Collected
) -> bool:
    """Say whether no archive before has yielded the record; remember it where another may hold it too."""
    name = record_id(record, shape)
    if name is None or not _may_be_elsewhere(record, alone, shape):
        return True
    if name in seen:
        collected.doubles += 1
        return False
    seen.add(name)
    return True


def _may_be_elsewhere(record: Record, alone: Sequence[Window], shape: DatasetShape) -> bool:
    at = read_time(record.get(shape.time_field)) if shape.time_field else None
    return at is None or not any(window.holds(at) for window in alone)


def _lies_in(record: Record, shape: DatasetShape, period: Window) -> bool:
    at = read_time(record.get(shape.time_field)) if shape.time_field else None
    return at is None or period.holds(at)
