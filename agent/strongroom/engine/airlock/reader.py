"""The reader: a fork of the sealer, made before there is any key, that parses what the sealer inflates.

It keeps two pipes and nothing else, and its limits let it neither write files nor take much memory or time.
"""

from __future__ import annotations

import os
import resource
from io import FileIO

from strongroom.formats.pipe import PipedSink, serve_records
from strongroom.model.inspection import Caps, Expectation

MEMORY = 1 << 30  # bytes of address space; a parser that wants more has met a hostile file
PIPE = 1 << 20


def start_reader(expectation: Expectation, caps: Caps) -> PipedSink:
    """Fork the reader and return the sink that feeds it. The caller must have a single thread."""
    records_out, records_in = os.pipe()
    answers_out, answers_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(records_in)
        os.close(answers_out)
        _read(records_out, answers_in, expectation, caps)
    os.close(records_out)
    os.close(answers_in)
    return PipedSink(FileIO(records_in, "wb"), FileIO(answers_out, "rb"))


def _read(records: int, answers: int, expectation: Expectation, caps: Caps) -> None:
    """Parse until the sealer closes the pipe; never returns."""
    status = 1
    try:
        _lock_down(keep=(records, answers))
        serve_records(FileIO(records, "rb"), FileIO(answers, "wb"), expectation, caps)
        status = 0
    finally:
        os._exit(status)


def _lock_down(keep: tuple[int, int]) -> None:
    for fd in (0, 1, 3):
        if fd not in keep:
            os.close(fd)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(keep) + 1, max(keep) + 1))
