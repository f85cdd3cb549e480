"""Compare two archives record by record, in the process of the person who holds the identity.

The older archive is read once and the newer once; only where records changed, both are read again for the fields of
the first few thousand of them. What is kept is one entry for each distinct id: its text, a count of both sides folded
into one number, and nothing of the record itself. Measured: 140 to 200 bytes for an id of 24 characters, so ten
million records want up to 2 GB. Records are compared by a digest under a key of this run, so nothing that is kept
confirms a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from strongroom.engine.health.fixity import Watch
from strongroom.engine.keys.identities import unlock
from strongroom.engine.reading.coding import open_clear
from strongroom.engine.reading.tally import Tally, digest_field, name_record
from strongroom.formats.delivered import Delivered
from strongroom.formats.faults import printable
from strongroom.formats.records import read_delivered
from strongroom.model.archive import Archive, Holding
from strongroom.model.difference import DatasetDifference, Difference, FieldChange
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Caps
from strongroom.model.instants import Chance
from strongroom.model.stream import DatasetShape
from strongroom.sealing.identity import X25519Identity
from strongroom.sealing.keyfile import ArchiveKey
from strongroom.sealing.reader import SealedReader
from strongroom.vault.vault import Vault

EXAMPLES = 20
FIELDS_COMPARED = 5_000  # changed records whose fields are looked at


def compare(
    vault: Vault,
    older: Archive,
    newer: Archive,
    identities: Sequence[X25519Identity],
    chance: Chance,
    *,
    most: int = EXAMPLES,
    watch: Watch = lambda _records: None,
) -> Difference:
    """Compare every dataset that both archives hold; name at most `most` ids of each kind of difference.

    `watch` hears how many more records were read. Raises UsageError for archives that cannot be compared, SealError
    and ContentRefused for ones that are not what they were.
    """
    _require_comparable(older, newer)
    sides = _Side(vault, older, identities, watch), _Side(vault, newer, identities, watch)
    before, after = ({shape.name: shape for shape in each.expectation.datasets} for each in (older, newer))
    return Difference(
        older=older.id,
        newer=newer.id,
        datasets=tuple(_compare_dataset(*sides, before[name], chance(32), most) for name in before if name in after),
        only_older=tuple(name for name in before if name not in after),
        only_newer=tuple(name for name in after if name not in before),
    )


class _Side:
    """One of the two archives, opened for each reading and closed after it."""

    def __init__(self, vault: Vault, archive: Archive, identities: Sequence[X25519Identity], watch: Watch) -> None:
        self._vault, self._archive, self._watch = vault, archive, watch
        self._key: ArchiveKey = unlock(vault, archive, identities)

    @contextmanager
    def records(self, dataset: str) -> Iterator[Iterator[Delivered]]:
        """Open the archive and give the records of one dataset."""
        expected = self._archive.expectation
        (shape,) = (shape for shape in expected.datasets if shape.name == dataset)
        with self._vault.open_payload(self._archive) as sealed:
            clear = open_clear(SealedReader(sealed, [self._key.identity]), self._archive.seal)
            yield self._counted(read_delivered(clear, shape, Caps(), expected.container, expected.files))

    def _counted(self, records: Iterator[Delivered]) -> Iterator[Delivered]:
        for record in records:
            self._watch(1)
            yield record


def _compare_dataset(older: _Side, newer: _Side, shape: DatasetShape, key: bytes, most: int) -> DatasetDifference:
    tally = Tally(shape, key)
    with older.records(shape.name) as records:
        for record in records:
            tally.add_older(record)
    with newer.records(shape.name) as records:
        for record in records:
            tally.add_newer(record)
    told = tally.result(most)
    if not told.changed.count:
        return told
    chosen = tally.changed(FIELDS_COMPARED)
    fields = _compare_fields(older, newer, shape, key, chosen)
    return tally.result(most, fields=fields, fields_compared=len(chosen))


def _compare_fields(
    older: _Side, newer: _Side, shape: DatasetShape, key: bytes, chosen: set[str]
) -> tuple[FieldChange, ...]:
    """Count in how many of the chosen records each field differs; doubles of one id are held in order."""
    before: dict[str, Counter[tuple[str, int]]] = {}
    with older.records(shape.name) as records:
        for name, record in _pick(records, shape, chosen):
            before.setdefault(name, Counter()).update(_digest_fields(record, key))
    after: dict[str, Counter[tuple[str, int]]] = {}
    with newer.records(shape.name) as records:
        for name, record in _pick(records, shape, chosen):
            after.setdefault(name, Counter()).update(_digest_fields(record, key))
    differing: Counter[str] = Counter()
    for name in chosen:
        left, right = before.get(name, Counter()), after.get(name, Counter())
        differing.update({field for field, _digest in (left - right) + (right - left)})
    return tuple(FieldChange(printable(field), count) for field, count in differing.most_common())


def _pick(records: Iterator[Delivered], shape: DatasetShape, chosen: set[str]) -> Iterator[tuple[str, Delivered]]:
    for record in records:
        name = name_record(record.fields, shape)
        if name in chosen:
            yield name, record


def _digest_fields(record: Delivered, key: bytes) -> Iterator[tuple[str, int]]:
    return ((name, digest_field(name, value, key)) for name, value in record.exact.items())


def _require_comparable(older: Archive, newer: Archive) -> None:
    for archive in (older, newer):
        if archive.holding is not Holding.HELD:
            raise UsageError(f"archive {archive.id} is in quarantine: its records cannot be read reliably")
    if older.id == newer.id:
        raise UsageError("an archive differs in nothing from itself", hint="name two archives")
    ours, theirs = ({shape.name for shape in each.expectation.datasets} for each in (older, newer))
    if ours.isdisjoint(theirs):
        raise UsageError(
            f"the archives hold different datasets: {', '.join(sorted(ours))} and {', '.join(sorted(theirs))}",
            hint="see: strongroom archives",
        )
