"""An independent reader of delivered files: `json`, `csv` and `zipfile` alone, and what a case says of its dialect.

It shares no line with the program. Numbers keep their digits; the text of each record is kept as it was delivered.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

_BLANK = re.compile(r"[ \t\r\n]*")


class Digits(str):
    """A JSON number as it was written."""

    __slots__ = ()


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_int=Digits, parse_float=Digits, parse_constant=_refuse)


@dataclass(frozen=True)
class Table:
    """How a CSV was written: nothing of this is guessed."""

    delimiter: str = ","
    encoding: str = "utf-8"
    quote: str = '"'
    above: int = 0  # lines above the header


@dataclass(frozen=True)
class Truth:
    """One record that was delivered."""

    fields: dict[str, Any]
    text: str = ""  # as it was delivered; empty for a row

    @property
    def plain(self) -> Any:
        """Return the record with its numbers told apart from texts, to compare with what another reader says."""
        return tag(self.fields)

    @property
    def equal(self) -> str:
        """Return a text that equal records alone share: the order of fields is no content, nor is 1.0 for 1.00."""
        return json.dumps(_value(self.fields), sort_keys=True)


def tag(value: Any) -> Any:
    """Mark each number, whoever's class holds its digits."""
    if isinstance(value, dict):
        return {name: tag(each) for name, each in value.items()}
    if isinstance(value, list):
        return [tag(each) for each in value]
    return ("number", str(value)) if isinstance(value, str) and type(value) is not str else value


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _value(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_value(each) for each in value]
    if not isinstance(value, Digits):
        return value
    if re.fullmatch(r"-?\d+", value):
        return {"\0whole": "0" if value == "-0" else str(value)}
    sign, digits, exponent = Decimal(value).as_tuple()
    told = "".join(map(str, digits)).lstrip("0")
    kept = told.rstrip("0")
    return {"\0number": [sign, kept, int(exponent) + len(told) - len(kept) if kept else 0]}


def read_json(data: bytes) -> list[Truth]:
    """Read an array of records."""
    text = data.decode().removeprefix("\ufeff")
    at, found = _blank(text, _blank(text, 0) + 1), []
    while text[at] != "]":
        value, end = _JSON.raw_decode(text, at)
        found.append(Truth(value, text[at:end]))
        at = _blank(text, end)
        at = _blank(text, at + 1) if text[at] == "," else at
    return found


def read_lines(data: bytes) -> list[Truth]:
    """Read one record a line."""
    lines = data.decode().removeprefix("\ufeff").split("\n")
    return [Truth(_JSON.decode(line.strip()), line.strip("\r")) for line in lines if line.strip()]


def read_table(data: bytes, table: Table) -> list[Truth]:
    """Read the rows of a CSV that has a header, each cell a text; columns of one name are numbered."""
    text = data.decode(table.encoding)
    for _ in range(table.above):
        text = re.sub(r"\A[^\r\n]*(?:\r\n|\n|\r)", "", text)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=table.delimiter, quotechar=table.quote)
    head, *body = [row for row in rows if row]
    names: list[str] = []
    for name in head:
        names.append(name if name not in names else f"{name} ({head[: len(names)].count(name) + 1})")
    return [Truth(dict(zip(names, row, strict=True))) for row in body]


def members(data: bytes) -> dict[str, bytes]:
    """Return the files in a ZIP."""
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        return {info.filename: whole.read(info) for info in whole.infolist() if not info.is_dir()}


def read_time(value: object, layout: str = "") -> datetime | None:
    """Read a time: RFC 3339, or of the layout that a case names, which is then in UTC."""
    try:
        if layout:
            return datetime.strptime(str(value), layout).replace(tzinfo=UTC)
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo else None


def name_of(record: Truth, field: str) -> str | None:
    """Return the record's id as text, None where it has none."""
    value = record.fields.get(field)
    whole = type(value) is str or (isinstance(value, Digits) and re.fullmatch(r"-?\d+", value))
    return ("0" if isinstance(value, Digits) and value == "-0" else str(value)) if whole and value else None


@dataclass(frozen=True)
class Compared:
    """What became of the records between two archives."""

    same: int
    added: int
    changed: int
    vanished: int
    fields: dict[str, int]  # in how many changed records each field differs


def compare(older: list[Truth], newer: list[Truth], field: str) -> Compared:
    """Hold two lists against each other, by id where there is one and by content where not."""
    before, after = (_grouped(side, field) for side in (older, newer))
    nameless = [Counter(each.equal for each in side if name_of(each, field) is None) for side in (older, newer)]
    both = before.keys() & after.keys()
    changed = {name for name in both if _equals(before[name]) != _equals(after[name])}
    fields: Counter[str] = Counter()
    for name in changed:
        left, right = _parts(before[name]), _parts(after[name])
        fields.update({part for part, _value in (left - right) + (right - left)})
    return Compared(
        same=len(both) - len(changed),
        added=len(after.keys() - both) + (nameless[1] - nameless[0]).total(),
        changed=len(changed),
        vanished=len(before.keys() - both) + (nameless[0] - nameless[1]).total(),
        fields=dict(fields),
    )


def _grouped(records: list[Truth], field: str) -> dict[str, list[Truth]]:
    found: dict[str, list[Truth]] = {}
    for each in records:
        if (name := name_of(each, field)) is not None:
            found.setdefault(name, []).append(each)
    return found


def _equals(records: list[Truth]) -> Counter[str]:
    return Counter(each.equal for each in records)


def _parts(records: list[Truth]) -> Counter[tuple[str, str]]:
    return Counter((name, Truth({name: value}).equal) for each in records for name, value in each.fields.items())


def words_in(value: Any) -> Iterator[str]:
    """Yield every text, and the digits of every number, in a record."""
    if isinstance(value, dict):
        for each in value.values():
            yield from words_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from words_in(each)
    elif isinstance(value, str):
        yield str(value)


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
