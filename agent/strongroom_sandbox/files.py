"""Rooms where export files are built: each once, streaming into the sandbox's own folder, given up when it closes.

One provider's files: built off the event loop once an export is due, and handed out behind links.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Generic, Protocol, Self, TypeVar

from strongroom_sandbox.faults import InjectedFault
from strongroom_sandbox.jobs import OrderT, SandboxJob
from strongroom_sandbox.storage import Opener
from strongroom_sandbox.transfer import StoredFile

ItemT = TypeVar("ItemT")


class Contents(Protocol):
    """What one file holds, as a value that can be compared and hashed."""

    @property
    def job(self) -> str:
        """The export it belongs to."""

    @property
    def made_at(self) -> datetime:
        """When it was made."""

    def spoilt_by(self, faults: tuple[InjectedFault, ...]) -> Self:
        """Return the same with further faults."""


ContentT = TypeVar("ContentT", bound=Contents)


class _Stopped(Exception):
    """The sandbox is closing."""


class FileStore(ABC, Generic[ContentT]):
    """Builds export files in `folder`. May be used from several threads; builds one file at a time."""

    suffix = ""
    media_type = "application/octet-stream"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._built: dict[ContentT, StoredFile] = {}

    def stop(self) -> None:
        """Give up what is being built."""
        self._stopping.set()

    def build(self, content: ContentT) -> StoredFile | None:
        """Return the file, building it on the first call; None once the room was told to stop."""
        with self._lock:
            try:
                if content not in self._built:
                    self._built[content] = self._write(content)
                return self._built[content]
            except _Stopped:
                return None

    @abstractmethod
    def fill(self, file: BinaryIO, content: ContentT) -> int:
        """Write the file and return how many records are in it."""

    def watched(self, items: Iterable[ItemT]) -> Iterator[ItemT]:
        """Pass items on until the room is told to stop: what `fill` writes from must pass here."""
        for item in items:
            if self._stopping.is_set():
                raise _Stopped
            yield item

    def _write(self, content: ContentT) -> StoredFile:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{content.job}-{len(self._built)}{self.suffix}"
        with path.open("w+b") as file:
            records = self.fill(file, content)
            size = file.tell()
        return StoredFile(
            path=path,
            size=size,
            etag=hashlib.sha256(f"{content}/{size}".encode()).hexdigest()[:32],
            filename=f"export_{content.job}{self.suffix}",
            media_type=self.media_type,
            modified=content.made_at,
            records=records,
        )


_PATIENCE = 5.0
"""Real seconds a request waits for a file that is due; then the export is shown as still processing."""


class FileBuilder(Generic[OrderT, ContentT]):
    """Has each export's file built by its room; `describe` says what belongs in it."""

    def __init__(self, room: FileStore[ContentT], describe: Callable[[SandboxJob[OrderT]], ContentT]) -> None:
        self._room = room
        self._describe = describe
        self._builds: dict[tuple[str, int], asyncio.Task[StoredFile | None]] = {}

    async def file_of(self, job: SandboxJob[OrderT]) -> StoredFile | None:
        """Return the export's file, or None when it takes longer than a client would wait for an answer."""
        if job.file is None:
            turn = (job.id, job.generation)
            if turn not in self._builds:
                build = asyncio.to_thread(self._room.build, self._describe(job))
                self._builds[turn] = asyncio.create_task(build)
            try:
                job.file = await asyncio.wait_for(asyncio.shield(self._builds[turn]), _PATIENCE)
            except TimeoutError:
                return None
        return job.file

    def opener(self, job: SandboxJob[OrderT]) -> Opener:
        """Return what a link to this file opens: the file, or a copy spoilt for one request; nothing once deleted."""

        async def open_file(faults: tuple[InjectedFault, ...]) -> StoredFile | None:
            if job.deleted:
                return None
            if not faults:
                return await self.file_of(job)
            return await asyncio.to_thread(self._room.build, self._describe(job).spoilt_by(faults))

        return open_file
