"""Segments that one person opened, kept in memory between searches and never on the disk.

What they hold is clear text: `forget` when the identity is forgotten. Safe to use from several threads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from threading import Lock

from strongroom.model.archive import Archive, Segment
from strongroom.search.chunk import Chunk

MOST = 256 << 20
"""Bytes of clear columns that are kept at once; segments beyond that are opened anew at each search."""


class OpenedSegments:
    """The chunks of opened segments, by archive."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._size = 0
        self._kept: dict[str, tuple[Segment, tuple[Chunk, ...], int]] = {}
        self._turn = 0  # counts how often everything was forgotten
        self._lock = Lock()

    @property
    def turn(self) -> int:
        """Return what `keep` wants back: what was opened before everything was forgotten is not kept after it."""
        return self._turn

    def find(self, archive: Archive, segment: Segment) -> tuple[Chunk, ...] | None:
        """Return the chunks of exactly this segment, None where they are not kept."""
        found = self._kept.get(archive.id)
        return tuple(chunk.fresh() for chunk in found[1]) if found is not None and found[0] == segment else None

    def keep(self, archive: Archive, segment: Segment, chunks: tuple[Chunk, ...], turn: int) -> None:
        """Keep the chunks of a whole segment, as long as there is room."""
        size = sum(chunk.size for chunk in chunks)
        with self._lock:
            self._drop(archive.id)
            if turn == self._turn and self._size + size <= self._most:
                self._kept[archive.id] = (segment, chunks, size)
                self._size += size

    def keep_only(self, archives: Collection[str]) -> None:
        """Forget the segments of all other archives: what was destroyed is in no memory either."""
        with self._lock:
            for name in [each for each in self._kept if each not in archives]:
                self._drop(name)

    def forget(self) -> None:
        """Forget everything."""
        with self._lock:
            self._turn += 1
            self._kept.clear()
            self._size = 0

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of the archives whose segments are kept."""
        return iter(tuple(self._kept))

    def _drop(self, name: str) -> None:
        found = self._kept.pop(name, None)
        self._size -= found[2] if found is not None else 0
