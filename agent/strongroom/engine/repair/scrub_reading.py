"""What a scrub has open: a sealed payload, the log, or the small files beside the archives; read a piece at a time."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from contextlib import suppress

from msgspec import Struct

from strongroom.engine.access.fixity import BLOCK, FixityFault, payload_fault
from strongroom.engine.core.check import UNFINISHED, unread_words
from strongroom.engine.repair.evidence_files import evidence_files
from strongroom.evidence.line import GENESIS, digest
from strongroom.model.archive import Archive
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.text import counted
from strongroom.vault import scrubs
from strongroom.vault.files import file_size, is_file, is_there, open_descriptor
from strongroom.vault.log import last_entry_number, require_level
from strongroom.vault.rows import UNREADABLE
from strongroom.vault.vault import Vault

LAST = 1 << 20  # bytes within which the last line of the log begins


class ScrubReading:
    """One sealed payload, read a piece at a time past the page cache."""

    def __init__(self, vault: Vault, archive: Archive) -> None:
        self.archive = archive
        self.left = archive.seal.sealed_size
        self._digest = hashlib.sha256()
        self.fault: FixityFault | None = None
        self._vault = vault
        self._fd: int | None = None
        try:
            self._fd = open_descriptor(vault.payload_path(archive), os.O_RDONLY)
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)  # cached pages say nothing about the disk
            found = os.fstat(self._fd).st_size
            if found != self.left:
                self._fail(payload_fault(vault, archive, size=found))
        except OSError as error:
            self._fail(payload_fault(vault, archive, error=error))

    def read(self, most: int) -> int:
        """Read on, at most so many bytes; return how many were read, 0 at the end."""
        if self._fd is None or self.left <= 0:
            return 0
        try:
            block = os.read(self._fd, min(most, BLOCK, self.left))
        except OSError as error:
            self._fail(payload_fault(self._vault, self.archive, error=error))
            return 0
        if not block:
            self._fail(payload_fault(self._vault, self.archive, size=self.archive.seal.sealed_size - self.left))
            return 0
        self._digest.update(block)
        self.left -= len(block)
        return len(block)

    def verdict(self) -> list[FixityFault]:
        """Close the file and return what is wrong with it."""
        if self._fd is not None:
            found = self._digest.hexdigest()
            if found != self.archive.seal.sealed_sha256:
                self.fault = payload_fault(self._vault, self.archive, digest=found)
            self.close()
        return [self.fault] if self.fault else []

    def close(self) -> None:
        """Close the file, and drop its pages from the cache."""
        if self._fd is not None:
            with suppress(OSError):
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(self._fd)
        self._fd = None

    def _fail(self, fault: FixityFault) -> None:
        self.fault, self.left = fault, 0
        self.close()


class LogReading(Struct):
    """The evidence log's file, read a piece at a time and compared with chain and catalogue."""

    last: int  # the entry to read to
    offset: int = 0
    seq: int = 0
    prev: str = GENESIS


class FilesReading:
    """The small files beside the archives, one after the other, and what was found of them."""

    def __init__(self, vault: Vault, fault: FixityFault | None) -> None:
        self.files = evidence_files(vault)
        self.counts: Counter[str] = Counter()
        self.faults: dict[tuple[str, str], list[FixityFault]] = {("", ""): [fault] if fault else []}

    def read(self) -> int:
        """Read the next file; return what it cost, 0 at the end."""
        try:
            looked = next(self.files, None)
        except UNFINISHED as error:
            self.faults["", ""].append(FixityFault("", "files beside the archives", "unread", unread_words(error)))
            return 0
        if looked is None:
            return 0
        self.counts[looked.part.value] += 1
        found = self.faults.setdefault((looked.archive, looked.stream), [])
        found += [looked.fault] if looked.fault else []
        return max(1, looked.size)


def check_log_piece(vault: Vault, reading: LogReading, most: int = 4 << 20) -> tuple[FixityFault | None, int]:
    """Read a piece of the log's file: every line must follow the one before it and be the catalogue's own.

    Moves the reading on; returns what is wrong, and how many bytes were read.
    """
    try:
        lines, size = _read_lines(vault, reading, most)
    except OSError as error:
        return FixityFault("", "log/log.jsonl", "unreadable", f"the file cannot be read: {error.strerror}"), 1
    if not lines:
        message = f"expected {counted(reading.last, 'entry')}, found {reading.seq}"
        return (FixityFault("", "log/log.jsonl", "log", message) if reading.seq < reading.last else None), 1
    rows = scrubs.lines_between(vault.catalogue, reading.seq + 1, reading.seq + len(lines))
    for line, row in zip(lines, rows, strict=False):
        reading.seq += 1
        if line != row:
            message = f"entry {reading.seq}: expected the line in the catalogue, found another"
            return FixityFault("", "log/log.jsonl", "log", message), size
        if _prev_of(line) != reading.prev:
            message = f"entry {reading.seq}: it does not follow the one before it"
            return FixityFault("", "log/log.jsonl", "log", message), size
        reading.prev = digest(line)
    return None, size


def _prev_of(line: bytes) -> object:
    """Return the digest that a line names; None where it cannot be read."""
    try:
        return json.loads(line)["prev"]
    except UNREADABLE:
        return None


def _read_lines(vault: Vault, reading: LogReading, most: int) -> tuple[list[bytes], int]:
    fd = open_descriptor(vault.layout.log, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, reading.offset, most, os.POSIX_FADV_DONTNEED)
        piece = os.pread(fd, most, reading.offset)
    finally:
        os.close(fd)
    lines = piece[: piece.rfind(b"\n") + 1].split(b"\n")[:-1][: reading.last - reading.seq]
    reading.offset += sum(len(line) + 1 for line in lines)
    return lines, max(1, len(piece))


def short_log(vault: Vault) -> FixityFault | None:
    """Return that the log file is missing, or lacks more entries than a crash explains; None otherwise."""
    name, last = "log/log.jsonl", last_entry_number(vault.catalogue)
    if last and not is_there(vault.layout.log):
        return FixityFault("", name, "missing", f"expected {counted(last, 'entry')}, but the file is missing")
    if last and is_file(vault.layout.log) and file_size(vault.layout.log) == 0:
        return FixityFault("", name, "log", f"expected {counted(last, 'entry')}, but the file is empty")
    try:
        require_level(vault.catalogue, vault.layout.log)
    except VaultError as error:
        return FixityFault("", name, "log", error.message)
    except WorldError:
        return None  # reported when it is read
    return None
