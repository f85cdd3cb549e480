"""An archive: the sealed, verified result of one export. Its bytes never change; a newer export is another archive.

What is left of a destroyed archive: that it was there, how much it was, and why it is gone. Nothing of what it said.

No field is taken from the records themselves: no name of a field, no earliest time, no finding, no file name. The
digests confirm nothing about the content: one is of the sealed bytes, one is salted with a salt that is destroyed.
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


class Archive(Struct, frozen=True):
    """One archive as the catalogue and the manifest tell it."""

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
    retention: str  # the retention class that was asked for; several have a + between them
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
