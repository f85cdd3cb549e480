"""Where the files of a vault are, and the README.txt that explains how to open it with stock tools.

Names are ids that Strongroom makes: nothing from outside ever becomes a path.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from msgspec import Struct
from msgspec.structs import force_setattr

FORMAT = 1
"""The vault format this program writes (docs/format.md)."""

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # of Crockford's base 32, as `make_id` writes it
_LENGTH = 26


class Layout(Struct, frozen=True):
    """The paths of one vault. Its folder may be reached through a link, which is resolved here and never again."""

    root: Path

    def __post_init__(self) -> None:
        force_setattr(self, "root", Path(os.path.realpath(self.root)))

    @property
    def catalogue(self) -> Path:
        """The SQLite index; can be rebuilt from the rest."""
        return self.root / "catalogue.sqlite"

    @property
    def readme(self) -> Path:
        """How to open the vault with stock tools."""
        return self.root / "README.txt"

    @property
    def lock(self) -> Path:
        """Held by the process that works in the vault."""
        return self.root / "lock"

    @property
    def log(self) -> Path:
        """The evidence log, one JSON line an entry."""
        return self.root / "log" / "log.jsonl"

    @property
    def tmp(self) -> Path:
        """Unfinished work; emptied at start."""
        return self.root / "tmp"

    @property
    def certificates(self) -> Path:
        """The folder of certificates; made with the first."""
        return self.root / "log" / "certificates"

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder a vault has from its first day."""
        names = ("archives", "index", "keys", "manifests", "quarantine", "log", "log/checkpoints", "tmp")
        return tuple(self.root / name for name in names)

    def archive(self, archive_id: str) -> Path:
        """The sealed payload."""
        return self._sharded("archives", archive_id, ".age")

    def key(self, archive_id: str) -> Path:
        """The archive's own identity, sealed to the recipients: destroying it destroys the archive."""
        return self._sharded("keys", archive_id, ".key.age")

    def segment(self, archive_id: str) -> Path:
        """The search segment, sealed to the archive's own key."""
        return self._sharded("index", archive_id, ".idx.age")

    def manifest(self, archive_id: str) -> Path:
        """What the archive is, without what it says."""
        return self._sharded("manifests", archive_id, ".json")

    def quarantined(self, archive_id: str, suffix: str) -> Path:
        """A sealed file that was found unsound: suffix .age, .key.age or .json."""
        return self.root / "quarantine" / (_checked(archive_id) + suffix)

    def temporary(self, archive_id: str, suffix: str) -> Path:
        """A file under way."""
        return self.tmp / (_checked(archive_id) + suffix)

    def certificate(self, archive_id: str) -> Path:
        """The signed note that says why and how an archive was destroyed."""
        return self.certificates / (_checked(archive_id) + ".note")

    def _sharded(self, folder: str, archive_id: str, suffix: str) -> Path:
        return self.root / folder / _checked(archive_id)[-2:] / (archive_id + suffix)


def _checked(archive_id: str) -> str:
    if not _is_id(archive_id):
        raise ValueError(f"not a valid archive id: {archive_id!r}")
    return archive_id


def id_of(path: Path) -> str | None:
    """Return the id that a file is named after, or None if the name is not an id."""
    name = path.name.split(".", 1)[0]
    return name if _is_id(name) else None


README = """This folder is a Strongroom vault: sealed copies of records that the provider deletes.

    archives/ab/ID.age       one delivered file each, an age v1 file (age-encryption.org/v1)
    index/ab/ID.idx.age      the text of its records for searching, sealed to the same key as the file
    keys/ab/ID.key.age       the archive's own key, an age v1 file sealed to the vault's recipients
    manifests/ab/ID.json     what the archive is: source, window, counts, digests; no record text
    quarantine/              files that were not valid exports when they arrived, sealed anyway
    log/log.jsonl            everything that happened, one JSON line each, chained by SHA-256
    catalogue.sqlite         an index; nothing else depends on it

To open an archive with only the age tool and the identity file (private key) of a recipient:

    age -d -i IDENTITY keys/ab/ID.key.age > archive.key
    age -d -i archive.key archives/ab/ID.age > delivered-file
    rm archive.key

or in one line: age -d -i <(age -d -i IDENTITY keys/ab/ID.key.age) archives/ab/ID.age > delivered-file
Where the manifest says "coding": "zstd", unpack what age writes: age -d … | zstd -d > delivered-file
Where it says "coding": "gzip", the provider delivered the file compressed with gzip: age -d … | gunzip > file
Where it says "deflate" (zlib, RFC 1950) or "raw-deflate" (RFC 1951), decompress it in the same way, for example with
Python: zlib.decompress(content, 15), or -15 for raw-deflate

Anyone who destroys a key file destroys its archive for good. Do not edit anything in this folder.
"""

KNOWN = frozenset(
    {
        hashlib.sha256(README.encode()).hexdigest(),
        "8ad5dd397b86bafeb937dd487168c73faf3886cb1c15a323bfb31923b6b0329e",  # of 0.2 and 0.3
        "c2ea0468fa97f1a108244e18e946ef1f772c54705c498f7b0d0fae03d72259f9",  # of 0.1
    }
)
"""The SHA-256 of each text that a version of this program has written."""


LONGEST_NAME = 255
"""Bytes of a name on the file systems in use."""


_ROOM = 10  # bytes kept free for what SQLite adds, such as -journal


def beside(path: Path, ending: str) -> Path:
    """Return the path with the ending behind its name; where that is too long, a digest replaces the name.

    It depends on nothing but the two names, so that it is found again.
    """
    name = f"{path.name}{ending}"
    if len(os.fsencode(name)) > LONGEST_NAME - _ROOM:
        name = f"{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}{ending}"
    return path.with_name(name)


def _is_id(text: str) -> bool:
    return len(text) == _LENGTH and not text.strip(_LETTERS)
