"""What is left of a destroyed archive: that it was there, how much it was, and why it is gone. Nothing of what it said.

No field is taken from the records themselves: no name of a field, no earliest time, no finding, no file name. The
digests confirm nothing about the content: one is of the sealed bytes, one is salted with a salt that is destroyed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from strongroom.model.destruction import Ground
from strongroom.model.window import Window


@dataclass(frozen=True, slots=True)
class Tombstone:
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
