"""The records of a stream over a period, each once, from the archives that cover it.

Neighboring archives may hold the same record: a provider whose bounds are not documented gets requests for a little
more than the window, and one that includes both ends repeats what lies on them. Windows overlap where one was exported
before it had settled. A record is left out only where an equal one of another archive was written: an id alone proves
nothing, since attempts at one message share it, and all records of one archive are written. Only what lies within reach
of a window's edge, or within the reach of another archive's records, can be in two archives, so only the digests of
these are remembered.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.formats.exact_json import Delivered
from strongroom.formats.plaintext import Unreadable
from strongroom.formats.record_checks import read_time
from strongroom.formats.records import read_delivered
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Caps
from strongroom.model.plan import DatasetShape
from strongroom.model.window import Window, subtract
from strongroom.vault.archives import copy_before, get_archive, version_before
from strongroom.vault.coverage import intervals_of
from strongroom.vault.vault import Vault


def archive_before(vault: Vault, archive: Archive) -> Archive:
    """Return the older version of the archive's window, or the copy before it of a dataset without time windows.

    Raises UsageError where there is none: archives of different windows hold different records by their nature.
    """
    catalogue = vault.catalogue
    before = version_before(catalogue, archive)
    if not before and not any(shape.time_field for shape in archive.expectation.datasets):
        before = copy_before(catalogue, archive.stream, archive.spec.window.start)
    older = get_archive(catalogue, before) if before else None
    if older is None:
        raise UsageError(
            f"there is no earlier archive to compare archive {archive.id} with",
            hint="name two archives: strongroom diff A B",
        )
    return older


_HELD = (Cover.PROVEN, Cover.EMPTY)
_TICK = timedelta(microseconds=1)
_LAST = datetime.max.replace(tzinfo=UTC) - _TICK


class Collected(Struct):
    """What was read so far."""

    archives: int = 0
    records: int = 0
    doubles: int = 0  # left out: another archive held them


class RecordFile(Struct, frozen=True):
    """What covers a period: the archives in order of time, and what of it no archive covers."""

    archives: tuple[Archive, ...]
    gaps: tuple[Interval, ...]


def covering(vault: Vault, stream: str, period: Window) -> RecordFile:
    """Return the archives that cover a period of a stream. Raises UsageError where there are none."""
    ledger = intervals_of(vault.catalogue, stream, period)
    ids = dict.fromkeys(each.archive for each in ledger if each.cover in _HELD and each.archive)
    found = [archive for name in ids if (archive := get_archive(vault.catalogue, name)) is not None]
    if not found:
        raise UsageError(f"no archive of {stream} covers that time", hint="see: strongroom coverage")
    return RecordFile(tuple(found), tuple(each for each in ledger if each.cover not in _HELD))


def collect(
    vault: Vault,
    source: RecordFile,
    period: Window,
    identities: Sequence[X25519Identity],
    collected: Collected,
    dataset: str = "",
) -> Iterator[tuple[str, Delivered]]:
    """Yield each record of the period once, with its dataset, in the order of the archives; `collected` counts along.

    A record without a readable time counts as of its archive's window. Raises SealError and ContentRefused for an
    archive that is not what it was, and UsageError for a dataset that no archive has.
    """
    known = {shape.name for archive in source.archives for shape in archive.expectation.datasets}
    if dataset and dataset not in known:
        raise UsageError(
            f"there is no dataset {dataset} in these archives", hint=f"they have {', '.join(sorted(known))}"
        )
    written: dict[str, Counter[bytes]] = {name: Counter() for name in known}
    for archive in source.archives:
        alone = _alone(archive, source.archives)
        for shape in archive.expectation.datasets:
            if dataset in ("", shape.name):
                doubles = _Doubles(written[shape.name], alone)
                for record in records_of(vault, archive, shape, identities):
                    at = read_time(record.time)
                    if at is not None and not period.holds(at):
                        continue
                    if doubles.has(record, at):
                        collected.doubles += 1
                        continue
                    collected.records += 1
                    yield shape.name, record
                doubles.close()
        collected.archives += 1


class _Doubles:
    """Knows which records of one archive the archives before it held too, each as often as they held it."""

    def __init__(self, written: Counter[bytes], alone: Sequence[Window]) -> None:
        self._written = written  # by the archives before: how often each record was, at most in one of them
        self._alone = alone
        self._own: Counter[bytes] = Counter()

    def has(self, record: Delivered, at: datetime | None) -> bool:
        """Return whether another archive had an equal record that represents this one."""
        if at is not None and any(window.holds(at) for window in self._alone):
            return False
        digest = record_digest(record)
        self._own[digest] += 1
        return self._own[digest] <= self._written[digest]

    def close(self) -> None:
        """Remember what this archive held for those that follow."""
        for digest, count in self._own.items():
            self._written[digest] = max(self._written[digest], count)


def record_digest(record: Delivered) -> bytes:
    """Return 16 bytes that are equal for equal records, however each was written."""
    try:
        text = record.canonical
    except Unreadable:  # nested too deeply to be compared by content: then its text must be the same
        text = record.line
    return hashlib.blake2b(text, digest_size=16).digest()


def records_of(
    vault: Vault, archive: Archive, shape: DatasetShape, identities: Sequence[X25519Identity]
) -> Iterator[Delivered]:
    """Yield the records of one dataset in the order of the archive. Raises SealError and ContentRefused."""
    key, expected = unlock(vault, archive, identities), archive.expectation
    with open_sealed(vault, archive, key) as sealed:
        clear = open_clear(sealed, archive.seal)
        yield from read_delivered(clear, shape, Caps(), expected.container, expected.files)


def _alone(archive: Archive, all_of_them: Sequence[Archive]) -> list[Window]:
    """Return the stretches of time whose records no other archive can hold: inside its edges and no other's reach.

    Times without a zone may be off by hours, so that where there are any nothing is surely in one archive alone.
    """
    if any(finding.code == "csv-time-without-zone" for finding in archive.inspection.findings):
        return []
    window, reach = archive.spec.window, archive.expectation.overlap + timedelta(seconds=1)
    if window.length <= 2 * reach:
        return []
    others = [reach_of(each) for each in all_of_them if each.id != archive.id]
    inside = Window(window.start + reach, window.end - reach)
    return subtract(inside, [each for each in others if each.overlaps(inside)])


def reach_of(archive: Archive) -> Window:
    """Return the time that an archive's records may have: its window, and what inspection found beside it."""
    window, found = archive.spec.window, archive.inspection
    first, last = found.earliest or window.start, found.latest or window.start
    return Window(min(window.start, first), max(window.end, min(last, _LAST) + _TICK))
