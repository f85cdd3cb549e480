"""The files of a production, one writer a format: each puts numbered records into a folder, in constant memory.

Files that are made for single records lie in folders of a thousand, because many programs cannot list more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from strongroom.engine.production.conversations import ConversationKey, Conversations, ConversationSlice, label_of
from strongroom.engine.production.load_file import (
    RELATIVITY,
    SPREADSHEET,
    LoadProfile,
    RowFacts,
    make_row,
    record_text,
)
from strongroom.engine.production.output import close_flushed, create_new
from strongroom.engine.production.page import INDEX_PAGE, index_end, index_head, index_row, write_page
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


class WriterOptions(Struct, frozen=True):
    """What files depend on besides the records."""

    slice_length: timedelta = timedelta(days=1)
    names: Mapping[str, str] = {}  # of archived contacts, by what a person is compared by
    profile: LoadProfile = RELATIVITY  # of a DAT file


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


class ConversationWriter(JsonLinesWriter):
    """The records as lines, and messages among them as one file for each conversation and slice of time."""

    ending = ""

    def __init__(self, folder: Path, options: WriterOptions) -> None:
        super().__init__(folder)
        self._folder, self._conversations = folder, Conversations(options.slice_length, options.names)
        self._names: list[str] = []
        self._last_folder = Path()

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:
        """Write the line; the message waits for the rest of its slice."""
        line = super().put(place, number, sha256, record)
        part = self._conversations.put(number, sha256, record)
        return line if part is None else Written(line.file, self._path(*part))

    def put_older(self, record: SelectedRecord) -> None:
        """Remember what an older archive has of a message."""
        self._conversations.put_older(record)

    def settle(self, before: datetime | None) -> None:
        """Write the slices that are complete."""
        for part in self._conversations.settle(before):
            name = self._path(part.conversation, part.start)
            path = self._folder / name
            if path.parent != self._last_folder:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._last_folder = path.parent
            with create_new(path) as file:
                file.write(self.make(part, name))
            self._names.append(name)

    def make(self, part: ConversationSlice, name: str) -> bytes:
        """Return the file of a slice."""
        raise NotImplementedError

    def close(self) -> list[str]:
        """Write the last slices."""
        self.settle(None)
        return [*super().close(), *self._names]

    def _path(self, conversation: ConversationKey, start: datetime) -> str:
        return f"MESSAGES/{label_of(start)}/{conversation.id}{self.ending}"


class RsmfWriter(ConversationWriter):
    """Files that review platforms show as chats."""

    ending = ".rsmf"

    def make(self, part: ConversationSlice, name: str) -> bytes:  # noqa: ARG002 - as the port
        """Return the file of a slice."""
        return write_rsmf(part)


class PageWriter(ConversationWriter):
    """Pages for people, and a page that lists them."""

    ending = ".html"

    def __init__(self, folder: Path, options: WriterOptions) -> None:
        super().__init__(folder, options)
        self._list = create_new(folder / INDEX_PAGE)
        self._list.write(index_head())

    def make(self, part: ConversationSlice, name: str) -> bytes:
        """Return the page of a slice, and list it."""
        self._list.write(index_row(part, name))
        return write_page(part)

    def close(self) -> list[str]:
        """Write the last pages and the end of the list."""
        names = super().close()
        self._list.write(index_end(len(self._names)))
        close_flushed(self._list)
        return [*names, INDEX_PAGE]


class LoadFileWriter(ProductionWriter):
    """A row for each record, its bytes as a file of its own, and its text as another."""

    def __init__(self, folder: Path, profile: LoadProfile) -> None:
        self._folder, self._profile = folder, profile
        self._file = create_new(folder / profile.file)
        self._file.write(profile.head)

    def put(self, place: int, number: str, sha256: str, record: SelectedRecord) -> Written:
        """Write the files of a record and its row."""
        shard = f"{place // _A_FOLDER + 1:04}"
        if place % _A_FOLDER == 0:
            for name in ("NATIVES", "TEXT"):
                (self._folder / name / shard).mkdir(mode=0o700, parents=True)
        native, text = f"NATIVES/{shard}/{number}.json", f"TEXT/{shard}/{number}.txt"
        line, words = record.delivered.line, record_text(record)
        for name, data in ((native, line), (text, words)):
            with create_new(f"{self._folder}/{name}") as file:
                file.write(data)
        md5 = hashlib.md5(line, usedforsecurity=False).hexdigest()
        facts = RowFacts(number, sha256, md5, native, text)
        self._file.write(self._profile.encoded(make_row(self._profile, record, facts)))
        return Written(native, text, hashlib.sha256(words).hexdigest())

    def close(self) -> list[str]:
        """Close the load file."""
        close_flushed(self._file)
        return [self._profile.file]


WRITERS: Mapping[ProductionFormat, Callable[[Path, WriterOptions], ProductionWriter]] = {
    ProductionFormat.JSON_LINES: lambda folder, _options: JsonLinesWriter(folder),
    ProductionFormat.DAT: lambda folder, options: LoadFileWriter(folder, options.profile),
    ProductionFormat.RSMF: RsmfWriter,
    ProductionFormat.HTML: PageWriter,
    ProductionFormat.CSV: lambda folder, _options: LoadFileWriter(folder, SPREADSHEET),
}
