"""The engine's side of the sealing process: starts it, feeds it, and turns its replies into values and errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import IO

import msgspec

from strongroom.engine.worker.lifetime import end_process, start_lasting
from strongroom.engine.worker.protocol import (
    FINISH,
    Durable,
    Failed,
    Family,
    Progress,
    SealRequest,
    Verified,
    WorkerReply,
    decode_reply,
    encode,
)
from strongroom.formats.pipe import PER_MIB, READABLE, SLICE, WRITABLE, Allowance, PeerLate, wait_for, widen_pipe
from strongroom.model.errors import Interrupted, SealError, StrongroomError, VaultError, WorldError

LONGEST_REPLY = 64 << 20  # bytes; an inspection is far smaller
MOST_REPLIES = 10_000  # a file gives about a hundred progress replies
STOP_GRACE = 4.0  # seconds to finish a file that is nearly done after a person asked to stop
END_WAIT = 2.0  # seconds for a sealing process to end by itself

_ADVICE = "the job is retried automatically; if this repeats, check the system log for memory limits"
_LATE_ADVICE = "the job is retried automatically; if this repeats, check the disk's speed and the load of the machine"

Stop = Callable[[], bool]


class WorkerDied(VaultError):
    """The sealing process, or its parser, ended without a result, or took longer than it may."""


class Prestart:
    """Starts one sealing process ahead of time, because that takes longer than requesting a link. Safe between threads.

    A process that is never taken costs only memory: it has no request, no key and no file.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._ready: WorkerClient | None = None

    def prepare(self) -> None:
        """Start a process unless one is ready; does not wait for it."""
        with self._guard:
            if self._ready is None:
                self._ready = WorkerClient()

    def take(self) -> WorkerClient:
        """Return the process that is ready, or a new one; the caller must close it."""
        ready = self._pop()
        if ready is not None and not ready.alive:
            ready.close()
            ready = None
        return ready or WorkerClient()

    def close(self) -> None:
        """End the process that was never taken."""
        if (ready := self._pop()) is not None:
            ready.close()

    def _pop(self) -> WorkerClient | None:
        with self._guard:
            ready, self._ready = self._ready, None
        return ready


class WorkerClient:
    """One sealing process. A context manager: leaving it early ends the process and removes what it wrote.

    Call `begin`, then `feed` for every chunk, then `finish`, then `verdict`. No call waits without a limit: each raises
    WorkerDied once the process exceeds its allowance, and Interrupted soon after a person asked to stop.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        """`allowance` is how long the process may keep us waiting."""
        self._allowance = allowance or Allowance()
        self._stop: Stop = lambda: False
        self._grace = STOP_GRACE
        self._given = 0  # bytes of the delivered file
        self._received = bytearray()  # of the reply that is arriving
        self._done = False
        control_out, self._control = os.pipe()
        self._process = start_lasting(lambda: _start(control_out))
        os.close(control_out)
        widen_pipe(_opened(self._process.stdin).fileno())
        for descriptor in (self._control, _opened(self._process.stdin).fileno()):
            os.set_blocking(descriptor, False)

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the process is still running."""
        return self._process.poll() is None

    def begin(self, request: SealRequest, stop: Stop = lambda: False) -> None:
        """Send what to seal and where; `stop` returns from now on whether a person asked to stop."""
        self._stop = stop
        self._write(self._control, encode(request))

    def feed(self, chunk: bytes) -> None:
        """Send the next bytes of the delivered file. Raises WorkerDied, Interrupted, or the error that it reported."""
        self._write(_opened(self._process.stdin).fileno(), chunk)
        self._given += len(chunk)
        self._allowance.earn(len(chunk))

    def finish(self) -> Durable:
        """Declare the file complete and wait until it is sealed and flushed."""
        self._write(self._control, FINISH)
        _opened(self._process.stdin).close()
        reply = self._reply()
        if reply.durable is None:
            raise WorkerDied("the sealing process did not report that the file is stored", hint=_ADVICE)
        return reply.durable

    def verdict(self, watch: Callable[[Progress], None]) -> Verified:
        """Wait until the file has been read back and inspected; `watch` is called with the progress."""
        for _ in range(MOST_REPLIES):
            reply = self._reply()
            if reply.progress is not None:
                watch(reply.progress)
            if reply.verified is not None:
                self._done = True
                return reply.verified
        raise WorkerDied("the sealing process reported progress without end", hint=_ADVICE)

    def close(self) -> None:
        """End the process if it is still running: at once where a person asked to stop before it was done."""
        if not self._done and self._stop():
            self._process.kill()
        if self._control >= 0:
            os.close(self._control)
            self._control = -1
        end_process(self._process, END_WAIT)

    def _write(self, descriptor: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                try:
                    view = view[os.write(descriptor, view) :]
                except BlockingIOError:
                    self._wait(descriptor, WRITABLE)
        except BrokenPipeError:
            raise self._reason() from None

    def _wait(self, descriptor: int, event: int) -> None:
        """Wait for the process. A step may take longer in proportion to the file: a flush, a fiftieth read back."""
        try:
            wait_for(descriptor, event, self._allowance, self._given * PER_MIB / 8 / (1 << 20), self._check_stop)
        except PeerLate as late:
            self._process.kill()
            message = f"the sealing process kept the job waiting for {late} and was ended"
            raise WorkerDied(message, hint=_LATE_ADVICE) from None

    def _check_stop(self) -> None:
        if not self._stop():
            return
        self._grace -= SLICE
        if self._grace < 0:
            self._process.kill()
            raise Interrupted("stopped before the file was verified; it will be downloaded again")

    def _reply(self) -> WorkerReply:
        line = self._line()
        if not line.endswith(b"\n"):
            raise self._end()
        try:
            reply = decode_reply(line)
        except msgspec.DecodeError as error:
            raise WorkerDied("the sealing process sent a reply that cannot be read", hint=_ADVICE) from error
        if reply.failed is not None:
            raise _error(reply.failed)
        return reply

    def _line(self) -> bytes:
        """Return the next reply, or less where the process ended before its end or the reply is too long."""
        pipe = _opened(self._process.stdout).fileno()
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0 and len(self._received) < LONGEST_REPLY:
            searched = len(self._received)
            self._wait(pipe, READABLE)
            more = os.read(pipe, 1 << 20)
            if not more:
                break
            self._received += more
        end = len(self._received) if end < 0 else end + 1
        line = bytes(self._received[:end])
        del self._received[:end]
        return line

    def _end(self) -> WorkerDied:
        """Return how a process ended that sent no reply."""
        end_process(self._process, END_WAIT)
        status = self._process.returncode
        if status == -signal.SIGXCPU:
            message = "the sealing process used more CPU time than a file of this size may take and was ended"
            return WorkerDied(message, hint=_LATE_ADVICE)
        return WorkerDied(f"the sealing process ended without a reply (status {status})", hint=_ADVICE)

    def _reason(self) -> StrongroomError:
        """Return why the process closed its end of the pipe."""
        try:
            self._reply()
        except StrongroomError as error:
            return error
        return WorkerDied("the sealing process stopped accepting bytes", hint=_ADVICE)


def _start(control: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _program(control, os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(control,),
        env={"LANG": "C.UTF-8"},  # nothing of ours: the environment may hold API keys
        bufsize=0,
        process_group=0,  # Ctrl-C is for the engine alone, which stops the work in order
    )


def _program(control: int, parent: int) -> str:
    """Return what the sealing process's interpreter runs.

    Imports make no garbage, so the collector rests meanwhile and need never look at them again. Leaving by os._exit
    avoids taking every module apart: the engine waits for the exit, and all replies are written already.
    """
    return (
        "import gc, os\n"
        "gc.disable()\n"
        f"if {control} != 3: os.dup2({control}, 3); os.close({control})\n"
        "from strongroom.engine.worker.lifetime import end_with_parent\n"
        f"end_with_parent({parent})\n"
        "from strongroom.engine.worker.seal_worker import main\n"
        "gc.freeze()\n"
        "gc.enable()\n"
        "os._exit(main())"
    )


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise WorkerDied("the sealing process was started without its pipes", hint=_ADVICE)
    return pipe


def _error(failed: Failed) -> StrongroomError:
    families = {Family.WORLD: WorldError, Family.SEAL: SealError, Family.WORKER: WorkerDied}
    return families[failed.family](failed.message, hint=failed.hint)
