"""Turn records into tables of texts: a column for each field, for the records that have the same fields.

The work is done column by column, since a call for each value is what making a segment would spend most of its time on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from strongroom.search.entry import texts_in

OUTER, INNER = "\x1e", "\x1f"  # between the values of a column, and between the texts of a value
_LEVELS = 4  # of objects within objects that are taken column by column

Record = Mapping[str, object]
Texts = Sequence[str | None]


class HoldsSeparator(ValueError):
    """A text has one of the separators itself."""


class Table(Struct, frozen=True):
    """The texts of records with the same fields. Fields without a text are left out."""

    fields: tuple[str, ...]
    rows: Sequence[int]  # in the sequence that was cut
    columns: Sequence[Sequence[str]]


def cut_tables(records: Sequence[Record]) -> tuple[list[Table], list[int]]:
    """Return the tables, in the order of their first records, and the rows of what fits in none.

    No table has a record with a separator in one of its texts, or one without any text.
    """
    kinds: dict[tuple[str, ...], list[int]] = {}
    for row, fields in enumerate(map(tuple, records)):
        kinds.setdefault(fields, []).append(row)
    tables: list[Table] = []
    odd: list[int] = []
    for fields, rows in kinds.items():
        try:
            tables += _cut(fields, rows, [records[row] for row in rows])
        except HoldsSeparator:
            odd += [row for row in rows if _holds_separator(records[row])]
            plain = [row for row in rows if not _holds_separator(records[row])]
            tables += _cut(fields, plain, [records[row] for row in plain])
    odd += [row for table in tables if not table.fields for row in table.rows]
    return sorted(_joined(tables), key=lambda table: table.rows[0]), sorted(odd)


def _joined(tables: Sequence[Table]) -> Iterator[Table]:
    """Yield one table for all records with the same fields, in the order of the records.

    Records that differ only in fields without a text come from several tables.
    """
    kinds: dict[tuple[str, ...], list[Table]] = {}
    for table in tables:
        if table.fields:
            kinds.setdefault(table.fields, []).append(table)
    for fields, same in kinds.items():
        if len(same) == 1:
            yield same[0]
            continue
        rows = [row for table in same for row in table.rows]
        order = sorted(range(len(rows)), key=rows.__getitem__)
        columns = [[*chain.from_iterable(parts)] for parts in zip(*[table.columns for table in same], strict=True)]
        yield Table(fields, [rows[at] for at in order], [[column[at] for at in order] for column in columns])


def _cut(fields: tuple[str, ...], rows: Sequence[int], records: Sequence[Record]) -> list[Table]:
    """Return the tables of records that name the same fields. Raises HoldsSeparator."""
    values = _columns(records, len(fields))
    columns = [_texts_of(column) for column in values]
    gaps = [texts is not column and None in texts for texts, column in zip(columns, values, strict=True)]
    if not any(gaps) and fields:
        return [_table(fields, rows, columns)] if rows else []
    some = [column for column, gap in zip(columns, gaps, strict=True) if gap]
    kinds: dict[tuple[bool, ...], list[int]] = {}
    for at, given in enumerate(zip(*[[text is not None for text in column] for column in some], strict=True)):
        kinds.setdefault(given, []).append(at)
    if not some:  # records without fields
        kinds = {(): [*range(len(rows))]} if rows else {}
    tables = []
    for given, places in kinds.items():
        answers = iter(given)
        kept = [not gap or next(answers) for gap in gaps]
        names = tuple([field for field, keep in zip(fields, kept, strict=True) if keep])
        picked = [[column[at] for at in places] for column, keep in zip(columns, kept, strict=True) if keep]
        tables.append(_table(names, [rows[at] for at in places], picked))
    return tables


def _columns(records: Sequence[Record], fields: int) -> list[list[object]]:
    """Return the values of records with the same fields, field by field. Each record is looked at once."""
    values = [*chain.from_iterable([each.values() for each in records])]
    return [values[place::fields] for place in range(fields)]


def _table(fields: tuple[str, ...], rows: Sequence[int], columns: Sequence[Texts]) -> Table:
    return Table(fields, rows, columns)  # type: ignore[arg-type]  # no column has None here


def _texts_of(values: Sequence[object], level: int = 0) -> Texts:
    """Return the texts of each value, None where it has none: the values themselves where all are texts.

    Raises HoldsSeparator.
    """
    kinds = set(map(type, values))
    if kinds == {str}:
        return _require_plain(values)  # type: ignore[arg-type]  # they are texts
    if kinds <= {int, float}:
        return list(map(str, values))
    if kinds == {dict} and level < _LEVELS:
        return _texts_of_objects(values, level)  # type: ignore[arg-type]  # they are objects
    if kinds == {list} and all(values):
        return _texts_of_lists(values, level)  # type: ignore[arg-type]  # they are lists
    return [_text_of(value, level) for value in values]


def _texts_of_objects(values: Sequence[dict[str, object]], level: int) -> Texts:
    kinds: dict[tuple[str, ...], list[int]] = {}
    for at, fields in enumerate(map(tuple, values)):
        kinds.setdefault(fields, []).append(at)
    if len(kinds) == 1:
        return _join_fields(values, level)
    texts: list[str | None] = [None] * len(values)
    for places in kinds.values():
        for at, text in zip(places, _join_fields([values[at] for at in places], level), strict=True):
            texts[at] = text
    return texts


def _join_fields(values: Sequence[dict[str, object]], level: int) -> Texts:
    """Return the texts of objects with the same fields."""
    inner = [_texts_of(column, level + 1) for column in _columns(values, len(values[0]))]
    if not inner or any(None in column for column in inner):
        return [_text_of(value, level) for value in values]
    return list(map(INNER.join, zip(*inner, strict=True)))


def _texts_of_lists(values: Sequence[list[str]], level: int) -> Texts:
    """Return the texts of lists, none of them empty."""
    try:
        joined = list(map(INNER.join, values))
    except TypeError:  # there is more than texts in them
        return [_text_of(value, level) for value in values]
    whole = "".join(joined)
    if OUTER in whole or whole.count(INNER) != sum(map(len, values)) - len(values):
        raise HoldsSeparator
    return joined


def _require_plain(texts: Sequence[str]) -> Sequence[str]:
    joined = "".join(texts)
    if OUTER in joined or INNER in joined:
        raise HoldsSeparator
    return texts


def _text_of(value: object, level: int) -> str | None:
    texts = [*texts_in(value, level)]
    return INNER.join(_require_plain(texts)) if texts else None


def _holds_separator(record: Record) -> bool:
    return any(OUTER in text or INNER in text for value in record.values() for text in texts_in(value))
