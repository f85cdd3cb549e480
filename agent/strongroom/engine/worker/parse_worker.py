"""The parsing process: holds no key and parses what another process inflates.

It keeps two pipes, standard error and, where it was forked, memory that only its parent writes to. Its limits prevent
it from writing files, starting processes or taking much memory, and give it CPU time in proportion to its input. It
ends with its parent.
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

from strongroom.engine.worker.lifetime import PARSER_CPU, CpuGrant, end_child, end_process, end_with_parent
from strongroom.formats.pipe import Allowance, PipedSink, serve_records, share_memory
from strongroom.model.errors import WorldError
from strongroom.model.inspection import Caps, Expectation

MEMORY = 1 << 30  # bytes of address space; a parser that needs more was given a hostile file
END_WAIT = 5.0  # seconds for a parsing process to end once its pipe is closed
_REQUESTS = msgspec.json.Decoder(tuple[Expectation, Caps])


@contextmanager
def forked_parser(expectation: Expectation, caps: Caps) -> Iterator[PipedSink]:
    """Fork a parsing process and yield the sink that feeds it; it ends with the block. Call it with one thread only."""
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    shared = memoryview(share_memory())
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _parse(parent, records_out, answers_in, expectation, caps, shared)
    os.close(records_out)
    os.close(answers_in)
    try:
        yield PipedSink(records_in, answers_out, shared, CpuGrant(child, PARSER_CPU).give)
    finally:
        os.close(records_in)
        os.close(answers_out)
        end_child(child, END_WAIT)


@contextmanager
def spawned_parser(expectation: Expectation, caps: Caps, allowance: Allowance | None = None) -> Iterator[PipedSink]:
    """Start a parsing process that inherits no memory, for a parent that holds a person's identity."""
    request = msgspec.json.encode((expectation, caps)).decode()
    program = f"from {__name__} import main; main()"
    command = [sys.executable, "-I", "-c", program, request, str(os.getpid())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env={})
    try:
        if process.stdin is None or process.stdout is None:
            raise WorldError("the parsing process was started without its pipes", hint="run the command again")
        grant = CpuGrant(process.pid, PARSER_CPU)
        yield PipedSink(process.stdin.fileno(), process.stdout.fileno(), given=grant.give, allowance=allowance)
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        end_process(process, END_WAIT)


def main() -> None:
    """Be a spawned parsing process: the arguments are the request and the id of the parent process."""
    end_with_parent(int(sys.argv[2]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    expectation, caps = _REQUESTS.decode(sys.argv[1])
    _lock_down(os.dup(0), os.dup(1))
    serve_records(0, 1, expectation, caps)


def _parse(parent: int, records: int, answers: int, expectation: Expectation, caps: Caps, shared: memoryview) -> None:
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
