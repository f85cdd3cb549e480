"""How long a process may live: a worker never longer than its parent, and the program not long after a stop request.

The kernel sends the parent-death signal when the *thread* that started a process ends, so workers are started by one
thread that lives as long as its process. The signal is SIGKILL, which also ends a worker that is stopped or waits on a
full pipe. Files that it leaves unfinished are removed when the job resumes.
"""

from __future__ import annotations

import _thread
import os
import resource
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from queue import SimpleQueue

CPU_FLOOR = 300  # seconds that any worker may use, however small its input
SEALER_CPU = 4.0  # seconds more for each MiB sealed; reading back may inflate each byte 200 times
PARSER_CPU = 2.0  # seconds more for each MiB parsed; the slow parser takes several MiB a second
GRANT_STEP = 16 << 20  # bytes between two raises of the limit
LONGEST = 8.0  # seconds for the program to stop; the process that requested it waits at most 10

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_MIB = 1 << 20

T = TypeVar("T")


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process with its parent (a process id); end now if the parent is gone already."""
    _control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def harden() -> None:
    """Give up, for this process and all that it forks: core dumps, being looked into, and rights of set-uid programs.

    Other processes of the same user can then neither trace it nor read its memory; root can.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _control_process(_PR_SET_DUMPABLE, 0)
    _control_process(_PR_SET_NO_NEW_PRIVS, 1)


def _control_process(option: int, value: int) -> None:
    """Call prctl where the system has it, which is Linux alone. Raises OSError where the kernel refuses."""
    import ctypes  # here and below: every command imports this file, few start a process

    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is not None and prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"the kernel refused option {option} of prctl")


class CpuGrant:
    """Raises the CPU limit of a process in proportion to its input; the kernel ends a process that exceeds it."""

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
        with suppress(ProcessLookupError):  # it ended, which its other end of the pipe notices
            _, hard = resource.prlimit(self._process, resource.RLIMIT_CPU)
            soft = seconds if hard == resource.RLIM_INFINITY else min(seconds, hard)
            resource.prlimit(self._process, resource.RLIMIT_CPU, (soft, hard))


class Process(Protocol):
    """A process that was started here or by the template."""

    def wait(self, timeout: float) -> int:
        """Return its exit status. Raises subprocess.TimeoutExpired where it does not end in time (seconds)."""

    def kill(self) -> None:
        """Kill it if it is running."""


def end_process(process: Process, seconds: float) -> None:
    """Wait for a process to end whose pipes are closed, then kill it. Never waits without a limit."""
    from subprocess import TimeoutExpired

    try:
        process.wait(seconds)
    except TimeoutExpired:
        process.kill()
        with suppress(TimeoutExpired):  # the kernel may keep one that waits for a broken disk
            process.wait(seconds)


def end_child(child: int, seconds: float) -> None:
    """Wait for a forked child to end, then kill it. Never waits without a limit."""
    pidfd = os.pidfd_open(child)
    try:
        if not is_readable(pidfd, seconds):
            os.kill(child, signal.SIGKILL)
            is_readable(pidfd, seconds)
    finally:
        os.close(pidfd)
    os.waitpid(child, os.WNOHANG)


def close_once(descriptor: int) -> int:
    """Close a descriptor unless it is closed, which -1 says; return -1."""
    if descriptor >= 0:
        os.close(descriptor)
    return -1


def is_readable(descriptor: int, seconds: float) -> bool:
    """Wait until a descriptor can be read, or its other end is closed; of a pidfd: until its process has ended."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def start_lasting(work: Callable[[], T]) -> T:
    """Return what `work` returns, run in a thread that lives as long as this process. Start workers with it."""
    from concurrent.futures import Future

    result: Future[T] = Future()

    def call() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that called
            result.set_exception(error)

    _calls(os.getpid()).put(call)
    return result.result()


@cache
def _calls(_process: int) -> SimpleQueue[Callable[[], None]]:
    """Return the queue of a process's lasting thread; a fork does not inherit its parent's threads."""
    from queue import SimpleQueue

    calls: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def serve() -> None:
        while True:
            calls.get()()

    threading.Thread(target=serve, name="worker starter", daemon=True).start()
    return calls


class EndingLimit:
    """Ends the process when it has not ended by itself some seconds after the first request to stop.

    That is safe: interrupted work is resumed at the next start, and worker processes end with this one. It bounds every
    state, also a wait that nothing can interrupt, such as one for a hanging disk.
    """

    def __init__(self, code: int, report: Callable[[], object], seconds: float = LONGEST) -> None:
        """`report` reports that the process is ended; it runs in a thread of its own and must not block."""
        self._code, self._report, self._seconds = code, report, seconds
        self._begun = self._over = False

    def begin(self) -> None:
        """Start the countdown; safe in a signal handler, since it takes no lock of `threading`."""
        if not self._begun:
            self._begun = True
            _thread.start_new_thread(self._run, ())

    def cancel(self) -> None:
        """Cancel the countdown: the program has ended in order."""
        self._over = True

    def _run(self) -> None:
        time.sleep(self._seconds)
        if self._over:
            return
        try:
            self._report()
        finally:
            os._exit(self._code)
