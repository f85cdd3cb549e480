"""Turn a CSV's bytes into text: the byte-order mark decides, else UTF-8, else Windows-1252 as the last resort.

The last resort is taken at the first byte that is no UTF-8, and only where everything before it was ASCII, so that the
whole text has one encoding. Bytes that fit no reading are a fault: never replaced, never skipped.

Find how a CSV separates and quotes, from its first rows and from nothing else.

The finding depends on the bytes and on the two names that every archive keeps (id and time), never on what else is
documented today: an archive that is read again in years must be read the same way.

Read the time column of a CSV: RFC 3339, its common relatives, and local forms where they can mean only one thing.

`03/04/2026 10:00` is the third of April or the fourth of March. The column decides: once one of its dates can only be
read one way, all are read that way. Until then a date that could be either is not read at all. A time without a zone
is taken as UTC and counted, so that whoever reads the dates knows how far they may be off.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from encodings.cp1252 import decoding_table  # at import: a locked-down reader can open no file to load a codec

from msgspec import Struct

from strongroom.formats.faults import Unreadable
from strongroom.formats.record_checks import read_time

UTF8, UTF8_BOM, LEGACY = "utf-8", "utf-8-bom", "windows-1252"

_HOLE = "\0" * 8
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)

_Decode = Callable[[bytes, str, bool], tuple[str, int]]
_MARKS: tuple[tuple[bytes, str, _Decode], ...] = (
    (codecs.BOM_UTF8, UTF8_BOM, codecs.utf_8_decode),
    (codecs.BOM_UTF16_LE, "utf-16-le-bom", codecs.utf_16_le_decode),
    (codecs.BOM_UTF16_BE, "utf-16-be-bom", codecs.utf_16_be_decode),
)


class TextDecoder:
    """Decodes one file, block by block. The first block must hold the whole byte-order mark, if there is one."""

    def __init__(self) -> None:
        self.encoding = ""  # known from the first block on; may still become LEGACY
        self._decode: _Decode = codecs.utf_8_decode
        self._ascii = True  # all text so far
        self._rest = b""  # the beginning of a character whose end is in the next block

    def decode(self, block: bytes, *, final: bool) -> str:
        """Return the block's text; raise Unreadable (csv-bad-encoding, csv-nul)."""
        if not self.encoding:
            block = self._read_mark(block)
        data = self._rest + block
        try:
            text, used = self._decode(data, "strict", final)
        except UnicodeDecodeError as error:
            text, used = self._fall_back(data, error)
        self._rest = data[used:]
        self._ascii = self._ascii and text.isascii()
        if _HOLE in text:
            words = f"the text holds {len(_HOLE)} or more NUL characters in a row: a hole where bytes are missing"
            raise Unreadable("csv-nul", words)
        return text

    def _read_mark(self, block: bytes) -> bytes:
        if block.startswith(_UTF32):
            raise Unreadable("csv-bad-encoding", "the text is UTF-32, which is not read; UTF-8 or UTF-16 was expected")
        for mark, name, decode in _MARKS:
            if block.startswith(mark):
                self.encoding, self._decode = name, decode
                return block[len(mark) :]
        self.encoding = UTF8
        return block

    def _fall_back(self, data: bytes, error: UnicodeDecodeError) -> tuple[str, int]:
        if self.encoding == UTF8 and self._ascii and data[: error.start].isascii():
            self.encoding, self._decode = LEGACY, _decode_legacy
            return _decode_legacy(data, "strict", True)
        raise Unreadable("csv-bad-encoding", f"the text is not {self.encoding}: {error.reason}") from error


def _decode_legacy(data: bytes, errors: str, _final: bool) -> tuple[str, int]:  # a codec's signature
    try:
        return codecs.charmap_decode(data, errors, decoding_table)
    except UnicodeDecodeError as error:
        raise Unreadable("csv-bad-encoding", "the text is neither UTF-8 nor Windows-1252") from error


Row = list[str]

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_QUOTES = {'"': "double", "'": "single"}
_LINE_ENDS = {"\r\n": "crlf", "\n": "lf", "\r": "cr"}
_HINT = re.compile(r"""\s*"?sep=([^\w\r\n"' ])"?[,;\t|]*(?:\r\n|\n|\r(?!\Z)|\Z)""", re.IGNORECASE)
_ROWS = 50  # looked at to compare the delimiters
# An address stops at its first dot, so that no cell is tried twice: a million dots took hours otherwise.
_VALUE = re.compile(r"[+-]?[0-9][0-9 .,:/TZ+-]*|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[^@\s]+@[^@\s][^@\s.]*\.[^@\s]+")


class Dialect(Struct, frozen=True):
    """How one file separates its cells, quotes them and ends its rows. A quote within quotes is doubled."""

    delimiter: str
    quote: str
    line_end: str

    def __str__(self) -> str:
        names = (
            _DELIMITERS.get(self.delimiter) or f"U+{ord(self.delimiter):04X}",
            _QUOTES[self.quote],
            _LINE_ENDS[self.line_end],
        )
        return "delimiter={} quote={} newline={}".format(*names)

    def read(self, lines: Iterable[str]) -> Iterator[Row]:
        r"""Read rows strictly, taking no line before it is needed; raises csv.Error.

        Lines end with \n, \r\n or \r and nowhere else, as those of `io.StringIO(text, newline="")`.
        """
        return csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, doublequote=True, strict=True)


class Hint(Struct, frozen=True):
    """A first line `sep=;`, which Excel obeys and writes: it names the delimiter of the lines behind it."""

    delimiter: str
    length: int  # characters of the line with its end


def find_hint(text: str) -> Hint | None:
    """Return what a first line says of the delimiter, None where there is no such line."""
    found = _HINT.match(text)
    return Hint(found[1], found.end()) if found else None


def find_dialect(sample: str, names: Collection[str], hinted: str = "") -> Dialect:
    """Return the dialect that reads the sample best: names that are known, then rows of one width, then many cells.

    The `hinted` delimiter is taken unless another one finds more known names.

    Raise Unreadable (csv-not-csv) for text that begins like a web page, XML or JSON.
    """
    if sample.lstrip()[:1] in ("<", "{", "["):
        raise Unreadable("csv-not-csv", "the text begins like a web page, XML or JSON; a CSV was expected")
    lines = list(io.StringIO(sample, newline=""))
    line_end = next((end for end in _LINE_ENDS if lines and lines[0].endswith(end)), "\n")
    candidates = [Dialect(delimiter, '"', line_end) for delimiter in _DELIMITERS]
    best = max(candidates, key=lambda dialect: _rate(dialect, lines, names))
    if hinted:
        told = Dialect(hinted, '"', line_end)
        best = told if _rate(told, lines, names)[0] >= _rate(best, lines, names)[0] else best
    header = next(iter(_try_rows(best, lines)), [])
    if header and all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in header):
        return Dialect(best.delimiter, "'", line_end)
    return best


def is_header(cells: Row, names: Collection[str]) -> bool:
    """Say whether the first row names columns: it holds a known name, or nothing that looks like a value."""
    if not {*cells}.isdisjoint(names):
        return True
    return any(cells) and not any(_VALUE.fullmatch(cell.strip()) for cell in cells)


def _rate(dialect: Dialect, lines: list[str], names: Collection[str]) -> tuple[int, bool, int]:
    """Rate a dialect; the first of several equals is taken, so commas win over semicolons and tabs."""
    rows = _try_rows(dialect, lines)
    if not rows:
        return (0, False, lines[0].count(dialect.delimiter) if lines else 0)
    width = len(rows[0])
    even = width > 1 and all(len(row) == width for row in rows[: len(rows) - 1])  # the last may be cut by the sample
    return (len({*rows[0]} & {*names}), even, width)


def _try_rows(dialect: Dialect, lines: list[str]) -> list[Row]:
    """Return the first rows that can be read; blank ones left out."""
    rows: list[Row] = []
    try:
        for row in dialect.read(lines):
            if row:
                rows.append(row)
            if len(rows) == _ROWS:
                break
    except csv.Error:  # cut within quotes by the end of the sample, or not this dialect: what was read before counts
        return rows
    return rows


_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))? ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_LOCAL = re.compile(
    r"(\d\d?)([./-])(\d\d?)\2(\d{4})[, T] ?(\d\d?):(\d\d)(?::(\d\d))?(?: ?([AP])M)?", re.ASCII | re.IGNORECASE
)


class TimeColumn:
    """Turns the cells of one column into RFC 3339 texts."""

    def __init__(self) -> None:
        self.zoneless = 0  # times that were taken as UTC for want of a zone
        self._day_first: bool | None = None  # None until a date told

    def read(self, cells: Sequence[str]) -> Sequence[str | None]:
        """Return a text that `DateTally` reads for each cell, or None where the cell is no time."""
        if all([cell[-1:] == "Z" for cell in cells]):  # noqa: C419  # the list is three times as fast here
            return cells
        if self._day_first is None:
            self._learn(cells)
        return [self._read_cell(cell.strip()) for cell in cells]

    def _learn(self, cells: Sequence[str]) -> None:
        for cell in cells:
            found = _LOCAL.fullmatch(cell.strip())
            if found and (int(found[1]) > 12) != (int(found[3]) > 12):
                self._day_first = int(found[1]) > 12
                return

    def _read_cell(self, text: str) -> str | None:
        if found := _ISO.fullmatch(text):
            day, minute, second, fraction, zone = found.groups()
            return f"{day}T{minute}{second or ':00'}{f'.{fraction}' if fraction else ''}{self._zone(zone)}"
        found = _LOCAL.fullmatch(text)
        return self._read_local(found) if found else None

    def _zone(self, zone: str | None) -> str:
        if not zone:
            self.zoneless += 1
            return "Z"
        if zone.upper() in ("Z", "UTC", "GMT"):
            return "Z"
        digits = zone[1:].replace(":", "").ljust(4, "0")
        return f"{zone[0]}{digits[:2]}:{digits[2:]}"

    def _read_local(self, found: re.Match[str]) -> str | None:
        first, mark, second, year = int(found[1]), found[2], int(found[3]), found[4]
        day_first = True if mark == "." else self._day_first  # dotted dates begin with the day wherever they are used
        if day_first is None and first != second:
            return None
        day, month = (first, second) if day_first or day_first is None else (second, first)
        hour = _hour(int(found[5]), found[8])
        text = f"{year}-{month:02}-{day:02}T{hour:02}:{found[6]}:{found[7] or '00'}Z"
        if read_time(text) is None:  # a thirteenth month: the column holds both orders, and this one cannot be right
            return None
        self.zoneless += 1
        return text


def _hour(hour: int, half: str | None) -> int:
    """Return the hour of the day; one that no clock shows comes back as 24, which no date takes."""
    if not half:
        return hour
    if not 1 <= hour <= 12:
        return 24
    return hour % 12 + (12 if half in "Pp" else 0)
