"""The key file: an archive's own identity and digest salt, as a text that stock age takes for an identity file.

Exactly three lines, so that there is one writing: archive id, salt, secret key. Destroying every copy of it destroys
the archive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from strongroom.sealing.identity import X25519Identity
from strongroom.sealing.refusal import KeyRefused

SALT_SIZE = 32
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TEXT = re.compile(
    rf"# strongroom archive ({_ID.pattern})\n"
    rf"# digest salt: ([0-9a-f]{{{2 * SALT_SIZE}}})\n"
    r"(AGE-SECRET-KEY-1[0-9A-Z]+)\n"
)


@dataclass(frozen=True, slots=True)
class ArchiveKey:
    """What opens one archive. `repr` shows the id and the public key only."""

    archive_id: str  # 1 to 64 of letters, digits, - and _
    salt: bytes = field(repr=False)  # 32 bytes; keys the digest of the clear text
    identity: X25519Identity

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.archive_id):
            raise ValueError("an archive id has 1 to 64 letters, digits, - or _")
        if len(self.salt) != SALT_SIZE:
            raise ValueError(f"a digest salt has {SALT_SIZE} bytes, got {len(self.salt)}")


def write_archive_key(key: ArchiveKey) -> bytes:
    """Return the key file's text, in clear: seal it before it goes anywhere."""
    return (f"# strongroom archive {key.archive_id}\n# digest salt: {key.salt.hex()}\n{key.identity}\n").encode("ascii")


def parse_archive_key(data: bytes) -> ArchiveKey:
    """Read a key file's text; raise KeyRefused, which quotes nothing, unless it is written exactly as we write it."""
    found = _TEXT.fullmatch(data.decode("utf-8", errors="replace"))
    if not found:
        raise KeyRefused(
            "this is not an archive's key file: expected the archive's id, its digest salt and its secret key",
            hint="is it the right file? take another copy of keys/…/ID.key.age",
        )
    return ArchiveKey(found[1], bytes.fromhex(found[2]), X25519Identity.parse(found[3]))
