"""One line of the evidence log: canonical JSON, chained to the line before it by SHA-256.

The raw bytes of a line, without its newline, are what is hashed. They are written once and never rendered again, so
they can serve unchanged as the leaves of a Merkle tree (RFC 6962 hashes leaves as SHA-256(0x00 || leaf)).
Canonical here means: keys sorted, no spaces, UTF-8, values only strings, integers, booleans and null, nested in
objects and arrays. No personal data and no secret belongs in a line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from msgspec import Struct, field

from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.model.times import format_instant

Fact: TypeAlias = "str | int | bool | list[Fact] | dict[str, Fact] | None"

VERSION = 1
GENESIS = "0" * 64
"""What the first line names as its predecessor."""


class Entry(Struct, frozen=True):
    """Something that happened to a record, before it has its place in the log."""

    kind: EntryKind  # what happened
    at: datetime
    job: str = ""
    archive: str = ""
    stream: str = ""
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}))
    words: str = ""  # for people only, such as a provider's error message: never part of the line


def format_line(entry: Entry, seq: int, prev: str) -> bytes:
    """Return the raw line (no newline) for entry number `seq` (from 1) after the line whose digest is `prev`."""
    body: dict[str, Fact] = {
        "v": VERSION,
        "seq": seq,
        "prev": prev,
        "at": format_instant(entry.at),
        "kind": entry.kind,
        "facts": dict(entry.facts),
    }
    subjects = {"job": entry.job, "archive": entry.archive, "stream": entry.stream}
    body.update({name: value for name, value in subjects.items() if value})
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(line: bytes) -> str:
    """Return the hex SHA-256 of a raw line, as the next line names it."""
    return hashlib.sha256(line).hexdigest()


def read_chain(lines: Iterable[bytes]) -> Iterator[dict[str, Fact]]:
    """Yield the body of each raw line, checking sequence and chain.

    Raises VaultError at the first line that is not JSON, out of sequence, or does not follow the line before it.
    """
    prev = GENESIS
    for seq, line in enumerate(lines, start=1):
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise VaultError(f"line {seq} of the evidence log is not readable") from error
        if not isinstance(body, dict) or body.get("seq") != seq:
            raise VaultError(f"line {seq} of the evidence log is out of sequence")
        if body.get("prev") != prev:
            raise VaultError(
                f"line {seq} of the evidence log does not follow line {seq - 1}: "
                f"expected the digest {prev[:16]}…, got {ascii(body.get('prev'))[1:17]}…"
            )
        yield body
        prev = digest(line)
