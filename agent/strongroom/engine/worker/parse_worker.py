"""The parsing process: holds no key and parses what another process inflates.

It keeps two pipes, standard error and memory that only the process that feeds it writes to. Its limits prevent
it from writing files, starting processes or taking much memory, and give it CPU time in proportion to its input. It
ends with its parent.
"""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.engine.worker.launcher import Launcher
from strongroom.engine.worker.lifetime import (
    PARSER_CPU,
    CpuGrant,
    close_once,
    end_child,
    end_process,
    end_with_parent,
)
from strongroom.engine.worker.segment_watch import pipe_emitter
from strongroom.formats.json_array import pour
from strongroom.formats.peer import Allowance
from strongroom.formats.pipe import PipedSink, read_start, serve_records
from strongroom.formats.sink import DocumentReader, watch_nothing
from strongroom.formats.slots import share_descriptor, share_memory, take_shared
from strongroom.model.inspection import Caps, Expectation

CHUNKS = 3  # descriptor of the pipe on which a forked parser emits chunks
MEMORY = 1 << 30  # bytes of address space; a parser that needs more was given a hostile file
NICENESS = 10  # of work that nobody waits for: it takes a tenth of a CPU that others want
END_WAIT = 5.0  # seconds for a parsing process to end once its pipe is closed


class ForkedParser:
    """A parsing process that was forked: the sink that feeds it, and the pipe on which it emits a search segment."""

    def __init__(self, child: int, pipes: tuple[int, int, int], shared: memoryview) -> None:
        """`child` is its process id; the pipes go to its records and come from its answers and its chunks."""
        self._records, answers, self.chunks = pipes
        self._child = child
        self.fed = 0  # bytes that it was given
        self._grant = CpuGrant(child, PARSER_CPU)
        self.sink = PipedSink(self._records, answers, shared, self._give)

    def _give(self, size: int) -> None:
        self.fed += size
        self._grant.give(size)

    def yield_cpu(self) -> None:
        """Let other processes of this machine go first."""
        os.setpriority(os.PRIO_PROCESS, self._child, NICENESS)

    def end(self) -> None:
        """Close the pipe of records: the process emits no more and ends."""
        if self._records >= 0:
            os.close(self._records)
            self._records = -1


@contextmanager
def forked_parser(expectation: Expectation, caps: Caps, *, emits: bool = False) -> Iterator[ForkedParser]:
    """Fork a parsing process and yield it; it ends with the block. Call it with one thread only.

    With `emits` it writes the chunks of a search segment to a third pipe, once its sink was told to `watch`; that must
    be read meanwhile.
    """
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    chunks_out, chunks_in = os.pipe() if emits else (-1, -1)
    shared = memoryview(share_memory())
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _parse(parent, (records_out, answers_in, chunks_in), expectation, caps, shared)
    for descriptor in (records_out, answers_in, chunks_in):
        if descriptor >= 0:
            os.close(descriptor)
    parser = ForkedParser(child, (records_in, answers_out, chunks_out), shared)
    try:
        yield parser
    finally:
        parser.end()
        os.close(answers_out)
        if chunks_out >= 0:
            os.close(chunks_out)
        end_child(child, END_WAIT)


@contextmanager
def started_parser(
    launcher: Launcher, expectation: Expectation, caps: Caps, allowance: Allowance | None = None
) -> Iterator[PipedSink]:
    """Have a template fork a parsing process, for a parent that holds a person's identity: nothing of it is inherited.

    Yields the sink that feeds the process; it ends with the block. Raises WorkerDied.
    """
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    descriptor, memory = share_descriptor()
    try:
        try:
            process = launcher.fork((records_out, answers_in, descriptor))
        finally:
            for each in (records_out, answers_in, descriptor):
                os.close(each)
        try:
            sink = PipedSink(records_in, answers_out, memoryview(memory), allowance=allowance)
            sink.start(expectation, caps)
            yield sink
        finally:
            records_in = close_once(records_in)
            end_process(process, END_WAIT)
    finally:
        close_once(records_in)
        os.close(answers_out)


def prepare() -> None:
    """Do once what libraries prepare at the first use: every fork has it."""
    reader = DocumentReader("rehearsal", Caps())
    pour(reader, b"[]")
    reader.finish(whole=True)


def main() -> int:
    """Be a process that a template forked: records come on descriptor 0, answers go to 1, shared memory is behind 3.

    It raises its own CPU limit, because a process that is not its parent knows it by a number that may be reused.
    """
    shared = take_shared(3)
    _lock_down(0, 1)
    expectation, caps = read_start(0)
    serve_records(0, 1, expectation, caps, shared, taken=CpuGrant(0, PARSER_CPU).give)
    return 0


def _parse(parent: int, pipes: tuple[int, int, int], expectation: Expectation, caps: Caps, shared: memoryview) -> None:
    """Parse until the parent closes the pipe; never returns. The pipes are of records, answers and chunks."""
    status = 1
    try:
        end_with_parent(parent)
        _lock_down(*pipes)
        gc.disable()  # what is decoded makes no cycles, and looking for them takes a tenth of the time
        emitter = pipe_emitter(CHUNKS) if pipes[2] >= 0 else None
        serve_records(0, 1, expectation, caps, shared, emitter.watch if emitter else watch_nothing)
        if emitter:
            emitter.finish()
        status = 0
    finally:
        os._exit(status)


def _lock_down(records: int, answers: int, chunks: int = -1) -> None:
    """Keep the pipes as descriptors 0, 1 and `CHUNKS`, close the rest, and give up what a parser does not need."""
    if chunks >= 0:
        chunks = os.dup(chunks)  # out of the way of the three
    os.dup2(records, 0)
    os.dup2(answers, 1)
    if chunks >= 0:
        os.dup2(chunks, CHUNKS)
    os.closerange(CHUNKS if chunks < 0 else CHUNKS + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open, nothing more can be opened
        (resource.RLIMIT_AS, MEMORY),
    ):
        resource.setrlimit(limit, (value, value))
