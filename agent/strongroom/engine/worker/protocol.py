"""What the engine and the worker processes send each other.

To the template go requests to fork: one byte and four descriptors, three for the new process, and one to which the
template writes its exit status. The template answers with the id of the process and a descriptor of it (pidfd), or with
an error number.

To and from the sealing process goes one JSON document a line, with nothing secret in it.
"""

from __future__ import annotations

import struct
from enum import StrEnum

import msgspec
from msgspec import Struct

from strongroom.model.archive import Seal, Segment
from strongroom.model.inspection import Caps, Expectation, Inspection

FORK = b"f"
FORKED = struct.Struct("!ii")  # process id, or 0 and an error number
STATUS = struct.Struct("!i")  # as `os.waitstatus_to_exitcode` returns it


class Service(StrEnum):
    """What the workers of a template do: the module whose `main` each of them calls."""

    SEAL = "seal_worker"
    PARSE = "parse_worker"


FINISH = b"finish\n"
"""What follows the request on the control pipe once the payload is complete."""


class SealRequest(Struct, frozen=True):
    """One file to seal and to read back."""

    archive: str  # id
    key_path: str  # where to write the sealed key file (must not exist)
    payload_path: str  # where to write the sealed payload (must not exist)
    recipients: tuple[str, ...]  # public keys that will be able to open it
    delivered_name: str
    expectation: Expectation
    caps: Caps
    segment_path: str = ""  # where to write the search segment (must not exist); empty for none


class Progress(Struct, frozen=True):
    """Bytes of the sealed file's content that have been read back."""

    done: int
    total: int


class Durable(Struct, frozen=True):
    """Sealed and flushed to the disk."""

    seal: Seal


class Verified(Struct, frozen=True):
    """Read back to the end; the inspection shows whether it is sound."""

    inspection: Inspection
    seal: Seal  # as in Durable, with what is known of the file without its content coding


class Indexed(Struct, frozen=True):
    """The search segment was sealed and flushed to the disk, or could not be made."""

    segment: Segment | None
    fault: str = ""  # why there is none


class Family(StrEnum):
    """Where a failure lies."""

    WORLD = "world"
    SEAL = "seal"
    WORKER = "worker"


class Failed(Struct, frozen=True):
    """The file could not be sealed or read back."""

    family: Family
    message: str
    hint: str = ""


class WorkerReply(Struct, frozen=True):
    """One line from the sealing process: exactly one of its fields is set."""

    progress: Progress | None = None
    durable: Durable | None = None
    verified: Verified | None = None
    indexed: Indexed | None = None
    failed: Failed | None = None


# Made by the import: see the rule in tests/layers/test_decoders.py.
decode_request = msgspec.json.Decoder(SealRequest).decode
decode_reply = msgspec.json.Decoder(WorkerReply).decode


def encode(document: SealRequest | WorkerReply) -> bytes:
    """Return one line."""
    return msgspec.json.encode(document) + b"\n"
