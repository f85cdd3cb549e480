"""A page of a list, as an API answered it: somewhere in its JSON is an array of objects, which are the records.

The array is cut out of the text as it is, and read by the reader of bare arrays.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from strongroom.formats.json_array import JsonArrayReader, ParseVerdict, RecordWatcher, pour
from strongroom.formats.plaintext import FindingLog, Unreadable, printable
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.plan import DatasetShape

_ROOM = 256 * 1024  # bytes
_BATCH = 64 * 1024  # bytes; a page is small, and an archive may have a thousand
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE = b" \t\r\n"


def cut_records(page: bytes, where: str) -> bytes:
    """Return the text of the array at `where`: names between points, "@" for the page itself, "||" between choices.

    Raise Unreadable (json-no-list) where there is none.
    """
    for choice in where.split("||"):
        found = _follow(page, choice.strip())
        if found is not None and found.lstrip(_SPACE).startswith(b"["):
            return found
    raise Unreadable("json-no-list", f"the page has no list of records at {printable(where)}")


def _follow(text: bytes, path: str) -> bytes | None:
    for name in () if path == "@" else path.split("."):
        try:
            inner = _object.decode(text).get(name)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        if inner is None:
            return None
        text = bytes(inner)
    return text


class PageReader:
    """Counts, dates and watches the records of one page."""

    def __init__(
        self,
        member: str,
        shape: DatasetShape,
        expectation: Expectation,
        caps: Caps,
        watcher: RecordWatcher | None,
        where: str,
    ) -> None:
        self._inner = JsonArrayReader(member, shape, expectation, caps, watcher, batch=_BATCH)
        self._member, self._where, self._caps = printable(member), where, caps
        self._room = memoryview(bytearray(_ROOM))
        self._text = bytearray()
        self._size = 0

    def room(self) -> memoryview:
        """Return where the next bytes go."""
        return self._room

    def advance(self, count: int) -> None:
        """Keep the bytes, unless the page is already too large."""
        self._size += count
        if self._size <= self._caps.max_record:
            self._text += self._room[:count]

    def finish(self, *, whole: bool) -> ParseVerdict:
        """Read the records where the page is whole."""
        log = FindingLog(self._caps.max_findings)
        try:
            if whole:
                pour(self._inner, self._records())
        except Unreadable as fault:
            whole = False
            log.extend([fault.as_finding(self._member)])
        verdict = self._inner.finish(whole=whole)
        log.extend(verdict.findings)
        return ParseVerdict(replace(verdict.report, size=self._size), log.close())

    def _records(self) -> bytes:
        if self._size > self._caps.max_record:
            words = f"the page has {self._size:,} bytes; at most {self._caps.max_record:,} are read"
            raise Unreadable("json-record-too-large", words)
        return cut_records(bytes(self._text), self._where)
