"""The engine's side of the sealing process: starts it, feeds it, and turns its replies into values and errors."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import TracebackType

import msgspec

from strongroom.engine.worker.launcher import ForkedProcess, Launcher, WorkerDied
from strongroom.engine.worker.lifetime import close_once, end_process
from strongroom.engine.worker.protocol import (
    FINISH,
    Durable,
    Failed,
    Family,
    Indexed,
    Progress,
    SealRequest,
    Verified,
    WorkerReply,
    decode_reply,
    encode,
)
from strongroom.formats.peer import PER_MIB, READABLE, SLICE, WRITABLE, Allowance, PeerLate, wait_for, widen_pipe
from strongroom.model.errors import Interrupted, SealError, StrongroomError, WorldError

LONGEST_REPLY = 64 << 20  # bytes; an inspection is far smaller
MOST_REPLIES = 10_000  # a file gives about a hundred progress replies
STOP_GRACE = 4.0  # seconds to finish a file that is nearly done after a person asked to stop
END_WAIT = 2.0  # seconds for a sealing process to end by itself

_ADVICE = "the job is retried automatically; if this repeats, check the system log for memory limits"
_LATE_ADVICE = "the job is retried automatically; if this repeats, check the disk's speed and the load of the machine"

Stop = Callable[[], bool]


class WorkerClient:
    """One sealing process. A context manager: leaving it early ends the process and removes what it wrote.

    Call `begin`, then `feed` for every chunk, then `finish`, then `verdict`, then `segment`. No call waits without a
    limit: each raises WorkerDied once the process exceeds its allowance, and Interrupted soon after a person asked to
    stop.
    """

    def __init__(self, launcher: Launcher, allowance: Allowance | None = None) -> None:
        """Start the process; `allowance` is how long it may keep us waiting. Raises WorkerDied."""
        self._allowance = allowance or Allowance()
        self._stop: Stop = lambda: False
        self._grace = STOP_GRACE
        self._given = 0  # bytes of the delivered file
        self._received = bytearray()  # of the reply that is arriving
        self._done = False
        self._indexing = False  # the file is verified and its search segment is being made
        self._indexed = False  # a search segment was requested
        self._process, self._payload, self._replies, self._control = _start(launcher)
        widen_pipe(self._payload)
        for descriptor in (self._control, self._payload):
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
        self._stop, self._indexed = stop, bool(request.segment_path)
        self._write(self._control, encode(request))

    def feed(self, chunk: bytes) -> None:
        """Send the next bytes of the delivered file. Raises WorkerDied, Interrupted, or the error that it reported."""
        self._write(self._payload, chunk)
        self._given += len(chunk)
        self._allowance.earn(len(chunk))

    def finish(self) -> Durable:
        """Declare the file complete and wait until it is sealed and flushed."""
        self._write(self._control, FINISH)
        self._payload = close_once(self._payload)
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
                self._indexing = self._indexed and reply.verified.inspection.sound
                self._done = not self._indexing
                return reply.verified
        raise _endless()

    def segment(self) -> Indexed | None:
        """Wait until the search segment of a verified file is made; return None where none was requested.

        Only once: the process ends afterwards.
        """
        if not self._indexing:
            return None
        for _ in range(MOST_REPLIES):
            reply = self._reply()
            if reply.indexed is not None:
                self._indexing, self._done = False, True
                return reply.indexed
        raise _endless()

    def close(self) -> None:
        """End the process if it is still running: at once where nobody waits for it any more."""
        if self._indexing or (not self._done and self._stop()):
            self._process.kill()
        self._payload, self._replies, self._control = map(close_once, (self._payload, self._replies, self._control))
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
            if self._indexing:
                raise Interrupted("stopped before the search segment was made")
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
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0 and len(self._received) < LONGEST_REPLY:
            searched = len(self._received)
            self._wait(self._replies, READABLE)
            more = os.read(self._replies, 1 << 20)
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


def _endless() -> WorkerDied:
    return WorkerDied("the sealing process reported progress without end", hint=_ADVICE)


def _start(launcher: Launcher) -> tuple[ForkedProcess, int, int, int]:
    """Return a sealing process with our ends of its pipes: payload, replies, control."""
    ours, theirs = [], []
    try:
        for end in (1, 0, 1):
            pipe = os.pipe()
            ours.append(pipe[end])
            theirs.append(pipe[1 - end])
        process = launcher.fork(theirs)
    except BaseException:
        for descriptor in ours:
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    payload, replies, control = ours
    return process, payload, replies, control


def _error(failed: Failed) -> StrongroomError:
    families = {Family.WORLD: WorldError, Family.SEAL: SealError, Family.WORKER: WorkerDied}
    return families[failed.family](failed.message, hint=failed.hint)
