"""The reader: a fork made before there is any key, that parses what its parent inflates.

It keeps two pipes and standard error, and its limits let it neither write files, start processes nor take much memory.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.formats.pipe import PipedSink, serve_records
from strongroom.model.inspection import Caps, Expectation

MEMORY = 1 << 30  # bytes of address space; a parser that wants more has met a hostile file
LAST_FD = 4096


@contextmanager
def reader_process(expectation: Expectation, caps: Caps) -> Iterator[PipedSink]:
    """Fork a reader and give the sink that feeds it; it ends with the block. The caller must have a single thread."""
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    child = os.fork()
    if child == 0:
        _read(records_out, answers_in, expectation, caps)
    os.close(records_out)
    os.close(answers_in)
    try:
        yield PipedSink(records_in, answers_out)
    finally:
        os.close(records_in)
        os.close(answers_out)
        os.waitpid(child, 0)


def _read(records: int, answers: int, expectation: Expectation, caps: Caps) -> None:
    """Parse until the parent closes the pipe; never returns."""
    status = 1
    try:
        _lock_down(records, answers)
        serve_records(0, 1, expectation, caps)
        status = 0
    finally:
        os._exit(status)


def _lock_down(records: int, answers: int) -> None:
    """Keep the two pipes as standard input and output, close the rest, and give up what a parser does not need."""
    os.dup2(records, 0)
    os.dup2(answers, 1)
    os.closerange(3, LAST_FD)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_AS, MEMORY),
    ):
        resource.setrlimit(limit, (value, value))
