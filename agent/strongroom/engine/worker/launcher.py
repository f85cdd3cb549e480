"""Starts sealing and parsing processes: the engine's side of the template process, which forks them."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from strongroom.engine.worker.lifetime import end_process, is_readable, start_lasting
from strongroom.engine.worker.protocol import FORK, FORKED, STATUS, Service
from strongroom.model.errors import VaultError

if TYPE_CHECKING:
    import subprocess

START_WAIT = 60.0  # seconds for the template to start and to fork; it usually takes a fraction of one
REST = 60.0  # seconds after which a template that nobody uses is ended
END_WAIT = 2.0  # seconds for the template to end by itself

_ADVICE = "it is tried again automatically; if this repeats, check the system log for limits of memory and processes"


class WorkerDied(VaultError):
    """A sealing or parsing process could not be started, ended without a result, or took longer than it may."""


class ForkedProcess:
    """A sealing or parsing process, as far as one needs of a `subprocess.Popen`."""

    def __init__(self, process: int, pidfd: int, status: int) -> None:
        """`status` is where the template writes the exit status; both descriptors are closed once it is known."""
        self.pid = process
        self.returncode: int | None = None
        self._guard = threading.Lock()
        self._pidfd, self._status = pidfd, status

    def poll(self) -> int | None:
        """Return the exit status, or None while the process is running."""
        return self._ended(0.0)

    def wait(self, timeout: float) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired where the process does not end in time (seconds)."""
        code = self._ended(timeout)
        if code is None:
            import subprocess  # here and below: an engine that only reads starts nothing

            raise subprocess.TimeoutExpired("a worker process", timeout)
        return code

    def kill(self) -> None:
        """Kill the process if it is running; by its descriptor, so that no other process with its id is hit."""
        with self._guard, suppress(ProcessLookupError):
            if self.returncode is None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _ended(self, seconds: float) -> int | None:
        with self._guard:
            if self.returncode is None and is_readable(self._status, seconds):
                code = os.read(self._status, STATUS.size)
                # A template that was killed writes none: its processes are killed with it.
                self.returncode = STATUS.unpack(code)[0] if code else -signal.SIGKILL
                os.close(self._status)
                os.close(self._pidfd)
            return self.returncode


class Launcher:
    """Has a template process fork workers for one service; starts it when it is needed. Safe between threads.

    A template that was never used, or that nobody needs any more, costs only memory: it has no request, key or file.
    """

    def __init__(self, service: Service = Service.SEAL) -> None:
        self._service = service
        self._guard = threading.Lock()
        self._template: _Template | None = None
        self._living: list[ForkedProcess] = []
        self._used_at = 0.0

    def prepare(self) -> None:
        """Start the template unless it is running; does not wait for it."""
        with self._guard:
            self._ready()

    def fork(self, descriptors: Sequence[int]) -> ForkedProcess:
        """Return a new process that has the three descriptors, which stay the caller's, and nothing else of ours.

        A template that does not answer is replaced, once. Raises WorkerDied.
        """
        with self._guard:
            try:
                child = self._ready().fork(descriptors)
            except _TemplateLost:
                self._drop()
                try:
                    child = self._ready().fork(descriptors)
                except _TemplateLost as lost:
                    self._drop()
                    raise WorkerDied(f"the process that starts workers {lost}", hint=_ADVICE) from None
            self._used_at = time.monotonic()
            self._living = [each for each in self._living if each.poll() is None] + [child]
            return child

    def rest(self) -> None:
        """End the template where it has not been used for a while; the next use starts another."""
        with self._guard:
            idle = self._template is not None and time.monotonic() - self._used_at > REST
            if idle and all(each.poll() is not None for each in self._living):
                self._drop()

    def close(self) -> None:
        """End the template, and with it every process that it forked."""
        with self._guard:
            self._drop()

    def _ready(self) -> _Template:
        if self._template is not None and not self._template.alive:
            self._drop()
        if self._template is None:
            self._template = _Template(self._service)
            self._used_at = time.monotonic()
        return self._template

    def _drop(self) -> None:
        if self._template is not None:
            self._template.close()
            self._template = None
            self._living = []


class _TemplateLost(Exception):
    """The template ended or did not answer; says which."""


class _Template:
    """The template process and the socket to it."""

    def __init__(self, service: Service) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = start_lasting(lambda: _start(service, theirs.fileno()))

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, descriptors: Sequence[int]) -> ForkedProcess:
        status, writer = os.pipe()
        try:
            socket.send_fds(self._requests, [FORK], [*descriptors, writer])
            os.close(writer)
            writer = -1
            process, pidfd = self._answer()
        except OSError as error:
            os.close(status)
            raise self._reason(error) from error
        except BaseException:
            os.close(status)
            raise
        finally:
            if writer >= 0:
                os.close(writer)
        return ForkedProcess(process, pidfd, status)

    def _answer(self) -> tuple[int, int]:
        if not is_readable(self._requests.fileno(), START_WAIT):
            raise _TemplateLost(f"did not answer within {START_WAIT:.0f} seconds and was ended")
        answer, descriptors, _flags, _address = socket.recv_fds(self._requests, FORKED.size, 1)
        if not answer:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        process, number = FORKED.unpack(answer)
        if not descriptors:  # it could not fork, or we cannot open another file
            number = number or errno.EMFILE
            raise WorkerDied(f"a worker process could not be started: {os.strerror(number)}", hint=_ADVICE)
        return process, descriptors[0]

    def _reason(self, error: OSError) -> _TemplateLost:
        """Return how the template ended that closed its end of the socket."""
        import subprocess

        with suppress(subprocess.TimeoutExpired):
            return _TemplateLost(f"ended (status {self._process.wait(END_WAIT)})")
        return _TemplateLost(f"cannot be reached: {error.strerror}")

    def close(self) -> None:
        """End it. It waits for what it forked: where that takes too long, all of them are killed."""
        self._requests.close()
        end_process(self._process, END_WAIT)


def _start(service: Service, requests: int) -> subprocess.Popen[bytes]:
    import subprocess

    return subprocess.Popen(
        [sys.executable, "-I", "-c", _program(service, requests, os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(requests,),
        env={"LANG": "C.UTF-8"},  # nothing of ours: the environment may hold API keys
        process_group=0,  # Ctrl-C is for the engine alone, which stops the work in order
    )


def _program(service: Service, requests: int, parent: int) -> str:
    """Return what the template's interpreter runs.

    Imports make no garbage, so the collector rests meanwhile and need never look at them again: what it does not look
    at stays shared between the template and what it forks.
    """
    return (
        "import gc, os\n"
        "gc.disable()\n"
        f"if {requests} != 3: os.dup2({requests}, 3); os.close({requests})\n"
        "from strongroom.engine.worker.lifetime import end_with_parent\n"
        f"end_with_parent({parent})\n"
        "from strongroom.engine.worker.template import main\n"
        f"from strongroom.engine.worker.{service} import main as service, prepare\n"
        "prepare()\n"
        "gc.freeze()\n"
        "gc.enable()\n"
        "os._exit(main(service))"
    )
