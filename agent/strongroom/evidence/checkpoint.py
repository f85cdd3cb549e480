"""A checkpoint (C2SP tlog-checkpoint): which log, how many lines, and their root hash, signed as a note.

The origin, which says which log it is, ends in the beginning of the digest of the log's first line. So a log that was
begun anew is another log even where the same key signs it.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime

from msgspec import Struct

from strongroom.evidence.line import digest
from strongroom.evidence.note import NoteRefused, Signer, Verifier, open_note
from strongroom.model.times import format_instant, parse_instant

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_AT = "at "
ROOT_BYTES = 32


class Checkpoint(Struct, frozen=True):
    """What a signed checkpoint says."""

    origin: str
    size: int  # lines
    root: bytes
    extensions: tuple[str, ...] = ()  # further lines; ours has one, the time by the signer's clock

    @property
    def at(self) -> datetime | None:
        """When it was signed, by the signer's own clock; None where it does not say."""
        stamped = next((line for line in self.extensions if line.startswith(_AT)), None)
        try:
            return None if stamped is None else parse_instant(stamped.removeprefix(_AT))
        except ValueError:
            return None

    def text(self) -> str:
        """Return the text that is signed."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))


def make_checkpoint(name: str, first_line: bytes, size: int, root: bytes, at: datetime) -> Checkpoint:
    """Return the checkpoint of a log that begins with this line, under a signer's name."""
    return Checkpoint(origin_of(name, first_line), size, root, (_AT + format_instant(at),))


def origin_of(name: str, first_line: bytes) -> str:
    """Return the origin of a log: the signer's name and what its first line is known by."""
    return f"{name}/{digest(first_line)[:16]}"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the signed note."""
    return signer.sign(checkpoint.text())


def open_checkpoint(note: str, *verifiers: Verifier) -> Checkpoint:
    """Return what a note says that one of these keys has signed. Raises NoteRefused."""
    refusals = []
    for verifier in verifiers:
        try:
            return parse_checkpoint(open_note(note, verifier))
        except NoteRefused as refusal:
            refusals.append(refusal)
    raise refusals[0] if refusals else NoteRefused("there is no public key to check the checkpoint with")


def read_unchecked(note: str) -> Checkpoint:
    """Return the content of a note, without checking who signed it. Raises NoteRefused where it is not a checkpoint."""
    return parse_checkpoint(note.partition("\n\n")[0] + "\n")


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises NoteRefused where it is not one."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines) or not _SIZE.fullmatch(lines[1]):
        raise NoteRefused("this is not a checkpoint: expected origin, size and root, each on a line")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except ValueError:  # binascii.Error, or text that is not ASCII
        root = b""
    if len(root) != ROOT_BYTES:
        raise NoteRefused("this is not a checkpoint: its root is not 32 bytes in base64")
    return Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:]))
