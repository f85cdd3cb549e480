"""Compare two archives record by record, in the process of the person who has the identity.

For each id one number is kept: the sum of the digests of its records in the older archive minus those in the newer,
and two bits for which archives have it. So an id whose records are the same in both ends at zero, in whatever order
and however often they come.

The older archive is read once and the newer once; only where records changed, both are read again for the fields of
the first few thousand of them. What is kept is one entry for each distinct id: its text, a count of both sides folded
into one number, and nothing of the record itself. Measured: 140 to 200 bytes for an id of 24 characters, so ten
million records want up to 2 GB. Records are compared by a digest under a key of this run, so nothing that is kept
confirms a guess.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.fixity import Watch
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.formats.exact_json import Delivered, Record, canonical_value
from strongroom.formats.plaintext import printable
from strongroom.formats.records import read_delivered, record_id
from strongroom.model.archive import Archive, Change, DatasetDifference, Difference, FieldChange, Holding
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Caps
from strongroom.model.plan import DatasetShape
from strongroom.model.times import Chance
from strongroom.vault.vault import Vault

_OLDER, _NEWER, _BOTH = 1, 2, 3
_MODULUS = 1 << 128


class Tally:
    """Compares one dataset of two archives. Add all records of the older, then all of the newer."""

    def __init__(self, shape: DatasetShape, key: bytes) -> None:
        self._shape = shape
        self._key = key  # 16 to 64 bytes
        self._named: dict[str, int] = {}  # id -> (sum of digests) * 4 + where it was seen
        self._nameless: Counter[int] = Counter()  # digest -> how many more the older holds
        self._older = self._newer = self._without_id = 0

    def add_older(self, record: Delivered) -> None:
        """Count a record of the older archive."""
        self._older += 1
        self._add(record, 1, _OLDER)

    def add_newer(self, record: Delivered) -> None:
        """Count a record of the newer archive."""
        self._newer += 1
        self._add(record, -1, _NEWER)

    def changed(self, most: int) -> set[str]:
        """Return at most `most` ids that both have with different content."""
        return set(islice(self._ids(_BOTH), most))

    def result(self, most: int, *, fields: tuple[FieldChange, ...] = (), fields_compared: int = 0) -> DatasetDifference:
        """Return the result, naming at most `most` ids of each kind."""
        gone, come = self._change(_OLDER, most), self._change(_NEWER, most)
        changed = self._change(_BOTH, most)
        return DatasetDifference(
            dataset=self._shape.name,
            older=self._older,
            newer=self._newer,
            same=len(self._named) - gone.count - come.count - changed.count,
            added=Change(come.count - sum(min(more, 0) for more in self._nameless.values()), come.ids),
            changed=changed,
            vanished=Change(gone.count + sum(max(more, 0) for more in self._nameless.values()), gone.ids),
            fields=fields,
            fields_compared=fields_compared,
            nameless=self._without_id,
        )

    def _add(self, record: Delivered, sign: int, side: int) -> None:
        digest, name = digest_record(record, self._key), name_record(record.fields, self._shape)
        if name is None:
            self._without_id += 1
            self._nameless[digest] += sign
            return
        held = self._named.get(name, 0)
        self._named[name] = ((held >> 2) + sign * digest) % _MODULUS << 2 | held & _BOTH | side

    def _ids(self, where: int) -> Iterator[str]:
        """Yield the ids seen only there; for both, those whose number is not zero."""
        return (name for name, held in self._named.items() if held & _BOTH == where and held != _BOTH)

    def _change(self, where: int, most: int) -> Change:
        count = sum(1 for _ in self._ids(where))
        return Change(count, tuple(printable(name) for name in islice(self._ids(where), most)))


def name_record(record: Record, shape: DatasetShape) -> str | None:
    """Return the record's id as text: a provider that turns a number into a text has not changed the record's name."""
    name = record_id(record, shape)
    return None if name is None else str(name)


def digest_record(record: Delivered, key: bytes) -> int:
    """Return 16 bytes of keyed BLAKE2b over the record's canonical form: the order of fields is no content.

    Raises Unreadable (json-too-deep) for a record whose nesting is at the limit of what can be read at all.
    """
    return _digest(record.canonical, key)


def digest_field(name: str, value: object, key: bytes) -> int:
    """Return the same over one field of a record that was decoded exactly. Raises Unreadable (json-too-deep)."""
    return _digest(canonical_value({name: value}), key)


def _digest(text: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(text, digest_size=16, key=key).digest())


EXAMPLES = 20
FIELDS_COMPARED = 5_000  # changed records whose fields are looked at


def compare(
    vault: Vault,
    older: Archive,
    newer: Archive,
    identities: Sequence[X25519Identity],
    random_bytes: Chance,
    *,
    most: int = EXAMPLES,
    watch: Watch = lambda _records: None,
) -> Difference:
    """Compare every dataset that both archives hold; name at most `most` ids of each kind of difference.

    `watch` is called with the number of further records read. Raises UsageError for archives that cannot be compared,
    SealError and ContentRefused for damaged ones.
    """
    _require_comparable(older, newer)
    sides = _Side(vault, older, identities, watch), _Side(vault, newer, identities, watch)
    before, after = ({shape.name: shape for shape in each.expectation.datasets} for each in (older, newer))
    return Difference(
        older=older.id,
        newer=newer.id,
        datasets=tuple(
            _compare_dataset(*sides, before[name], random_bytes(32), most) for name in before if name in after
        ),
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
        with open_sealed(self._vault, self._archive, self._key) as sealed:
            clear = open_clear(sealed, self._archive.seal)
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
    result = tally.result(most)
    if not result.changed.count:
        return result
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
        raise UsageError("an archive cannot be compared with itself", hint="name two archives")
    ours, theirs = ({shape.name for shape in each.expectation.datasets} for each in (older, newer))
    if ours.isdisjoint(theirs):
        raise UsageError(
            f"the archives have different datasets: {', '.join(sorted(ours))} and {', '.join(sorted(theirs))}",
            hint="see: strongroom archives",
        )
