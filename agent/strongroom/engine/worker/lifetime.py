"""How long a worker process may live: never longer than the process that started it, and only so much CPU time.

The kernel sends the parent-death signal when the *thread* that started a process ends, so workers are started by one
thread that lives as long as its process. The signal is SIGKILL: it also ends a worker that is stopped, or that waits on
a full pipe. What it leaves unfinished on the disk is removed when the job resumes.

A limit to how long the program takes to end once a person or the system asked it to.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import queue
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from typing import TypeVar

CPU_FLOOR = 300  # seconds that any worker may use, however little it was given
SEALER_CPU = 4.0  # seconds more for each MiB sealed; reading back may inflate each byte 200 times
READER_CPU = 2.0  # seconds more for each MiB parsed; the slow reader takes several MiB a second
GRANT_STEP = 16 << 20  # bytes between two raises of the limit

_PR_SET_PDEATHSIG = 1
_END_STEP = 0.01  # seconds between two looks at a process that is to end
_MIB = 1 << 20

T = TypeVar("T")


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent, whose id is given; end now if the parent is gone already."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the parent-death signal was refused")
    if os.getppid() != parent:  # it ended before the kernel knew of our wish
        os._exit(1)


class CpuGrant:
    """Raises the CPU limit of a process in proportion to the bytes that it was given; beyond it the kernel ends it."""

    def __init__(self, process: int, per_mib: float, floor: int = CPU_FLOOR) -> None:
        """`process` is an id, 0 for this process."""
        self._process, self._per_mib, self._floor = process, per_mib, floor
        self._given = 0
        self._granted = 0
        self._set()

    def give(self, size: int) -> None:
        """Count bytes that the process was given."""
        self._given += size
        if self._given - self._granted >= GRANT_STEP:
            self._set()

    def _set(self) -> None:
        self._granted = self._given
        seconds = self._floor + int((self._given + GRANT_STEP) * self._per_mib / _MIB)
        try:
            _, hard = resource.prlimit(self._process, resource.RLIMIT_CPU)
            soft = seconds if hard == resource.RLIM_INFINITY else min(seconds, hard)
            resource.prlimit(self._process, resource.RLIMIT_CPU, (soft, hard))
        except ProcessLookupError:
            return  # it ended; whoever talks to it notices


def end_child(child: int, seconds: float) -> None:
    """Wait so long for a child to end by itself, then kill it. One that the kernel does not let go is left to it."""
    if _ended(child, seconds):
        return
    os.kill(child, signal.SIGKILL)
    _ended(child, seconds)


def _ended(child: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            return False
        time.sleep(_END_STEP)
    return True


def start_lasting(work: Callable[[], T]) -> T:
    """Return what `work` returns, run in a thread that lives as long as this process. Use it to start workers."""
    return _starter(os.getpid()).run(work)


class _Starter:
    """A thread that never ends by itself, and calls what it is given, one after another."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="worker starter", daemon=True).start()

    def run(self, work: Callable[[], T]) -> T:
        result: Future[T] = Future()

        def call() -> None:
            try:
                result.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that asked
                result.set_exception(error)

        self._calls.put(call)
        return result.result()

    def _serve(self) -> None:
        while True:
            self._calls.get()()


@cache
def _starter(_process: int) -> _Starter:
    """Return the starter of a process; a fork does not inherit its parent's threads."""
    return _Starter()


LONGEST = 8.0  # seconds; whoever asked waits at most 10


class EndingLimit:
    """Ends the process at once when it has not ended by itself some seconds after the first request to stop.

    That is safe: what was half done is settled when the program next starts, and worker processes end with this one. It
    bounds every state, also a wait that nothing can interrupt, such as one for a hanging disk.
    """

    def __init__(self, code: int, tell: Callable[[], object], seconds: float = LONGEST) -> None:
        """`tell` says that the process is ended; it runs in a thread of its own and must not block."""
        self._code, self._tell, self._seconds = code, tell, seconds
        self._begun = self._over = False

    def begin(self) -> None:
        """Let the time run; safe in a signal handler, since it takes no lock of `threading`."""
        if not self._begun:
            self._begun = True
            _thread.start_new_thread(self._run, ())

    def cancel(self) -> None:
        """Forget it: everything has come to its end."""
        self._over = True

    def _run(self) -> None:
        time.sleep(self._seconds)
        if self._over:
            return
        try:
            self._tell()
        finally:
            os._exit(self._code)


def part(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Close a worker's pipes, give it so long to end by itself, and kill it otherwise. Never waits without a limit."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        with suppress(subprocess.TimeoutExpired):  # the kernel may hold on to one that waits for a broken disk
            process.wait(seconds)
