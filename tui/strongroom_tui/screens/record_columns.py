"""Which fields of records stand in a table, and how: when, who and what was said before anything that only identifies.

Records are of the provider's making. What a field is for is guessed from its name; the record in full stands beside the
table, so that a wrong guess hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from rich.text import Text

from strongroom.engine.access.browse import in_words
from strongroom.model.plan import DatasetShape
from strongroom.model.text import clean
from strongroom.text.layout import clip
from strongroom.text.times import local_minute
from strongroom_tui.widgets.table import Columns, TableColumn, TableRow

_WHO = ("from", "sender", "author", "user", "direction", "name", "contact", "to", "phone")
_WHAT = ("text", "body", "message", "content", "subject", "title", "reason", "summary")
_NAMES = ("name", "display_name", "displayname", "email", "phone", "number")  # what names an object, the best first
_NUMBER = TableColumn("#", 7, right=True)
_NARROW = 60  # cells below which the place of a record and what was said take less
_TIME, _WIDEST = 14, 24  # cells of a time, and of any other field but what was said
_SAID = 16  # cells that what was said has at least, and half of the table where it is long
_ON_ONE_LINE = str.maketrans("\t\r\n", "   ")
_LOOKED_AT = 50  # records whose values are measured


def record_columns(shape: DatasetShape, records: Iterable[dict[str, Any]], width: int) -> Columns:
    """Choose as many fields as fit: the time, who, what was said, then the others; the id only where all else fits."""
    known = list(records)[:_LOOKED_AT]
    names = list(dict.fromkeys(name for record in known for name in record))
    said = _first_of(_WHAT, names)
    who = _first_of(_WHO, names)
    rest = [name for name in names if name not in (shape.time_field, shape.id_field, said, who)]
    wanted = [name for name in (shape.time_field, who) if name in names] + rest + [shape.id_field or ""]
    number = _NUMBER if width >= _NARROW else replace(_NUMBER, width=6)
    wish = min(_longest(said, known), width // 2) if width >= _NARROW else 0
    kept = max(_SAID, wish) if said else 0
    left = width - number.width - 1 - (kept + 1 if said else 0)
    chosen: list[TableColumn] = []
    for name in [each for each in wanted if each in names]:
        cells = _TIME if name == shape.time_field else _widest(name, known)
        if cells + 1 > left:
            break
        chosen.append(TableColumn(name, cells, clean(name)[:cells]))
        left -= cells + 1
    if said:
        place = sum(each.name in (shape.time_field, who) for each in chosen)
        cells = max(1, min(kept + left, width))
        chosen.insert(place, TableColumn(said, cells, clean(said)[:cells]))
    return (number, *chosen)


def record_row(place: int, record: dict[str, Any], shape: DatasetShape, columns: Columns) -> TableRow:
    """Return the row of one record, under its place in the file from 1 on."""
    cells = [Text(clip(str(place), columns[0].width).rjust(columns[0].width), no_wrap=True)]
    for each in columns[1:]:
        value = record.get(each.name)
        words = _moment(value) if each.name == shape.time_field else _brief(value)
        cells.append(Text(clip(words, each.width), no_wrap=True))
    return TableRow(str(place), tuple(cells))


def _first_of(wanted: tuple[str, ...], names: list[str]) -> str:
    plain = {name.lower(): name for name in reversed(names)}
    return next((plain[each] for each in wanted if each in plain), "")


def _widest(name: str, records: list[dict[str, Any]]) -> int:
    return min(_WIDEST, max(len(name), _longest(name, records)))


def _longest(name: str, records: list[dict[str, Any]]) -> int:
    return max((len(_brief(record.get(name))) for record in records), default=0)


def _moment(value: object) -> str:
    """Write a time for a narrow column where it is one that names its zone."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    return local_minute(found) if found is not None and found.tzinfo is not None else _brief(value)


def _brief(value: object) -> str:
    """Write a value in a few words: of an object what names it, where something does; the pane shows all of it."""
    if value is None:
        return ""
    if isinstance(value, dict):
        plain = {str(name).lower(): each for name, each in value.items() if isinstance(each, str) and each.strip()}
        value = next((plain[name] for name in _NAMES if name in plain), value)
    return clean(in_words(value, lines=False)[:200].translate(_ON_ONE_LINE))
