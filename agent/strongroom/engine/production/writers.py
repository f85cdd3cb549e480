"""The files of a production, one writer a format: each puts numbered records into a folder, in constant memory.

Files that are made for single records lie in folders of a thousand, because many programs cannot list more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from strongroom.engine.production.conversations import ConversationKey, Conversations
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
from strongroom.engine.production.rsmf import write_rsmf
from strongroom.engine.production.selection import SelectedRecord
from strongroom.model.production import ProductionFormat

RECORDS = "records.jsonl"
_A_FOLDER = 1000


class Written(Struct, frozen=True):
    """Where a record was put."""

    file: str  # its bytes as delivered
    text: str = ""  # its extracted text, or the file that has it as a message
    text_sha256: str = ""


class ProductionWriter(Protocol):
    """Writes the records of a production."""

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:
        """Write one record; `place` is its place in the production, from 0."""
        ...

    def put_older(self, record: SelectedRecord) -> None:  # noqa: ARG002 - for those that need it
        """Take note of a version that a newer archive replaces."""
        return

    def settle(self, before: datetime) -> None:  # noqa: ARG002 - for those that need it
        """Write what waited for all records before an instant: none comes any more."""
        return

    def close(self) -> list[str]:
        """Flush and close the files; return those that hold more than one record, by name."""
        ...


class JsonLinesWriter(ProductionWriter):
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


class RsmfWriter(JsonLinesWriter):
    """The records as lines, and messages among them as one RSMF file for each conversation and day."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder, self._conversations = folder, Conversations()
        self._names: list[str] = []

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:
        """Write the line; the message waits for the rest of its day."""
        line = super().put(place, number, sha256, record)
        part = self._conversations.put(number, sha256, record)
        return line if part is None else Written(line.file, _rsmf_path(*part))

    def put_older(self, record: SelectedRecord) -> None:
        """Remember what an older archive has of a message."""
        self._conversations.put_older(record)

    def settle(self, before: datetime | None) -> None:
        """Write the days that are complete."""
        for part in self._conversations.settle(before):
            name = _rsmf_path(part.conversation, part.day)
            (self._folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with create_new(self._folder / name) as file:
                file.write(write_rsmf(part))
            self._names.append(name)

    def close(self) -> list[str]:
        """Write the last days."""
        self.settle(None)
        return [*super().close(), *self._names]


def _rsmf_path(conversation: ConversationKey, day: date) -> str:
    return f"MESSAGES/{day}/{conversation.id}.rsmf"


class LoadFileWriter(ProductionWriter):
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
    ProductionFormat.RSMF: RsmfWriter,
    ProductionFormat.CSV: lambda folder: LoadFileWriter(folder, SPREADSHEET),
}
