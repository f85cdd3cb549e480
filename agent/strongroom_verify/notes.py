"""Public keys, the notes that they sign, and checkpoints, which are such notes."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from strongroom_verify.files import is_file, read_plain, sha256
from strongroom_verify.findings import Report, Wrong


class Key:
    """A public key (C2SP signed-note): `name+hash+base64`, or the file that holds it. Raises ValueError."""

    def __init__(self, text: str) -> None:
        text = read_plain(Path(text)).decode() if is_file(Path(text)) else text
        self.text = text.strip()
        self.name, named, encoded = self.text.split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        self.hash = sha256(self.name.encode() + b"\n" + raw)[:4]
        self.public = raw[1:]
        if len(raw) != 33 or raw[:1] != b"\x01" or self.hash.hex() != named:
            raise ValueError("the key does not fit its own hash")

    def signed(self, text: str, line: str) -> bool:
        """Say whether a signature line is this key's over the text."""
        try:
            blob = base64.b64decode(line.rsplit(" ", 1)[1], validate=True)
            Ed25519PublicKey.from_public_bytes(self.public).verify(blob[4:], text.encode())
            return blob[:4] == self.hash and line.startswith(f"\u2014 {self.name} ")
        except (ValueError, IndexError, InvalidSignature):
            return False


def open_note(path: Path, keys: list[Key]) -> tuple[str, bool]:
    """Return the text of a note, and whether one of the keys signed it; keys that did not are refused."""
    return read_note(read_plain(path), path.name, keys)


def read_note(data: bytes, where: str, keys: list[Key]) -> tuple[str, bool]:
    """Read a note in the same way."""
    text, found, signatures = data.decode().rpartition("\n\n")
    signed = any(key.signed(text + "\n", line) for key in keys for line in signatures.splitlines())
    if not found or (keys and not signed):
        raise Wrong("signature", where, "expected a note that the given key has signed, found another")
    return text + "\n", signed


def open_paper(path: Path, keys: list[Key], report: Report) -> str:
    """Return the text of a signed paper. A key that it names must be one of those given, if one of them signed it."""
    text, signed = open_note(path, keys)
    report.vouched |= signed
    named = re.search(r"^key (\S+\+\S+)$", text, re.MULTILINE)
    if signed and named and named[1] not in {key.text for key in keys}:
        raise Wrong("key", path.name, "it names another key than the one that signed it")
    return text


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says (C2SP tlog-checkpoint)."""

    where: str
    origin: str
    size: int
    root: bytes
    signed: bool  # by one of the keys that were given
    words: str

    @classmethod
    def read(cls, path: Path, keys: list[Key]) -> Checkpoint:
        """Read a checkpoint and check who signed it."""
        return cls.parse(read_plain(path), path.name, keys)

    @classmethod
    def parse(cls, data: bytes, where: str, keys: list[Key]) -> Checkpoint:
        """Read a checkpoint in the same way."""
        text, signed = read_note(data, where, keys)
        origin, size, root, *_more = text.split("\n")
        words = where + (", signed by a trusted key" if signed else " (who signed it was not checked)")
        found = cls(where, origin, int(size), base64.b64decode(root, validate=True), signed, words)
        stem = Path(where).stem
        if found.size > 0 and len(found.root) == 32 and (stem == size or not stem.isdigit()):
            return found
        raise Wrong("form", where, f"expected the checkpoint of that name, found one of {size} entries")
