"""What became of the records between two archives of the same window: added, changed, vanished. Facts, no judgement.

The ids are record text: shown to the person who holds the identity, never logged or stored.
"""

from __future__ import annotations

from msgspec import Struct


class Change(Struct, frozen=True):
    """One kind of difference: how many records, and the ids of the first few of them."""

    count: int = 0
    ids: tuple[str, ...] = ()  # in the order of the file; fewer than `count` where many

    def __repr__(self) -> str:
        return f"Change(count={self.count})"  # ids are data of the archive, and no log line may hold them


class FieldChange(Struct, frozen=True):
    """One field that differs in changed records."""

    name: str  # made printable
    records: int  # how many of the compared records differ in it


class DatasetDifference(Struct, frozen=True):
    """One dataset in both archives. Records with the same id are one; a record without an id is its whole content."""

    dataset: str
    older: int  # records read, doubles included
    newer: int
    same: int  # ids with equal records in both
    added: Change  # only in the newer
    changed: Change  # the same id, another content
    vanished: Change  # only in the older
    fields: tuple[FieldChange, ...] = ()  # by how often they differ
    fields_compared: int = 0  # changed records that `fields` were counted over; fewer than changed.count where many
    nameless: int = 0  # records of both without an id; of them only added and vanished can be told

    @property
    def alike(self) -> bool:
        """Say whether both hold the same records, in whatever order."""
        return not (self.added.count or self.changed.count or self.vanished.count)


class Difference(Struct, frozen=True):
    """Two archives, compared dataset by dataset."""

    older: str  # archive id
    newer: str
    datasets: tuple[DatasetDifference, ...]
    only_older: tuple[str, ...] = ()  # datasets that the other archive does not hold
    only_newer: tuple[str, ...] = ()

    @property
    def alike(self) -> bool:
        """Say whether both archives hold the same datasets with the same records."""
        return not (self.only_older or self.only_newer) and all(each.alike for each in self.datasets)
