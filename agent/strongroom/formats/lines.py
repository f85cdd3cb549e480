"""Cut NDJSON into records: one JSON object a line, blank lines passed over, the end of the last line optional.

Each line is parsed by itself, so that nothing can run from one line into the next. What the fast parser refuses is read
again by the patient one, which knows what JSON allows beyond it and says what is wrong.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from strongroom.formats.faults import Unreadable
from strongroom.formats.secondopinion import Decoded, decode_records

ROOM = 256 * 1024  # bytes
_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RecordTaker(Protocol):
    """Takes what was read."""

    def take_decoded(self, decoded: Decoded) -> None:
        """Take the records of some lines."""


class LineSplitter:
    """Give it bytes through `room` and `advance`, then `finish`; it gives records to the taker.

    Raise Unreadable where a line is certainly no JSON object, or passes `max_record` bytes.
    """

    def __init__(self, taker: RecordTaker, *, max_record: int, batch: int = ROOM) -> None:
        self._taker = taker
        self._limit = max_record
        self._view = memoryview(bytearray(batch))
        self._rest = bytearray()  # the beginning of a line whose end has not come
        self._lines = 0
        self._begun = False

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty. The view is good until `advance`."""
        return self._view

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room."""
        head, newline, tail = bytes(self._view[:count]).rpartition(b"\n")
        if newline:
            self._take(bytes(self._rest) + head)
            self._rest = bytearray()
        self._rest += tail
        if len(self._rest) > self._limit:
            raise _too_large(self._lines + 1, self._limit)

    def finish(self) -> None:
        """Take the last line, which may have no end."""
        self._take(bytes(self._rest))
        self._rest = bytearray()

    def _take(self, block: bytes) -> None:
        found = Decoded()
        lines = block.split(b"\n")
        if not self._begun and block:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        try:
            for line in lines:
                self._lines += 1
                self._read(line, found)
        finally:
            self._taker.take_decoded(found)

    def _read(self, line: bytes, found: Decoded) -> None:
        if not line.strip():
            return
        if len(line) > self._limit:
            raise _too_large(self._lines, self._limit)
        try:
            found.records.append(_decode(line))
            found.texts.append(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._read_again(line, found)

    def _read_again(self, line: bytes, found: Decoded) -> None:
        again = decode_records(line + b"]", first=False, final=True)
        if again.fault is not None or len(again.records) != 1:
            why = again.fault or Unreadable("json-malformed", "it holds other than one object")
            raise Unreadable(
                _CODES.get(why.code, why.code), f"line {self._lines:,} is not one JSON object: {why.message}"
            )
        found.records += again.records
        found.texts += again.texts
        found.surrogates += again.surrogates
        found.numbers += again.numbers


_CODES = {"json-trailing-bytes": "json-malformed", "json-not-array": "json-malformed"}
"""Words of the reader of arrays that mean something else for a line."""


def _too_large(line: int, limit: int) -> Unreadable:
    return Unreadable("json-record-too-large", f"line {line:,} has more than {limit:,} bytes, or no line ends")
