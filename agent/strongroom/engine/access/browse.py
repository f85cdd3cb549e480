"""Reading the records of one archive, a page at a time, without writing any plaintext to the disk.

A later page continues where the last one stopped. An earlier page or another search starts again from the beginning,
since a sealed stream is read in order. Only the current page is kept in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Protocol

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.formats.exact_json import Delivered, Record, pretty
from strongroom.formats.plaintext import PlaintextReader, Unreadable
from strongroom.formats.records import read_delivered
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Caps
from strongroom.model.plan import DatasetShape
from strongroom.vault.vault import Vault

BLOCK = 256 << 10  # bytes; small enough to stay in a core's cache on its way


class Filler(Protocol):
    """A file that fills the caller's memory."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer as far as possible and return the number of bytes; 0 only at the end."""
        ...


def read_blocks(reader: Filler) -> Iterator[memoryview]:
    """Yield everything from the reader's position on. Raises PayloadDamaged where a chunk does not authenticate."""
    while True:
        block = memoryview(bytearray(BLOCK))
        count = reader.readinto(block)
        if not count:
            return
        yield block[:count]


class WatchedReader:
    """A reader that calls `watch` with 0 before every read, so that the caller can stop it."""

    def __init__(self, reader: PlaintextReader, watch: Callable[[int], None]) -> None:
        self._reader = reader
        self._watch = watch

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, and return the new position from the start."""
        return self._reader.seek(offset, whence)

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill a part of the buffer and return how many bytes; 0 at the end. Raises what the watch raises."""
        self._watch(0)
        return self._reader.readinto(buffer)


Passed = Callable[[int], None]
"""Called with the number of further records read; may raise to stop."""


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of records. Never logged, stored or printed by accident."""

    first: int  # the place of the first one among those that were searched for, from 0
    places: tuple[int, ...]  # the position of each in the file, from 1
    records: tuple[Record, ...] = field(repr=False)
    more: bool


def in_words(value: object, *, lines: bool) -> str:
    """Return a value of a record for a person: text as it is, all else as JSON, on indented lines or on one."""
    return str(value) if isinstance(value, str) else pretty(value, lines=lines)


class Browser:
    """One dataset of one opened archive. A context manager: leaving it closes the archive and forgets its key."""

    def __init__(self, vault: Vault, archive: Archive, identities: Sequence[X25519Identity], dataset: str = "") -> None:
        if archive.holding is not Holding.HELD:
            raise UsageError(f"archive {archive.id} is {archive.holding}: its records cannot be browsed")
        shapes = {shape.name: shape for shape in archive.expectation.datasets}
        if dataset and dataset not in shapes:
            raise UsageError(f"archive {archive.id} has no dataset {dataset}", hint=f"it has {', '.join(shapes)}")
        self.shape: DatasetShape = shapes[dataset] if dataset else next(iter(shapes.values()))
        self.datasets = tuple(shapes)
        self._archive = archive
        self._vault = vault
        self._key = unlock(vault, archive, identities)
        self._stack = ExitStack()
        self._found: Iterator[tuple[int, Record]] = iter(())
        self._at = -1  # how many were found and handed out; -1 before the first reading
        self._wanted = ""

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def read(self, first: int, most: int, wanted: str = "", passed: Passed = lambda _count: None) -> RecordPage:
        """Return at most `most` records that hold the `wanted` text in any field, from the `first` of them on.

        Raises SealError where the archive does not authenticate and ContentRefused where it cannot be read.
        """
        if wanted != self._wanted or self._at < 0 or first < self._at:
            self._begin(wanted, passed)
        try:
            while self._at < first and self._next() is not None:
                pass
            page = list(islice(iter(self._next, None), most))
        except BaseException:
            self._at = -1  # whatever was raised has ended the reading: it would look like the end of the records
            raise
        start = self._at - len(page)
        return RecordPage(
            start, tuple(place for place, _ in page), tuple(record for _, record in page), len(page) == most
        )

    def _next(self) -> tuple[int, Record] | None:
        found = next(self._found, None)
        if found is not None:
            self._at += 1
        return found

    def _begin(self, wanted: str, passed: Passed) -> None:
        self._stack.close()
        sealed = self._stack.enter_context(open_sealed(self._vault, self._archive, self._key))
        clear = open_clear(sealed, self._archive.seal)
        expected = self._archive.expectation
        records = read_delivered(clear, self.shape, Caps(), expected.container, expected.files)
        self._found, self._wanted, self._at = _search(records, wanted.casefold(), passed), wanted, 0


def _search(records: Iterator[Delivered], wanted: str, passed: Passed) -> Iterator[tuple[int, Record]]:
    for place, record in enumerate(records, start=1):
        passed(1)
        exact = _exact(record)
        if not wanted or _holds(exact, wanted):
            yield place, exact


def _exact(record: Delivered) -> Record:
    try:
        return record.exact
    except Unreadable:  # at the limit of nesting: with rounded numbers rather than not at all
        return record.fields


def _holds(record: Record, wanted: str) -> bool:
    """Say whether any value in the record, however deep, holds the text; numbers as they were delivered."""
    left: list[object] = [record]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value
        elif wanted in in_words(value, lines=False).casefold():
            return True
    return False
