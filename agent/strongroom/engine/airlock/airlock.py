"""The engine's side of the airlock: starts a sealer, feeds it, and turns what it says into values and errors."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import IO

import msgspec

from strongroom.engine.airlock.order import (
    FINISH,
    Durable,
    Failed,
    Order,
    Progress,
    Reply,
    Verified,
    decode_reply,
    encode,
)
from strongroom.formats.conduit import widen_pipe
from strongroom.model.errors import SealError, StrongroomError, VaultError, WorldError

LONGEST_REPLY = 64 << 20  # bytes; an inspection is far smaller


class SealerDied(VaultError):
    """The sealing process ended without saying how it went."""


class Airlock:
    """One sealer at work. A context manager: leaving it early ends the sealer and removes what it wrote.

    Call `feed` for every chunk, then `finish`, then `verdict`.
    """

    def __init__(self) -> None:
        control_out, self._control = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _program(control_out)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(control_out,),
            env={"LANG": "C.UTF-8"},  # nothing of ours: the environment may hold API keys
            bufsize=0,
            process_group=0,  # Ctrl-C is for the engine alone, which parks the work in order
        )
        os.close(control_out)
        widen_pipe(_opened(self._process.stdin).fileno())

    def __enter__(self) -> Airlock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the sealer is still there."""
        return self._process.poll() is None

    def begin(self, order: Order) -> None:
        """Say what to seal and where."""
        self._send(encode(order))

    def feed(self, chunk: bytes) -> None:
        """Hand over the next bytes of the delivered file. Raises SealerDied or what the sealer said."""
        view = memoryview(chunk)
        pipe = _opened(self._process.stdin)
        try:
            while view:
                view = view[os.write(pipe.fileno(), view) :]
        except BrokenPipeError:
            raise self._reason() from None

    def finish(self) -> Durable:
        """Say that the file is complete; wait until it is sealed and flushed."""
        pipe = _opened(self._process.stdin)
        self._send(FINISH)
        pipe.close()
        reply = self._reply()
        if reply.durable is None:
            raise SealerDied("the sealer did not say that the file is durable")
        return reply.durable

    def verdict(self, watch: Callable[[Progress], None]) -> Verified:
        """Wait until the file has been read back and inspected; `watch` hears how far it has come."""
        while True:
            reply = self._reply()
            if reply.progress is not None:
                watch(reply.progress)
            if reply.verified is not None:
                return reply.verified

    def close(self) -> None:
        """End the sealer if it is still there."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
        if self._control >= 0:
            os.close(self._control)
            self._control = -1
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, line: bytes) -> None:
        try:
            os.write(self._control, line)
        except BrokenPipeError:
            raise self._reason() from None

    def _reply(self) -> Reply:
        line = self._buffered_line()
        if not line.endswith(b"\n"):
            status = self._process.wait()
            raise SealerDied(f"the sealing process ended without an answer (status {status})", hint=_ADVICE)
        try:
            reply = decode_reply(line)
        except msgspec.DecodeError as error:
            raise SealerDied("the sealing process gave an answer that cannot be read", hint=_ADVICE) from error
        if reply.failed is not None:
            raise _error(reply.failed)
        return reply

    def _buffered_line(self) -> bytes:
        pipe = _opened(self._process.stdout)
        line = b""
        while not line.endswith(b"\n") and len(line) < LONGEST_REPLY:
            more = pipe.readline(LONGEST_REPLY)
            if not more:
                break
            line += more
        return line

    def _reason(self) -> StrongroomError:
        """Return why the sealer closed its end."""
        try:
            self._reply()
        except StrongroomError as error:
            return error
        return SealerDied("the sealing process stopped taking bytes", hint=_ADVICE)


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe that was asked for when the sealer was started."""
    if pipe is None:
        raise SealerDied("the sealing process was started without its pipes")
    return pipe


_ADVICE = "the job is tried again by itself; if it goes on, look at the system log for memory limits"


def _program(control: int) -> str:
    """Return what the sealer's interpreter runs.

    Imports make no garbage, so the collector rests meanwhile and need never look at them again. Leaving by os._exit
    spares taking every module apart: the engine waits for the exit, and all that was said is written already.
    """
    return (
        "import gc, os\n"
        "gc.disable()\n"
        f"if {control} != 3: os.dup2({control}, 3); os.close({control})\n"
        "from strongroom.engine.airlock.sealer import main\n"
        "gc.freeze()\n"
        "gc.enable()\n"
        "os._exit(main())"
    )


def _error(failed: Failed) -> StrongroomError:
    families = {"world": WorldError, "seal": SealError}
    return families.get(failed.family, VaultError)(failed.message, hint=failed.hint)
