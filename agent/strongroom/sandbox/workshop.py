"""One provider's files: built off the event loop once an export is due, and handed out behind links."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic

from strongroom.sandbox.faults import Fault
from strongroom.sandbox.files import ContentT, FileRoom
from strongroom.sandbox.jobs import Job, OrderT
from strongroom.sandbox.storage import Opener
from strongroom.sandbox.transfer import StoredFile

_PATIENCE = 5.0
"""Real seconds a request waits for a file that is due; then the export is shown as still processing."""


class Workshop(Generic[OrderT, ContentT]):
    """Has each export's file built by its room; `describe` says what belongs in it."""

    def __init__(self, room: FileRoom[ContentT], describe: Callable[[Job[OrderT]], ContentT]) -> None:
        self._room = room
        self._describe = describe
        self._builds: dict[tuple[str, int], asyncio.Task[StoredFile | None]] = {}

    async def file_of(self, job: Job[OrderT]) -> StoredFile | None:
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

    def opener(self, job: Job[OrderT]) -> Opener:
        """Return what a link to this file opens: the file, or a copy spoilt for one request; nothing once deleted."""

        async def open_file(faults: tuple[Fault, ...]) -> StoredFile | None:
            if job.deleted:
                return None
            if not faults:
                return await self.file_of(job)
            return await asyncio.to_thread(self._room.build, self._describe(job).spoilt_by(faults))

        return open_file
