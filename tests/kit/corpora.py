"""The files that inspection is tested with, and more of each kind that is hard to hand on, each with its true records.

What a file holds is said by an independent reader (`oracle`), from what the case tells of how it was written.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from kit import bundle_cases, csv_cases, json_array_cases, oracle, zip_cases
from kit.oracle import Table, Truth
from strongroom.model.inspection import Bundled
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

SHARED = Path(__file__).parents[2].parent / "shared" / "cases"
"""Small inputs that once failed, beside the repository where they are at hand."""

ID, AT = "id", "createdAt"
JSON = DatasetShape("messages", "messages.json", ID, AT)
BARE = DatasetShape("messages", "", ID, AT)
SHEET = DatasetShape("messages", "", ID, "created_at")
HOOK = DatasetShape("messages", "", "message_id", "created_at")
T = '"createdAt":"2026-03-01T10:00:00Z"'


@dataclass(frozen=True)
class Case:
    """One delivered file, and how the oracle is to read it."""

    data: bytes = field(repr=False)
    container: Container
    shapes: tuple[DatasetShape, ...]
    table: Table = field(default_factory=Table)
    files: tuple[Bundled, ...] = ()
    layout: str = ""  # of its times, where they name no zone

    @cached_property
    def truth(self) -> dict[str, list[Truth]]:
        """Return the records of each dataset."""
        if self.container is Container.ZIP_OF_JSON:
            held = oracle.members(self.data)
            return {each.name: oracle.read_json(held[each.member]) for each in self.shapes}
        if self.container is not Container.BUNDLE:
            return {self.shapes[0].name: self._read(self.container, self.data)}
        held, found = oracle.members(self.data), {each.name: [] for each in self.shapes}
        for file in self.files:
            found[file.dataset] += self._read(file.container, held[file.name])
        return found

    def _read(self, container: Container, data: bytes) -> list[Truth]:
        readers: dict[Container, Callable[[bytes], list[Truth]]] = {
            Container.JSON_ARRAY: oracle.read_json,
            Container.NDJSON: oracle.read_lines,
            Container.CSV: lambda rows: oracle.read_table(rows, self.table),
        }
        return readers[container](data)

    def time(self, record: Truth, shape: DatasetShape) -> datetime | None:
        """Return when a record was, as whoever wrote it meant."""
        return oracle.read_time(record.fields.get(shape.time_field or ""), self.layout)


def zipped(text: bytes) -> bytes:
    """Put an array of messages in a ZIP."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("messages.json", text)
        archive.writestr("metadata.json", "{}")
    return whole.getvalue()


RECORDS = [
    f'{{"id":"a",{T},"text":"half \\ud83d a pair"}}',
    '{"id":"a","createdAt":"2026-03-01T10:00:00.000001Z","text":"another attempt"}',
    f'{{"id":"a",{T},"text":"half \\ud83d a pair"}}',
    f'{{"id":"b",{T},"n":{"9" * 5_000},"list":[{"7" * 4_001},-{"8" * 25}]}}',
    f'{{"id":"c",{T},"n":[1e999,-1E+400,1.10,0.12345678901234567890123,1e-7,-0,-0.0,100E-2]}}',
    f'{{"id" : "d" , {T}\t, "n":12345678901234567890123, "n": 2, "\u202et":"\x7f\u0085\u2028 \\u0000 \\u001b[2J"}}',
    f'{{"id":{"8" * 4_500},"createdAt":"2026-03-01T23:59:59.999999Z","text":"caf\u00e9 \U0001f600 \\ud83d\\ude00"}}',
    f'{{"id":12,{T},"text":"null true","deep":{{"a":[null,true,false,{{"\\ud800":""}}]}}}}',
    f'{{"id":1.5,{T},"text":"an id that is a fraction"}}',
    f'{{"id":-0,{T},"x":{"[" * 300}1{"]" * 300}}}',
    "{}",
    '{"createdAt":"2026-03-01 11:00:00","text":"no zone, no id"}',
    '{"id":"","createdAt":"2026-03-01T12:00:00+02:00","text":""}',
]
LARGE = f'{{"id":"l",{T},"half":"\\udc00","file":"{"A" * (5 << 19)}","n":1e999}}'
SMALL = [f'{{"id":"s{n}",{T},"text":"small {n}"}}' for n in range(4_000)]


def array(*records: str) -> bytes:
    """Write an array of texts."""
    return ("[" + ",\n".join(records) + "]").encode()


def lines(*records: str) -> bytes:
    """Write a text a line."""
    return ("\r\n".join(records) + "\n").encode()


ODD_JSON = {
    "odd": RECORDS,
    "large": [*RECORDS, LARGE, *RECORDS],
    "large first": [LARGE, *reversed(RECORDS)],
    "many, one odd": [*SMALL, *RECORDS, *SMALL],
}

CELLS = [
    ["id", "created_at", "text", "text", "=1+1"],
    ["m1", "2026-03-01T00:00:00Z", 'say "hi", you', "", "\u202e\x85\x9b2J"],
    ["m1", "2026-03-01T10:00:00Z", "two\r\nlines\nand\rmore", " blank ", "=cmd|x"],
    ["m2", "2026-03-01T10:00:00.5Z", "a\0b", "caf\u00e9 \U0001f600", "00012"],
    ["", "2026-03-01T23:59:59Z", "; , | \t", "NULL", "1e999"],
    ["m1", "2026-03-01T10:00:00Z", "two\r\nlines\nand\rmore", " blank ", "=cmd|x"],
]


def written(delimiter: str = ",", end: str = "\r\n", encoding: str = "utf-8", above: str = "", times: int = 1) -> bytes:
    """Write the table as a spreadsheet does."""
    whole = io.StringIO()
    writer = csv.writer(whole, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([CELLS[0], *CELLS[1:] * times])
    return (above + whole.getvalue()).encode(encoding)


def local(pattern: str) -> bytes:
    """Write rows whose times name no zone."""
    moments = [datetime(2026, 3, 1, hour, minute) for hour in (0, 1, 10, 13, 23) for minute in (0, 59)]  # noqa: DTZ001
    rows = "".join(f"m{n},{moment.strftime(pattern)},x\n" for n, moment in enumerate(moments))
    return f"id,created_at,text\n{rows}".encode()


TABLES = {
    "comma": (written(), Table()),
    "semicolon": (written(";"), Table(";")),
    "pipe": (written("|", "\n"), Table("|")),
    "tab": (written("\t", "\n"), Table("\t")),
    "hint": (written(";", above="sep=;\r\n"), Table(";", above=1)),
    "hint of another": (written("^", above="sep=^\n"), Table("^", above=1)),
    "UTF-8 with mark": (written(encoding="utf-8-sig"), Table(encoding="utf-8-sig")),
    "UTF-16": (written("\t", encoding="utf-16"), Table("\t", "utf-16")),
    "UTF-16, large": (written(encoding="utf-16", times=900), Table(encoding="utf-16")),
    "UTF-16 BE with hint": (
        b"\xfe\xff" + written(";", encoding="utf-16-be", above="sep=;\n"),
        Table(";", "utf-16", above=1),
    ),
    "lone CR": (written(end="\r"), Table()),
    "ends mixed": (written(end="\n") + b"m9,2026-03-01T10:00:00Z,a,b,c\r\nm9,2026-03-01T10:00:01Z,a,b,\n\r\n", Table()),
    "legacy": (b"id,created_at,text\nm1,2026-03-01T10:00:00Z,caff\xe8 \x80\n", Table(encoding="cp1252")),
    "single quotes": (
        b"'id','created_at','text'\n'm1','2026-03-01T10:00:00Z','it''s, so'\n",
        Table(quote="'"),
    ),
}  # fmt: skip
LAYOUTS = {
    "local ISO": "%Y-%m-%d %H:%M:%S",
    "local ISO, minutes": "%Y-%m-%dT%H:%M",
    "local, dots": "%d.%m.%Y %H:%M:%S",
    "local, half days": "%d.%m.%Y %I:%M:%S %p",
}


def _sheet(row: tuple[bytes, int, str]) -> Case:
    told = dict(part.split("=") for part in row[2].split())
    names = {"comma": ",", "semicolon": ";", "tab": "\t", "double": '"', "single": "'", "windows-1252": "cp1252"}
    encoding = {"utf-8-bom": "utf-8-sig"}.get(told["encoding"], told["encoding"])
    encoding = "utf-16" if encoding.startswith("utf-16") else names.get(encoding, encoding)
    return Case(row[0], Container.CSV, (SHEET,), Table(names[told["delimiter"]], encoding, names[told["quote"]]))


def all_cases() -> dict[str, Case]:
    """Return every case by its name."""
    found: dict[str, Case] = {}
    for name, data in zip_cases.ACCEPTED.items():
        found[f"zip: {name}"] = Case(data, Container.ZIP_OF_JSON, (JSON,))
    for name, data in json_array_cases.GOOD.items():
        found[f"array: {name}"] = Case(data, Container.JSON_ARRAY, (BARE,))
    for number, row in enumerate(csv_cases.READ):
        found[f"table: {number}"] = _sheet(row)
    found["bundle"] = Case(
        bundle_cases.bundle(bundle_cases.FILES),
        Container.BUNDLE,
        (bundle_cases.MESSAGES, bundle_cases.CALLS),
        files=bundle_cases.HELD,
    )
    for name, records in ODD_JSON.items():
        found[f"array: {name}"] = Case(array(*records), Container.JSON_ARRAY, (BARE,))
    for name in ("odd", "large"):
        found[f"zip: {name}"] = Case(zipped(array(*ODD_JSON[name])), Container.ZIP_OF_JSON, (JSON,))
        found[f"lines: {name}"] = Case(lines(*ODD_JSON[name]), Container.NDJSON, (BARE,))
    for name, (data, table) in TABLES.items():
        found[f"csv: {name}"] = Case(data, Container.CSV, (SHEET,), table)
    for name, layout in LAYOUTS.items():
        found[f"csv: {name}"] = Case(local(layout), Container.CSV, (SHEET,), layout=layout)
    return found


def shared_cases() -> dict[str, Case]:
    """Return the small inputs that once failed; empty where they are not at hand."""
    found = {}
    for path in sorted(SHARED.glob("*.*")):
        data = path.read_bytes()
        if path.suffix == ".zip":
            shape = DatasetShape("messages", "messages.json", ID, AT)
            found[path.stem] = Case(data, Container.ZIP_OF_JSON, (shape,))
        elif path.suffix == ".csv":
            table = {"pipe_delim": Table("|"), "sep_hint": Table(";", above=1)}.get(path.stem, Table())
            layout = "%Y-%m-%d %H:%M:%S" if b"2026-11-29 " in data else ""
            found[path.stem] = Case(data, Container.CSV, (HOOK,), table, layout=layout)
    return found
