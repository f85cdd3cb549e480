"""The reader: a process without any key, that parses what another inflates.

It keeps two pipes, standard error and, where it was forked, memory that its parent only writes to. Its limits let it
neither write files, start processes nor take much memory, and let it use CPU time in proportion to what it is given.
It ends with its parent.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from strongroom.engine.worker.lifetime import READER_CPU, CpuGrant, end_child, end_with_parent, part
from strongroom.formats.pipe import Allowance, PipedSink, serve_records, share_memory
from strongroom.model.errors import WorldError
from strongroom.model.inspection import Caps, Expectation

MEMORY = 1 << 30  # bytes of address space; a parser that wants more has met a hostile file
PARTING = 5.0  # seconds for a reader to end once its pipe is closed
_ORDERS = msgspec.json.Decoder(tuple[Expectation, Caps])


@contextmanager
def reader_process(expectation: Expectation, caps: Caps) -> Iterator[PipedSink]:
    """Fork a reader and give the sink that feeds it; it ends with the block. The caller must have a single thread."""
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    shared = memoryview(share_memory())
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _read(parent, records_out, answers_in, expectation, caps, shared)
    os.close(records_out)
    os.close(answers_in)
    try:
        yield PipedSink(records_in, answers_out, shared, CpuGrant(child, READER_CPU).give)
    finally:
        os.close(records_in)
        os.close(answers_out)
        end_child(child, PARTING)


@contextmanager
def spawned_reader(expectation: Expectation, caps: Caps, allowance: Allowance | None = None) -> Iterator[PipedSink]:
    """Start a reader as a process of its own, for a parent that holds a person's identity: it inherits no memory."""
    order = msgspec.json.encode((expectation, caps)).decode()
    program = f"from {__name__} import main; main()"
    command = [sys.executable, "-I", "-c", program, order, str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env={})
    try:
        if process.stdin is None or process.stdout is None:
            raise WorldError("the reading process has no pipes")
        grant = CpuGrant(process.pid, READER_CPU)
        yield PipedSink(process.stdin.fileno(), process.stdout.fileno(), given=grant.give, allowance=allowance)
    finally:
        part(process, PARTING)


def main() -> None:
    """Be a spawned reader: the arguments are the order and the id of the process that started it."""
    end_with_parent(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    expectation, caps = _ORDERS.decode(sys.argv[1])
    _lock_down(os.dup(0), os.dup(1))
    serve_records(0, 1, expectation, caps)


def _read(parent: int, records: int, answers: int, expectation: Expectation, caps: Caps, shared: memoryview) -> None:
    """Parse until the parent closes the pipe; never returns."""
    status = 1
    try:
        end_with_parent(parent)
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
