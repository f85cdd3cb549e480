"""Two sides of one ledger: what the older archive holds counts up, what the newer holds counts down.

For each id one number is kept: the sum of the digests of its records in the older archive minus those in the newer,
and two bits for which archives hold it. So an id whose records are the same in both ends at nought, in whatever order
and however often they come.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from strongroom.formats.delivered import Delivered, Record
from strongroom.formats.exactjson import canonical_value
from strongroom.formats.faults import printable
from strongroom.formats.records import record_id
from strongroom.model.difference import Change, DatasetDifference, FieldChange
from strongroom.model.stream import DatasetShape

_OLDER, _NEWER, _BOTH = 1, 2, 3
_MODULUS = 1 << 128


class Tally:
    """Holds one dataset of two archives against each other. Add all of the older, then all of the newer."""

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
        """Return at most so many ids that both hold with another content."""
        return set(islice(self._ids(_BOTH), most))

    def result(self, most: int, *, fields: tuple[FieldChange, ...] = (), fields_compared: int = 0) -> DatasetDifference:
        """Return what it came to, naming at most so many ids of each kind."""
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
        """Yield the ids that were seen just there and, in both, do not come to nought."""
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
