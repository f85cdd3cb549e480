"""The key file: an archive's own identity and digest salt, as a text that stock age takes for an identity file.

Exactly three lines, so that there is one writing: archive id, salt, secret key. Destroying every copy of it destroys
the archive.

Identity files: secret keys one to a line, `#` comments and blank lines between, as age-keygen writes them.

One protected by a passphrase is an age file that holds such a text. Who may read the file is for the caller to check.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from strongroom.age.header import VERSION
from strongroom.age.keys import ScryptIdentity, ScryptRecipient, X25519Identity
from strongroom.age.stanza import KeyRefused
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.model.times import Chance

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


FILE_CAP = 1 << 20  # bytes
_ARMOR = b"-----BEGIN AGE"


def is_protected(data: bytes) -> bool:
    """Return whether an identity file's bytes are an age file, so that a passphrase is needed."""
    return data.startswith(VERSION)


def open_identity_file(data: bytes, ask: Callable[[], str]) -> tuple[X25519Identity, ...]:
    """Return the identities in a file; `ask` is called once, for the passphrase, only when the file is protected.

    Raises KeyRefused for a file that is not an identity file, NoMatch for a wrong passphrase, and the other refusals of
    a sealed file for a damaged one.
    """
    if len(data) > FILE_CAP:
        raise KeyRefused(
            f"an identity file has at most {FILE_CAP} bytes, got {len(data)}", hint="is it the right file?"
        )
    if data.removeprefix(codecs.BOM_UTF8).startswith(_ARMOR):
        raise KeyRefused(
            "the identity file is armored text, which is not supported", hint="protect it again with age -p, without -a"
        )
    return parse_identity_file(open_bytes(data, [ScryptIdentity(ask())]) if is_protected(data) else data)


def protect_identity_file(
    data: bytes, ask: Callable[[], str], recipient: ScryptRecipient, random_bytes: Chance
) -> bytes:
    """Return the same identities and comments sealed with another passphrase, once the result was opened with it.

    `ask` is called for the passphrase that the file has now, where it has one. Raises as `open_identity_file` does.
    """
    text = open_bytes(data, [ScryptIdentity(ask())]) if is_protected(data) else data
    identities = parse_identity_file(text)
    sealed = seal_bytes(text, [recipient], random_bytes)
    if open_identity_file(sealed, lambda: recipient.passphrase) != identities:
        raise KeyRefused("the identity file that was sealed again has other identities", hint="nothing was changed")
    return sealed


def parse_identity_file(data: bytes) -> tuple[X25519Identity, ...]:
    """Return the identities in an unprotected file, at least one; raise KeyRefused with the line that is wrong.

    Lines may end in CRLF, and a byte-order mark may precede them. The message never quotes a line: it may be a secret.
    """
    try:
        lines = data.decode(_encoding(data)).split("\n")
    except UnicodeDecodeError:
        raise KeyRefused("this is not an identity file: it is not text", hint="is it the right file?") from None
    numbered = [(number, line.removesuffix("\r")) for number, line in enumerate(lines, start=1)]
    found = tuple(_parse_line(number, line) for number, line in numbered if line.strip() and not line.startswith("#"))
    if not found:
        raise KeyRefused("the identity file holds no identity", hint="is it the right file? age-keygen makes one")
    return found


def _encoding(data: bytes) -> str:
    """Return what the byte-order mark says, which editors and shells of Windows write; UTF-8 without one."""
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def write_identity_file(identity: X25519Identity, *comments: str) -> str:
    """Return the text of an identity file: the comments, the public key as a comment, the secret key."""
    if any(not comment.isprintable() for comment in comments):
        raise ValueError("a comment is one line of printable characters")
    lines = [*(f"# {comment}" for comment in comments), f"# public key: {identity.recipient}", str(identity)]
    return "\n".join(lines) + "\n"


def _parse_line(number: int, line: str) -> X25519Identity:
    if line.startswith(("AGE-PLUGIN-", "AGE-SECRET-KEY-PQ-")):
        raise KeyRefused(
            f"line {number}: plugin and hybrid identities are not supported", hint="use an X25519 identity"
        )
    try:
        return X25519Identity.parse(line)
    except KeyRefused as error:
        raise KeyRefused(f"line {number}: {error.message}", hint=error.hint) from None
