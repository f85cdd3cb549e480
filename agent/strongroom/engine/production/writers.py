"""The files of a production, one writer a format: each puts numbered records into a folder, in constant memory.

Files that are made for single records lie in folders of a thousand, because many programs cannot list more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from strongroom.engine.production.load_file import (
    BOM,
    COLUMNS,
    RELATIVITY,
    SPREADSHEET,
    LoadProfile,
    RowFacts,
    make_row,
    record_text,
)
from strongroom.engine.production.output import close_flushed, create_new
from strongroom.engine.production.selection import SelectedRecord
from strongroom.model.production import ProductionFormat

RECORDS = "records.jsonl"
_A_FOLDER = 1000


class Written(Struct, frozen=True):
    """Where a record was put."""

    file: str  # its bytes as delivered
    text: str = ""  # its extracted text
    text_sha256: str = ""


class ProductionWriter(Protocol):
    """Writes the records of a production."""

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:
        """Write one record; `place` is its place in the production, from 0."""
        ...

    def close(self) -> list[str]:
        """Flush and close the files; return those that hold more than one record, by name."""
        ...


class JsonLinesWriter:
    """One line for each record: its number and origin, and the record exactly as it was delivered."""

    def __init__(self, folder: Path) -> None:
        self._file = create_new(folder / RECORDS)

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:  # noqa: ARG002 - as the port
        """Write one line."""
        origin = {"number": number, "archive": record.archive.id, "dataset": record.dataset}
        head = json.dumps(origin, ensure_ascii=False)[:-1].encode()
        self._file.write(b'%b, "record": %b}\n' % (head, record.delivered.line))
        return Written(RECORDS)

    def close(self) -> list[str]:
        """Close the file."""
        close_flushed(self._file)
        return [RECORDS]


class LoadFileWriter:
    """A row for each record, its bytes as a file of its own, and its text as another."""

    def __init__(self, folder: Path, profile: LoadProfile) -> None:
        self._folder, self._profile = folder, profile
        self._file = create_new(folder / profile.file)
        self._file.write((BOM + profile.row(COLUMNS)).encode())

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:
        """Write the files of a record and its row."""
        shard = f"{place // _A_FOLDER + 1:04}"
        if place % _A_FOLDER == 0:
            for name in ("NATIVES", "TEXT"):
                (self._folder / name / shard).mkdir(mode=0o700, parents=True)
        native, text = f"NATIVES/{shard}/{number}.json", f"TEXT/{shard}/{number}.txt"
        line, words = record.delivered.line, record_text(record)
        for name, data in ((native, line), (text, words)):
            with create_new(self._folder / name) as file:
                file.write(data)
        md5 = hashlib.md5(line, usedforsecurity=False).hexdigest()
        facts = RowFacts(number, sha256, md5, native, text)
        self._file.write(make_row(self._profile, record, facts).encode())
        return Written(native, text, hashlib.sha256(words).hexdigest())

    def close(self) -> list[str]:
        """Close the load file."""
        close_flushed(self._file)
        return [self._profile.file]


WRITERS: Mapping[ProductionFormat, Callable[[Path], ProductionWriter]] = {
    ProductionFormat.JSON_LINES: JsonLinesWriter,
    ProductionFormat.DAT: lambda folder: LoadFileWriter(folder, RELATIVITY),
    ProductionFormat.CSV: lambda folder: LoadFileWriter(folder, SPREADSHEET),
}
