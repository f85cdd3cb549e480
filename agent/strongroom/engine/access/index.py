"""Make the search segments that are missing or damaged, archive by archive, for the person who has the identity.

The next call continues with what is still missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.access.segments import require_whole
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.engine.worker.segment_file import SegmentFile
from strongroom.formats.exact_json import Delivered
from strongroom.formats.records import read_delivered, record_names
from strongroom.model.archive import Archive, Holding, Segment
from strongroom.model.errors import StrongroomError
from strongroom.model.inspection import Caps
from strongroom.model.plan import DatasetShape
from strongroom.model.times import Clock
from strongroom.search.segment import ChunkBuilder, SegmentDamaged
from strongroom.vault.archives import all_archive_ids, readable_archives
from strongroom.vault.durable import make_folder, remove
from strongroom.vault.segments import SEGMENT, publish_segment, segment_fault, segment_of
from strongroom.vault.vault import Vault

_BATCH = 1_000  # records given to the builder at once


class IndexProgress(Struct):
    """How far the making of segments came."""

    missing: int = 0  # archives whose segment is to be made
    made: int = 0
    records: int = 0
    size: int = 0  # bytes of the segments made
    failed: dict[str, str] = field(default_factory=dict)  # archives that cannot be read, and why


def without_segment(vault: Vault) -> Iterator[Archive]:
    """Yield the archives whose segment is missing, or is not the file that the log names. Reads every segment."""
    for archive in readable_archives(vault.catalogue, all_archive_ids(vault.catalogue)):
        if archive.holding is Holding.HELD:
            segment = segment_of(vault.catalogue, archive)
            if segment is None or segment_fault(vault.layout, archive.id, segment):
                yield archive


def build_segments(
    vault: Vault,
    archives: Sequence[Archive],
    identities: Sequence[X25519Identity],
    clock: Clock,
    progress: IndexProgress,
) -> Iterator[Archive]:
    """Make the segment of each archive, and yield the archive once it is done or has failed."""
    for archive in archives:
        try:
            segment = build_segment(vault, archive, unlock(vault, archive, identities), clock)
            if segment is not None:
                progress.made += 1
                progress.records += segment.records
                progress.size += segment.size
        except (StrongroomError, SegmentDamaged, OSError) as error:
            progress.failed[archive.id] = str(error)
        yield archive


def build_segment(vault: Vault, archive: Archive, key: ArchiveKey, clock: Clock) -> Segment | None:
    """Make the segment of one archive; return None where the archive was destroyed meanwhile.

    Raises SealError or Unreadable where the archive cannot be read, SegmentDamaged where it has other counts.
    """
    temporary = vault.layout.temporary(archive.id, SEGMENT)
    make_folder(temporary.parent)
    remove(temporary)
    with SegmentFile(temporary, archive.id, key.identity.recipient) as file:
        counts = {shape.name: _write(vault, archive, shape, key, file) for shape in archive.expectation.datasets}
        require_whole(archive, counts)
        segment = file.finish(sum(counts.values()))
    return segment if publish_segment(vault, archive, segment, clock()) else None


def _write(vault: Vault, archive: Archive, shape: DatasetShape, key: ArchiveKey, file: SegmentFile) -> int:
    expected, count = archive.expectation, 0
    builder = ChunkBuilder(shape.name, (shape.id_field or "", shape.time_field or ""), file.add)
    with open_sealed(vault, archive, key) as sealed:
        clear = open_clear(sealed, archive.seal)
        batch: list[Delivered] = []
        for record in read_delivered(clear, shape, Caps(), expected.container, expected.files):
            batch.append(record)
            count += 1
            if len(batch) == _BATCH:
                _take(builder, batch, shape)
                batch = []
        _take(builder, batch, shape)
    builder.close()
    return count


def _take(builder: ChunkBuilder, batch: Sequence[Delivered], shape: DatasetShape) -> None:
    fields = [record.fields for record in batch]
    builder.take(fields, record_names(fields, shape), [record.time for record in batch])
