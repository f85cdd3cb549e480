"""Cut an endless CSV into batches of whole rows, read strictly, in the memory of one batch.

Text collects until it has a line end; the lines are given to the parser, and what it could not finish (a row whose
quoted cell goes on) waits for the next batch. A row that stays unfinished is tried again only when its text has
doubled, so a long one costs no more than twice its length. Blank lines are no rows. Every row must have as many cells
as the header.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from typing import Protocol

from strongroom.formats.csv_dialect import Dialect, Row, TextDecoder, find_dialect, find_hint, is_header
from strongroom.formats.faults import Unreadable

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

    `names` are columns that tell a header apart. Raises Unreadable for what is certainly no CSV; rows read before the
    fault were taken.
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
    told = str(error)
    if "unexpected end" in told:
        words = "the text ends within quotes: it was cut short, or a quote was never closed"
        return Unreadable("csv-unclosed-quote", words) if final else None
    if "field limit" in told:
        return Unreadable("csv-row-too-large", f"a cell is too long: {told}")
    return Unreadable("csv-malformed", f"not CSV: {told}")
