"""The rows of the log walked as the chain that they are: a line counts once it follows the line before it.

Only the bytes of the lines are trusted. Their columns are an index, which anyone who can write to the catalogue
can change without a trace, so that nothing is chosen by them here.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from strongroom.evidence.line import GENESIS, digest
from strongroom.model.errors import VaultError
from strongroom.model.times import parse_instant
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.rows import UNREADABLE, RowUnreadable, unreadable

LINES_AFTER = "SELECT seq, line FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"

PAGE = 2_000  # rows read at once
_SEQ = re.compile(rb'"seq":([0-9]{1,18})')


def is_in_chain(row: sqlite3.Row) -> bool:
    """Say whether a row of `queries.select_entries` is what its line says, and its line one of the chain's."""
    try:
        body = json.loads(row["line"])
        columns = all(row[name] == body.get(name, "") for name in ("seq", "kind", "job", "archive", "stream"))
        before = GENESIS if row["seq"] == 1 else digest(bytes(row["before"]))
        followed = row["after"] is None or json.loads(row["after"])["prev"] == digest(bytes(row["line"]))
        return columns and followed and bool(body["prev"] == before)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


@contextmanager
def readable(line: bytes) -> Iterator[None]:
    """Act on one entry. Raises VaultError, naming it, where it lacks what is needed or has it in another form."""
    try:
        yield
    except UNREADABLE as error:
        found = _SEQ.search(line)
        name = f"entry {int(found.group(1))}" if found else "an entry"
        raise VaultError(
            f"{name} of the evidence log cannot be understood: something that its kind needs is missing or malformed",
            hint="Strongroom never writes such a line; compare with a copy of the log: strongroom audit verify",
        ) from error


class LogWalk(Struct):
    """How far the chain was walked. It goes on where it stopped."""

    seq: int = 0
    prev: str = GENESIS

    def lines(self, catalogue: Catalogue) -> Iterator[bytes]:
        """Yield every line after the last one that was walked, to the newest there is.

        Raises VaultError at the first that does not follow the one before it.
        """
        while rows := catalogue.read(LINES_AFTER, self.seq, PAGE):
            for row in rows:
                line = bytes(row["line"])
                self.follow(line)
                yield line

    def follow(self, line: bytes) -> None:
        """Take the next line. Raises VaultError where it does not follow the one before it."""
        # Within a text of a canonical line every quote is escaped: these bytes can only be the keys themselves.
        seq = self.seq + 1
        if b'"prev":"%b","seq":%d,' % (self.prev.encode(), seq) not in line:
            raise VaultError(
                f"entry {seq} of the evidence log does not follow the one before it: it was changed in the catalogue",
                hint="compare with a copy of the log: strongroom audit verify",
            )
        self.seq, self.prev = seq, digest(line)


def is_line(line: bytes) -> bool:
    """Say whether an entry's line can be read."""
    try:
        read_line(0, line)
    except RowUnreadable:
        return False
    return True


def read_line(seq: object, line: bytes) -> dict[str, Any]:
    """Return the body of an entry's line, with the parts that every entry has. Raises RowUnreadable."""
    try:
        body = json.loads(line)
        if isinstance(body["facts"], dict) and isinstance(body["kind"], str):
            parse_instant(body["at"])
            return dict(body)
    except UNREADABLE as error:
        raise unreadable("entries", seq) from error
    raise unreadable("entries", seq)
