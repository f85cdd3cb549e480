"""The official age test vectors, parsed: a text header, an empty line, and an age file that may be zlib-compressed."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from strongroom.age.keys import Identity, ScryptIdentity, X25519Identity

_REPOSITORY = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("STRONGROOM_AGE_VECTORS") or _REPOSITORY / "../shared/vectors/age/testdata")
ABSENT = "the age test vectors are not in ../shared/vectors/age (STRONGROOM_AGE_VECTORS names another folder)"


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    expect: str
    payload: str  # SHA-256 in hex of all clear text that may be released, or empty
    file_key: bytes
    identities: tuple[str, ...]
    passphrases: tuple[str, ...]
    armored: bool
    file: bytes

    @property
    def implemented(self) -> bool:
        """Judged by what the vector needs, not by its name."""
        return not self.armored and not any(text.startswith("AGE-SECRET-KEY-PQ-") for text in self.identities)

    def open_with(self) -> list[Identity]:
        keys: list[Identity] = [X25519Identity.parse(text) for text in self.identities]
        return keys + [ScryptIdentity(text) for text in self.passphrases]


def load_vectors() -> list[Vector]:
    return [_load(path) for path in sorted(FOLDER.iterdir())] if FOLDER.is_dir() else []


def _load(path: Path) -> Vector:
    head, _, file = path.read_bytes().partition(b"\n\n")
    pairs = [line.split(": ", 1) for line in head.decode().splitlines()]
    facts = dict(pairs)
    unknown = facts.keys() - {
        "expect", "payload", "file key", "identity", "passphrase", "armored", "compressed", "comment"
    }  # fmt: skip
    assert not unknown, f"{path.name}: unknown keys {unknown}"
    return Vector(
        name=path.name,
        expect=facts["expect"],
        payload=facts.get("payload", ""),
        file_key=bytes.fromhex(facts.get("file key", "")),
        identities=tuple(value for key, value in pairs if key == "identity"),
        passphrases=tuple(value for key, value in pairs if key == "passphrase"),
        armored=facts.get("armored") == "yes",
        file=zlib.decompress(file) if facts.get("compressed") == "zlib" else file,
    )
