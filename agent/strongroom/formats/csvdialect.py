"""Find how a CSV separates and quotes, from its first rows and from nothing else.

The finding depends on the bytes and on the two names that every archive keeps (id and time), never on what else is
documented today: an archive that is read again in years must be read the same way.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from strongroom.formats.faults import Unreadable

Row = list[str]

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_QUOTES = {'"': "double", "'": "single"}
_LINE_ENDS = {"\r\n": "crlf", "\n": "lf", "\r": "cr"}
_HINT = re.compile(r"""\s*"?sep=([^\w\r\n"' ])"?[,;\t|]*(?:\r\n|\n|\r(?!\Z)|\Z)""", re.IGNORECASE)
_ROWS = 50  # looked at to compare the delimiters
# An address stops at its first dot, so that no cell is tried twice: a million dots took hours otherwise.
_VALUE = re.compile(r"[+-]?[0-9][0-9 .,:/TZ+-]*|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[^@\s]+@[^@\s][^@\s.]*\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Dialect:
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


@dataclass(frozen=True, slots=True)
class Hint:
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
