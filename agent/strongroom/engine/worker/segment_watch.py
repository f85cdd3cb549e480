"""Make the chunks of a search segment from the records that the parsing process reads anyway."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from strongroom.formats.records import record_names
from strongroom.model.plan import DatasetShape
from strongroom.search.segment import ChunkBuilder

DONE = b"\0"
"""What follows the last chunk: without it some are missing."""

_FAILURES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError, RecursionError)


class SegmentEmitter:
    """Emits the chunks of all datasets. A failure costs the segment and never the archive: then no mark follows."""

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self.emit = emit
        self.failed = False

    def watch(self, shape: DatasetShape) -> SegmentWatcher:
        """Return what takes the records of a dataset."""
        return SegmentWatcher(shape, self)

    def finish(self) -> None:
        """Emit the mark of a whole segment."""
        if not self.failed:
            self.emit(DONE)


class SegmentWatcher:
    """Gives the records of one member to a builder of chunks."""

    def __init__(self, shape: DatasetShape, emitter: SegmentEmitter) -> None:
        self._shape = shape
        self._emitter = emitter
        self._builder = ChunkBuilder(shape.name, (shape.id_field or "", shape.time_field or ""), emitter.emit)

    def watch(self, records: Sequence[dict[str, Any]], times: Sequence[Any]) -> None:
        """Take records with what their times are read from."""
        if not self._emitter.failed:
            try:
                self._builder.take(records, record_names(records, self._shape), times)
            except _FAILURES:
                self._emitter.failed = True

    def close(self) -> None:
        """Emit what is left."""
        if not self._emitter.failed:
            try:
                self._builder.close()
            except _FAILURES:
                self._emitter.failed = True


def pipe_emitter(descriptor: int) -> SegmentEmitter:
    """Return an emitter that writes to a pipe."""

    def emit(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    return SegmentEmitter(emit)
