"""The reader: a process without any key, that parses what another inflates.

It keeps two pipes, standard error and, where it was forked, memory that its parent only writes to. Its limits let it
neither write files, start processes nor take much memory.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from strongroom.formats.pipe import PipedSink, serve_records
from strongroom.formats.shared import share_memory
from strongroom.model.errors import WorldError
from strongroom.model.inspection import Caps, Expectation

MEMORY = 1 << 30  # bytes of address space; a parser that wants more has met a hostile file
_ORDERS = msgspec.json.Decoder(tuple[Expectation, Caps])


@contextmanager
def reader_process(expectation: Expectation, caps: Caps) -> Iterator[PipedSink]:
    """Fork a reader and give the sink that feeds it; it ends with the block. The caller must have a single thread."""
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    shared = memoryview(share_memory())
    child = os.fork()
    if child == 0:
        _read(records_out, answers_in, expectation, caps, shared)
    os.close(records_out)
    os.close(answers_in)
    try:
        yield PipedSink(records_in, answers_out, shared)
    finally:
        os.close(records_in)
        os.close(answers_out)
        os.waitpid(child, 0)


@contextmanager
def spawned_reader(expectation: Expectation, caps: Caps) -> Iterator[PipedSink]:
    """Start a reader as a process of its own, for a parent that holds a person's identity: it inherits no memory."""
    order = msgspec.json.encode((expectation, caps)).decode()
    program = f"from {__name__} import main; main()"
    command = [sys.executable, "-I", "-c", program, order]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env={}) as process:
        if process.stdin is None or process.stdout is None:
            raise WorldError("the reading process has no pipes")
        yield PipedSink(process.stdin.fileno(), process.stdout.fileno())


def main() -> None:
    """Be a spawned reader: the order is the only argument."""
    expectation, caps = _ORDERS.decode(sys.argv[1])
    _lock_down(os.dup(0), os.dup(1))
    serve_records(0, 1, expectation, caps)


def _read(records: int, answers: int, expectation: Expectation, caps: Caps, shared: memoryview) -> None:
    """Parse until the parent closes the pipe; never returns."""
    status = 1
    try:
        _lock_down(records, answers)
        serve_records(0, 1, expectation, caps, shared)
        status = 0
    finally:
        os._exit(status)


def _lock_down(records: int, answers: int) -> None:
    """Keep the two pipes as standard input and output, close the rest, and give up what a parser does not need."""
    os.dup2(records, 0)
    os.dup2(answers, 1)
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open, nothing more can be opened
        (resource.RLIMIT_AS, MEMORY),
    ):
        resource.setrlimit(limit, (value, value))
