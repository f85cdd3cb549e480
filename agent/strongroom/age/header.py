"""The header: who may open a file, under a MAC keyed with the file key. Parsed whole and strictly before any use.

age v1 specification, "Header". Size and number of stanzas are capped, since the header is read before anything in it
is authenticated.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct

from strongroom.age.keys import Identity, Recipient
from strongroom.age.stanza import (
    SCRYPT,
    HeaderRefused,
    KeyRefused,
    MacMismatch,
    NoMatch,
    Stanza,
    decode_base64,
    derive,
    encode_base64,
    parse_stanzas,
)
from strongroom.model.times import Chance

VERSION = b"age-encryption.org/v1\n"
HEADER_CAP = 64 * 1024  # bytes; some hundreds of X25519 recipients
STANZA_CAP = 256
_END = re.compile(rb"\n---[^\n]*\n")
_MAC_SIZE = 32
_HINT = "the file is damaged or was not written as age v1; take another copy"


class Header(Struct, frozen=True):
    """A parsed header; nothing in it is authenticated until `verify`."""

    stanzas: tuple[Stanza, ...]  # at least one; a scrypt stanza is alone
    covered: bytes  # the bytes under the MAC, exactly as they came: up to and with "---"
    mac: bytes  # 32 bytes

    def verify(self, file_key: bytes) -> None:
        """Raise MacMismatch unless this header was written with the file key."""
        if not hmac.compare_digest(_mac(file_key, self.covered), self.mac):
            raise MacMismatch("the header does not authenticate: it was altered after sealing", hint=_HINT)


def write_header(file_key: bytes, recipients: Sequence[Recipient], random_bytes: Chance) -> bytes:
    """Return the header that lets these recipients at the file key; raise KeyRefused for none or too many of them."""
    if not 1 <= len(recipients) <= STANZA_CAP:
        raise KeyRefused(f"a file is sealed to 1 to {STANZA_CAP} recipients, got {len(recipients)}", hint="name them")
    stanzas = [recipient.wrap(file_key, random_bytes) for recipient in recipients]
    if len(stanzas) > 1 and any(stanza.kind == SCRYPT for stanza in stanzas):
        raise KeyRefused(
            "a passphrase must be a file's only recipient", hint="seal to keys, or to the passphrase alone"
        )
    covered = VERSION + b"".join(stanza.encode() for stanza in stanzas) + b"---"
    return covered + b" " + encode_base64(_mac(file_key, covered)) + b"\n"


def find_end(data: bytes | bytearray) -> int | None:
    """Return where the header that begins `data` ends, None when its end has not come yet.

    Raises HeaderRefused as soon as `data` cannot be an age v1 header, or no end is in sight within the cap.
    """
    if not data.startswith(VERSION[: len(data)]):
        raise HeaderRefused("this is not a binary age v1 file", hint=_foreign_hint(data))
    found = _END.search(data, len(VERSION) - 1)
    if (found.end() if found else len(data)) > HEADER_CAP:
        raise HeaderRefused(f"the header does not end within {HEADER_CAP} bytes", hint=_HINT)
    return found.end() if found else None


def parse_header(data: bytes) -> Header:
    """Read a whole header, from the version line to the end of the MAC line; raise HeaderRefused."""
    if not data.startswith(VERSION) or not data.endswith(b"\n"):
        raise HeaderRefused("the header is not complete", hint=_HINT)
    *lines, last = data[len(VERSION) : -1].split(b"\n")
    if not last.startswith(b"--- "):
        raise HeaderRefused("the header's last line is not its MAC", hint=_HINT)
    stanzas = parse_stanzas(lines)
    if not 1 <= len(stanzas) <= STANZA_CAP:
        raise HeaderRefused(f"a header has 1 to {STANZA_CAP} recipients, this one {len(stanzas)}", hint=_HINT)
    if len(stanzas) > 1 and any(stanza.kind == SCRYPT for stanza in stanzas):
        raise HeaderRefused("a passphrase stanza is not alone in the header", hint=_HINT)
    covered = data[: len(data) - len(last) - 1 + 3]
    return Header(stanzas, covered, decode_base64(last[4:], _MAC_SIZE))


def unlock_header(header: Header, identities: Sequence[Identity]) -> bytes:
    """Return the file key of an authenticated header; the first identity that opens a stanza decides.

    Raises HeaderRefused, NoMatch or MacMismatch.
    """
    for identity in identities:
        if file_key := identity.unwrap(header.stanzas):
            header.verify(file_key)
            return file_key
    kinds = ", ".join(sorted({stanza.kind[:20] for stanza in header.stanzas})[:5])
    raise NoMatch(
        f"none of the {len(identities)} identities given opens this file (it is sealed to: {kinds})",
        hint="give the identity it was sealed to; for a passphrase, type it again",
    )


def _mac(file_key: bytes, covered: bytes) -> bytes:
    return hmac.digest(derive(file_key, b"", b"header"), covered, sha256)


def _foreign_hint(data: bytes | bytearray) -> str:
    if data.startswith(b"-----BEGIN AGE"):
        return "it is armored text: turn it into a binary file with the age tool first (decrypt and encrypt without -a)"
    return _HINT
