"""An archive: the sealed, verified result of one export. Its bytes never change; a re-export is another archive.

A tombstone is what remains of a destroyed archive: that it existed, how large it was, and why it was destroyed. None of
its fields is taken from the records: no field name, no earliest time, no finding, no file name. Its digests confirm
nothing about the content: one is of the sealed bytes, the other is salted with a salt that is destroyed.

A difference says which records were added, changed or removed between two archives of the same window. Record ids are
record text: shown to the person who holds the identity, never logged or stored.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from strongroom.model.content_coding import undoing
from strongroom.model.destruction import Ground
from strongroom.model.inspection import Expectation, Inspection
from strongroom.model.plan import ExportSpec
from strongroom.model.retention import RetentionRule
from strongroom.model.window import Window


class Holding(StrEnum):
    """What the vault holds under an archive's name."""

    HELD = "held"  # verified and published
    QUARANTINED = "quarantined"  # sealed as it came, but unsound: kept as evidence, counts as no coverage
    DESTROYED = "destroyed"  # nothing but a tombstone; no archive of the catalogue is held so (vault/tombstones.py)

    @property
    def words(self) -> str:
        """Return what a person reads: the value is what catalogues and documents of every version have."""
        return "archived" if self is Holding.HELD else self.value


class Seal(Struct, frozen=True):
    """What sealing one delivered file produced."""

    size: int  # bytes as delivered
    sealed_size: int  # bytes of the age file
    sealed_sha256: str  # hex, of the age file: lets anyone check fixity without a key
    digest: str  # hex, HMAC-SHA256(salt, SHA-256(delivered bytes)); the salt is in the sealed key file
    delivered_name: str  # a safe file name for restoring
    coding: str = ""  # what was done to the bytes before sealing and is undone on reading: "zstd", or nothing
    delivered_coding: str = ""  # the content coding that the file came in: a Coding, or nothing
    decoded_size: int | None = None  # bytes without that coding; None where there is none, or it cannot be undone
    decoded_digest: str = ""  # as `digest`, of the bytes without that coding

    @property
    def file_size(self) -> int:
        """Return the bytes of the file as a person reads it, without its content coding where that is known."""
        return self.size if self.decoded_size is None else self.decoded_size

    @property
    def file_name(self) -> str:
        """Return the name of the file without its content coding."""
        return self.delivered_name.removesuffix(self._suffix) or self.delivered_name

    @property
    def coded_name(self) -> str:
        """Return the name of the file as it was delivered, which ends in .gz where it is gzip-coded."""
        return f"{self.file_name}{self._suffix}" if self._suffix else self.delivered_name

    @property
    def _suffix(self) -> str:
        known = undoing(self.delivered_coding)
        return known.suffix if known else ""


class Segment(Struct, frozen=True):
    """The search segment of an archive: what is searched of its records, sealed to the archive's own key."""

    size: int  # bytes of the age file
    sha256: str  # hex, of the age file
    records: int


class Archive(Struct, frozen=True):
    """One archive, as the catalogue and the manifest describe it."""

    id: str
    holding: Holding
    stream: str
    source: str
    provider: str
    spec: ExportSpec
    job: str
    ref: str  # the provider's name for the export
    seal: Seal
    expectation: Expectation  # how to read it again: which member holds which dataset, its id and its time
    inspection: Inspection
    recipients: tuple[str, ...]  # the public keys its key file was sealed to
    retention: str  # the configured retention class; several have a + between them
    container: str  # how the delivered file is built: zip-of-json, csv, ndjson, json-array, bundle
    durable_at: datetime  # sealed, flushed and entered
    verified_at: datetime  # read back from the disk and inspected
    rule: RetentionRule | None = None  # what the class said when it came, or of several the longest; None: unknown

    @property
    def empty(self) -> bool:
        """Say whether the window held no record at all, and the file proves it.

        Archives made before that proof was kept are believed.
        """
        members = self.inspection.members
        return self.inspection.records == 0 and all(report.empty is not False for report in members if report.dataset)


class Tombstone(Struct, frozen=True):
    """The remains of one archive."""

    archive: str
    quarantined: bool  # it was kept as evidence of an unsound export, and proved nothing
    stream: str
    source: str
    provider: str
    datasets: tuple[str, ...]
    window: Window
    job: str
    size: int  # bytes as delivered
    sealed_size: int  # bytes of the age file
    records: int
    sealed_sha256: str  # hex, of the age file that was destroyed
    digest: str  # hex, the salted digest of the delivered bytes
    key_sha256: str  # hex, of the sealed key file that was destroyed
    manifest_sha256: str  # hex, of the manifest that was destroyed
    retention: str  # the class it had
    verified_at: datetime
    destroyed_at: datetime  # when its destruction began: from then on there was no way back
    ground: Ground
    rule: str  # by which it was destroyed, in words
    citation: str
    proposal: str
    erasure: str = ""  # the request for erasure that it answered


class Sort(StrEnum):
    """What a list of archives is sorted by, always the newest or largest first."""

    ARCHIVED = "archived"  # when it was proven
    WINDOW = "window"
    SIZE = "size"  # as delivered
    RECORDS = "records"


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
    nameless: int = 0  # records of both without an id; only added and removed ones can be counted

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
