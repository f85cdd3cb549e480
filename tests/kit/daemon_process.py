"""A daemon in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kit.engine_bench import Bench

PATIENCE = 60.0


class Running:
    """A daemon process and what it has said so far."""

    def __init__(self, bench: Bench) -> None:
        self.log = bench.base / f"daemon-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "strongroom", "--config", str(bench.config.file), "daemon"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=dict(os.environ))

    def said(self, words: str) -> bool:
        return words in self.log.read_text()

    def wait_for(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


@contextmanager
def daemon(bench: Bench) -> Iterator[Running]:
    running = Running(bench)
    try:
        running.wait_for(lambda: running.said("started"))
        yield running
    finally:
        running.process.kill()
        running.process.wait()
