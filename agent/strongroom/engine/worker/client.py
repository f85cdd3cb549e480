"""The anteroom: one sealer started ahead of time, because starting takes longer than asking for a link.

A sealer that nobody takes costs memory alone: it has no order, no key and no file.

The engine's side of the airlock: starts a sealer, feeds it, and turns what it says into values and errors.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import IO, TYPE_CHECKING

import msgspec

from strongroom.engine.worker.lifetime import part, start_lasting
from strongroom.engine.worker.protocol import (
    FINISH,
    Durable,
    Failed,
    Progress,
    SealRequest,
    Verified,
    WorkerReply,
    decode_reply,
    encode,
)
from strongroom.formats.pipe import PER_MIB, READABLE, SLICE, WRITABLE, Allowance, PeerLate, wait_for, widen_pipe
from strongroom.model.errors import Interrupted, SealError, StrongroomError, VaultError, WorldError

if TYPE_CHECKING:
    pass  # gone


class Anteroom:
    """Holds at most one sealer that no job has taken. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._ready: WorkerClient | None = None

    def prepare(self) -> None:
        """Start a sealer unless one is ready; does not wait for it."""
        with self._guard:
            if self._ready is None:
                self._ready = _start()

    def take(self) -> WorkerClient:
        """Return the sealer that is ready, or a new one; it is the caller's to close."""
        with self._guard:
            ready, self._ready = self._ready, None
        if ready is not None and not ready.alive:
            ready.close()
            ready = None
        return ready or _start()

    def close(self) -> None:
        """End the sealer that nobody took."""
        with self._guard:
            ready, self._ready = self._ready, None
        if ready is not None:
            ready.close()


def _start() -> WorkerClient:
    # gone  # slow to import, and who only reads never needs it

    return WorkerClient()


LONGEST_REPLY = 64 << 20  # bytes; an inspection is far smaller
MOST_REPLIES = 10_000  # progress comes about a hundred times
STOP_GRACE = 4.0  # seconds to finish a file that is nearly done once a person asked to stop
PARTING = 2.0  # seconds for a sealer to end by itself

Stop = Callable[[], bool]


class SealerDied(VaultError):
    """The sealing process, or its reader, ended without saying how it went, or took longer than it may."""


class WorkerClient:
    """One sealer at work. A context manager: leaving it early ends the sealer and removes what it wrote.

    Call `begin`, then `feed` for every chunk, then `finish`, then `verdict`. None of them waits without a limit: each
    raises SealerDied once the sealer is later than its allowance, and Interrupted soon after a person asked to stop.
    """

    def __init__(self, allowance: Allowance | None = None) -> None:
        """`allowance` is how long the sealer may keep us waiting."""
        self._allowance = allowance or Allowance()
        self._stop: Stop = lambda: False
        self._grace = STOP_GRACE
        self._given = 0  # bytes of the delivered file
        self._heard = bytearray()  # of the reply that is coming
        self._done = False
        control_out, self._control = os.pipe()
        self._process = start_lasting(lambda: _airlock_start(control_out))
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
        """Whether the sealer is still there."""
        return self._process.poll() is None

    def begin(self, order: SealRequest, stop: Stop = lambda: False) -> None:
        """Say what to seal and where; `stop` says from now on whether a person asked to stop."""
        self._stop = stop
        self._write(self._control, encode(order))

    def feed(self, chunk: bytes) -> None:
        """Hand over the next bytes of the delivered file. Raises SealerDied, Interrupted or what the sealer said."""
        self._write(_opened(self._process.stdin).fileno(), chunk)
        self._given += len(chunk)
        self._allowance.earn(len(chunk))

    def finish(self) -> Durable:
        """Say that the file is complete; wait until it is sealed and flushed."""
        self._write(self._control, FINISH)
        _opened(self._process.stdin).close()
        reply = self._reply()
        if reply.durable is None:
            raise SealerDied("the sealer did not say that the file is durable")
        return reply.durable

    def verdict(self, watch: Callable[[Progress], None]) -> Verified:
        """Wait until the file has been read back and inspected; `watch` hears how far it has come."""
        for _ in range(MOST_REPLIES):
            reply = self._reply()
            if reply.progress is not None:
                watch(reply.progress)
            if reply.verified is not None:
                self._done = True
                return reply.verified
        raise SealerDied("the sealing process reported progress without end", hint=_ADVICE)

    def close(self) -> None:
        """End the sealer if it is still there: at once where a person asked to stop before it was done."""
        if not self._done and self._stop():
            self._process.kill()
        if self._control >= 0:
            os.close(self._control)
            self._control = -1
        part(self._process, PARTING)

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
        """Wait for the sealer. A step may take longer in proportion to the file: a flush, a fiftieth read back."""
        try:
            wait_for(descriptor, event, self._allowance, self._given * PER_MIB / 8 / (1 << 20), self._heed)
        except PeerLate as late:
            self._process.kill()
            message = f"the sealing process kept the job waiting for {late} and was ended"
            raise SealerDied(message, hint=_LATE_ADVICE) from None

    def _heed(self) -> None:
        if not self._stop():
            return
        self._grace -= SLICE
        if self._grace < 0:
            self._process.kill()
            raise Interrupted("stopped before the file was verified; it is fetched again")

    def _reply(self) -> WorkerReply:
        line = self._line()
        if not line.endswith(b"\n"):
            raise self._ending()
        try:
            reply = decode_reply(line)
        except msgspec.DecodeError as error:
            raise SealerDied("the sealing process gave an answer that cannot be read", hint=_ADVICE) from error
        if reply.failed is not None:
            raise _error(reply.failed)
        return reply

    def _line(self) -> bytes:
        """Return the next reply, or less where the sealer ended before its end or says too much."""
        pipe = _opened(self._process.stdout).fileno()
        looked = 0
        while (end := self._heard.find(b"\n", looked)) < 0 and len(self._heard) < LONGEST_REPLY:
            looked = len(self._heard)
            self._wait(pipe, READABLE)
            more = os.read(pipe, 1 << 20)
            if not more:
                break
            self._heard += more
        end = len(self._heard) if end < 0 else end + 1
        line = bytes(self._heard[:end])
        del self._heard[:end]
        return line

    def _ending(self) -> SealerDied:
        """Return how a sealer ended that gave no answer."""
        part(self._process, PARTING)
        status = self._process.returncode
        if status == -signal.SIGXCPU:
            message = "the sealing process used more CPU time than a file of this size may take and was ended"
            return SealerDied(message, hint=_LATE_ADVICE)
        return SealerDied(f"the sealing process ended without an answer (status {status})", hint=_ADVICE)

    def _reason(self) -> StrongroomError:
        """Return why the sealer closed its end."""
        try:
            self._reply()
        except StrongroomError as error:
            return error
        return SealerDied("the sealing process stopped accepting bytes", hint=_ADVICE)


def _airlock_start(control: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _program(control, os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(control,),
        env={"LANG": "C.UTF-8"},  # nothing of ours: the environment may hold API keys
        bufsize=0,
        process_group=0,  # Ctrl-C is for the engine alone, which parks the work in order
    )


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that was asked for when the sealer was started."""
    if pipe is None:
        raise SealerDied("the sealing process was started without its pipes")
    return pipe


_ADVICE = "the job is tried again by itself; if it goes on, look at the system log for memory limits"
_LATE_ADVICE = (
    "the job is tried again by itself; if this happens again, look at the disk's speed and the load of the machine"
)


def _program(control: int, parent: int) -> str:
    """Return what the sealer's interpreter runs.

    Imports make no garbage, so the collector rests meanwhile and need never look at them again. Leaving by os._exit
    spares taking every module apart: the engine waits for the exit, and all that was said is written already.
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


def _error(failed: Failed) -> StrongroomError:
    families = {"world": WorldError, "seal": SealError, "worker": SealerDied}
    return families.get(failed.family, VaultError)(failed.message, hint=failed.hint)
