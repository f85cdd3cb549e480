"""Read a CSV's bytes as rows: find its encoding and dialect, then cut it into batches of whole rows.

Encoding: the byte-order mark decides, else UTF-8, else Windows-1252. The last is chosen at the first byte that is not
UTF-8, and only if everything before it was ASCII, so that the whole text has one encoding. Bytes that fit no encoding
are a fault: they are never replaced or skipped.

Dialect: it depends on the first rows and on the two names that every archive keeps (id and time), never on what else is
documented today. An archive that is read again in years must be read the same way.

Batches: text is collected up to a line end and given to the parser. A row whose quoted cell continues waits for the
next batch, and is tried again only when its text has doubled, so a long row costs at most twice its length. Blank lines
are not rows. Every row must have as many cells as the header.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from encodings.cp1252 import decoding_table  # at import: a locked-down reader can open no file to load a codec
from typing import Protocol

from msgspec import Struct

from strongroom.formats.plaintext import Unreadable

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
            raise Unreadable(
                "csv-bad-encoding", "the text is UTF-32, which is not supported; UTF-8 or UTF-16 was expected"
            )
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
        by_hint = Dialect(hinted, '"', line_end)
        best = by_hint if _rate(by_hint, lines, names)[0] >= _rate(best, lines, names)[0] else best
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


BATCH = 64 * 1024  # bytes; as rows of very short cells they take about 60 times as much memory
MAX_ROW = 8 << 20  # characters, whatever the caller's bound: a row is held several times while it is read
MAX_COLUMNS = 16_384  # what spreadsheets can show


class RowTaker(Protocol):
    """Takes what was cut."""

    def take_header(self, names: Sequence[str], *, given: bool) -> None:
        """Take the names of the columns; where the file gives none (not `given`), they are made up."""

    def take_rows(self, rows: Sequence[Row]) -> None:
        """Take rows, at least one, all as wide as the header."""


class RowSplitter:
    """Give it bytes through `room` and `advance`, then `finish`; it gives rows to the taker.

    `names` are columns by which a header is recognized. Raises Unreadable for what is certainly no CSV; rows read
    before the fault were taken.
    """

    def __init__(self, taker: RowTaker, names: Collection[str], *, max_row: int, batch: int = BATCH) -> None:
        self.decoder = TextDecoder()
        self.dialect: Dialect | None = None  # None until the first batch was read, and for an empty file
        self.hinted = ""  # the delimiter that a first line `sep=;` names
        self.blank = 0  # lines without any cell
        self.unterminated = False  # the last row has no line end, known after `finish`
        self._taker = taker
        self._names = frozenset(names) - {""}
        self._limit = min(max_row, MAX_ROW)
        self._view = memoryview(bytearray(batch))
        self._fill = 0
        self._text: list[str] = []  # decoded, but not yet rows
        self._length = 0  # characters in _text
        self._enough = 0  # characters that make another try worth while
        self._width = 0  # cells of the header; 0 before it
        self._rows = 0

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty. The view is good until `advance`."""
        return self._view[self._fill :]

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room."""
        self._fill += count
        if self._fill == len(self._view):
            self._read_batch(final=False)

    def finish(self) -> None:
        """Read what is left; raise Unreadable where it is no whole row."""
        self._read_batch(final=True)

    def _read_batch(self, *, final: bool) -> None:
        text = self.decoder.decode(bytes(self._view[: self._fill]), final=final)
        self._fill = 0
        self._text.append(text)
        self._length += len(text)
        if final or self._length >= self._enough:
            self._cut(final=final)

    def _cut(self, *, final: bool) -> None:
        text = "".join(self._text)
        if self.dialect is None:
            text = self._begin(text)
        end = len(text) if final else _last_line_end(text)
        taken = self._read_rows(self.dialect, text[:end], final=final) if self.dialect else end
        self._keep(text[taken:])
        self.unterminated = final and bool(text) and not self._is_ended(text)

    def _is_ended(self, text: str) -> bool:
        r"""Say whether the last line has the line end of the others: a lone \r may be the half of a \r\n."""
        mac = self.dialect is not None and self.dialect.line_end == "\r" and self._rows > 0
        return text[-1] == "\n" or (text[-1] == "\r" and mac)

    def _begin(self, text: str) -> str:
        """Find the dialect where there is something to find it in; return the text without a line that names it."""
        if not self.hinted and (hint := find_hint(text)):
            self.hinted, text = hint.delimiter, text[hint.length :]
        if text.strip():
            self.dialect = find_dialect(text, self._names, self.hinted)
        return text

    def _keep(self, rest: str) -> None:
        if len(rest) > self._limit:
            words = f"a row has more than {self._limit:,} characters, or an opening quote was never closed"
            raise Unreadable("csv-row-too-large", words)
        self._text, self._length, self._enough = [rest], len(rest), min(2 * len(rest), self._limit + 1)

    def _read_rows(self, dialect: Dialect, text: str, *, final: bool) -> int:
        """Give the whole rows to the taker; return how many characters they were, without an unfinished one."""
        csv.field_size_limit(self._limit)  # of the whole process, so it is said again before each reading
        lines, taken, fault = io.StringIO(text, newline=""), 0, None
        rows: list[Row] = []
        try:
            for row in dialect.read(lines):
                rows.append(row)  # what was read before a fault is wanted too
                taken = lines.tell()
        except csv.Error as error:
            fault = _describe(error, final=final)
        self._take(rows)
        if fault:
            raise fault
        return taken

    def _take(self, rows: list[Row]) -> None:
        widths = {*map(len, rows)}
        if 0 in widths:
            count = len(rows)
            rows = [row for row in rows if row]
            self.blank += count - len(rows)
        if rows and not self._width:
            rows = self._take_header(rows)
        whole = rows
        if not widths <= {0, self._width}:
            whole = rows[: next(place for place, row in enumerate([*rows, []]) if len(row) != self._width)]
        if whole:
            self._rows += len(whole)
            self._taker.take_rows(whole)
        if len(whole) < len(rows):
            got = len(rows[len(whole)])
            words = f"row {self._rows + 1:,} has {got:,} cells; the header has {self._width:,}"
            raise Unreadable("csv-ragged-row", words)

    def _take_header(self, rows: list[Row]) -> list[Row]:
        self._width = len(rows[0])
        if self._width > MAX_COLUMNS:
            words = f"the header has {self._width:,} columns; at most {MAX_COLUMNS:,} are read"
            raise Unreadable("csv-too-many-columns", words)
        if any("\0" in cell for cell in rows[0]):
            words = "the header holds NUL characters: it may be UTF-16 without a byte-order mark"
            raise Unreadable("csv-nul", words)
        given = is_header(rows[0], self._names)
        made_up = [f"column {number}" for number in range(1, self._width + 1)]
        self._taker.take_header(rows[0] if given else made_up, given=given)
        return rows[1:] if given else rows


def _last_line_end(text: str) -> int:
    r"""Return the place behind the last line end. A \r at the very end is left: a \n may follow."""
    return max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1


def _describe(error: csv.Error, *, final: bool) -> Unreadable | None:
    """Put the parser's refusal in words; None where the row may go on in the next batch."""
    message = str(error)
    if "unexpected end" in message:
        words = "the text ends within quotes: it was cut short, or a quote was never closed"
        return Unreadable("csv-unclosed-quote", words) if final else None
    if "field limit" in message:
        return Unreadable("csv-row-too-large", f"a cell is too long: {message}")
    return Unreadable("csv-malformed", f"not CSV: {message}")
