"""What the engine tells a sealer and what it hears back: one JSON document a line, nothing secret in either."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from strongroom.model.archive import Seal
from strongroom.model.inspection import Caps, Expectation, Inspection

FINISH = b"finish\n"
"""What follows the order on the control pipe once the payload is complete."""


class SealRequest(Struct, frozen=True):
    """One file to seal and to read back."""

    archive: str  # id
    key_path: str  # where to write the sealed key file (must not exist)
    payload_path: str  # where to write the sealed payload (must not exist)
    recipients: tuple[str, ...]  # public keys that will be able to open it
    container: str
    delivered_name: str
    expectation: Expectation
    caps: Caps


class Progress(Struct, frozen=True):
    """How far reading back has come, in bytes of the sealed file's content."""

    done: int
    total: int


class Durable(Struct, frozen=True):
    """Sealed and flushed to the disk."""

    seal: Seal


class Verified(Struct, frozen=True):
    """Read back to the end; sound or not is for the inspection to say."""

    inspection: Inspection
    seal: Seal  # as it was told when durable, with what is known of the file without its content coding


class Failed(Struct, frozen=True):
    """The sealer could not do its work."""

    family: Literal["world", "seal", "worker"]
    message: str
    hint: str = ""


class WorkerReply(msgspec.Struct, frozen=True):
    """One line from the sealer: exactly one of its fields is set."""

    progress: Progress | None = None
    durable: Durable | None = None
    verified: Verified | None = None
    failed: Failed | None = None


# Made by the import: see the rule in tests/layers/test_decoders.py.
_ORDERS = msgspec.json.Decoder(SealRequest)
_REPLIES = msgspec.json.Decoder(WorkerReply)


def encode(document: SealRequest | WorkerReply) -> bytes:
    """Render one line."""
    return msgspec.json.encode(document) + b"\n"


def decode_order(line: bytes) -> SealRequest:
    """Read an order."""
    return _ORDERS.decode(line)


def decode_reply(line: bytes) -> WorkerReply:
    """Read a reply. Raises msgspec.DecodeError when the line is not one."""
    return _REPLIES.decode(line)
