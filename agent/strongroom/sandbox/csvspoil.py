"""CSVs that are not what they should be. Rows are damaged in place: an announced count stays true unless it is bent.

Each fault that damages a row takes the next one from the top; a file with fewer rows leaves the rest undamaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from strongroom.sandbox.faults import Fault, FaultKind, first
from strongroom.sandbox.rows import Row
from strongroom.sandbox.sheets import Column, Sheet
from strongroom.sandbox.slots import DAY, Span

_CUT_AT = 30
"""Characters kept of a row that is cut where nothing else is said: some cells, none of the longer texts."""

_Damage = Callable[[Sheet, Row], str | bytes]


def spoil_columns(columns: Sequence[Column], faults: tuple[Fault, ...]) -> tuple[Column, ...]:
    """Return the columns with those added, lost or moved that the faults say."""
    made = tuple(columns)
    for fault in faults:
        if fault.kind is FaultKind.UNKNOWN_FIELD:
            made = (*made, Column(fault.name or "risk_score", constant="0.5"))
        elif fault.kind is FaultKind.VANISHED_FIELD:
            name = fault.name or "status"
            made = tuple(column for column in made if column.title != name)
        elif fault.kind is FaultKind.REORDERED_FIELDS:
            made = made[::-1]
    return made


def spoil_rows(rows: Iterator[Row], span: Span, faults: tuple[Fault, ...]) -> Iterator[Row]:
    """Yield the rows, and behind the first the one that should not be there; nothing comes behind no rows."""
    if first(faults, FaultKind.NO_RECORDS):
        return
    if first(faults, FaultKind.OUTSIDE_WINDOW):
        head = next(rows, None)
        if head is None:
            return
        yield head
        yield Row(span.first - DAY, head.draw ^ 1, head.record)
    yield from rows


def spoil_lines(rows: Iterator[Row], sheet: Sheet, faults: tuple[Fault, ...]) -> Iterator[str | bytes]:
    """Yield one line for each row, damaged ones among them."""
    damages = iter([damage for fault in faults for damage in _DAMAGES.get(fault.kind, ())])
    held: str | bytes | None = None
    for row in rows:
        if held is not None:
            yield held
        damage = next(damages, None)
        held = damage(sheet, row) if damage else sheet.line(row)
    if held is not None:
        cut = first(faults, FaultKind.CUT_ROW)
        yield held[: cut.at or _CUT_AT] if cut else held


def spoil_last_line(lines: Iterable[str | bytes], faults: tuple[Fault, ...]) -> Iterator[str | bytes]:
    """Yield the lines, the last one without its line end where that is to be missing."""
    bare = first(faults, FaultKind.UNTERMINATED) is not None
    held: str | bytes | None = None
    for line in lines:
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield _bare(held) if bare else held


def _bare(line: str | bytes) -> str | bytes:
    return line.rstrip(b"\r\n") if isinstance(line, bytes) else line.rstrip("\r\n")


def spoil_end(faults: tuple[Fault, ...]) -> bytes:
    """Return what follows the last row."""
    trailing = first(faults, FaultKind.TRAILING_BYTES)
    return b"\0" * trailing.by if trailing else b""


def _swap_last(sheet: Sheet, row: Row, mark: str) -> str:
    """Return the row's line with a mark in place of its last cell, nothing around it quoted or escaped."""
    line = sheet.join([*sheet.cells(row)[:-1], "\0"])
    return line.replace(sheet.quote("\0"), mark)


def _unescaped(sheet: Sheet, row: Row) -> str:
    return _swap_last(sheet, row, '"they said "no" twice"')


def _unclosed(sheet: Sheet, row: Row) -> str:
    return _swap_last(sheet, row, '"never closed')


def _short(sheet: Sheet, row: Row) -> str:
    return sheet.join(sheet.cells(row)[:-1])


def _long(sheet: Sheet, row: Row) -> str:
    return sheet.join([*sheet.cells(row), "surplus"])


def _not_utf8(sheet: Sheet, row: Row) -> bytes:
    head, _, tail = _swap_last(sheet, row, "\0").partition("\0")
    return head.encode() + b"caf\xe9 \xff\xc3(" + tail.encode()


def _zeroes(sheet: Sheet, row: Row) -> str:
    return _swap_last(sheet, row, "zero\0zero\0")


_DAMAGES: dict[FaultKind, tuple[_Damage, ...]] = {
    FaultKind.BAD_QUOTING: (_unescaped,),
    FaultKind.OPEN_QUOTE: (_unclosed,),
    FaultKind.RAGGED_ROW: (_short, _long),
    FaultKind.BAD_UTF8: (_not_utf8,),
    FaultKind.NUL_BYTES: (_zeroes,),
}
