"""`--quiet`: what a command prints is held back, and shown only where something is wrong.

For cron, which sends a mail with whatever a program prints.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from tempfile import SpooledTemporaryFile
from typing import TextIO

import click

from strongroom.model.errors import ExitCode

NOTHING_WRONG = (ExitCode.OK, ExitCode.WAITING)
"""Exit codes of a command that did its part: the next run takes what waits for a provider's quota."""

_IN_MEMORY = 1 << 20  # bytes; a longer output is held on disk


class _Held:
    """Standard output and error of one command, until its exit code is known."""

    def __init__(self) -> None:
        self._streams = sys.stdout, sys.stderr
        self._held = _spool(), _spool()
        sys.stdout, sys.stderr = self._held

    def end(self, *, show: bool) -> None:
        """Give the streams back, and show what they would have had."""
        sys.stdout, sys.stderr = self._streams
        for held, stream in zip(self._held, self._streams, strict=True):
            if show:
                held.seek(0)
                shutil.copyfileobj(held, stream)
                stream.flush()
            held.close()


def _spool() -> TextIO:
    spool = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `end`
    return io.TextIOWrapper(spool, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)


_HELD: ContextVar[_Held | None] = ContextVar("held", default=None)


def _hold(_ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and _HELD.get() is None:
        _HELD.set(_Held())


quiet_option = click.option(
    *("--quiet", "-q"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_hold,
    help="Print nothing unless something is wrong, as for cron.",
)


@contextmanager
def holding_back() -> Iterator[Callable[[int], None]]:
    """Let a command ask for quiet; call what is yielded with its exit code. Without a call everything is shown."""
    token = _HELD.set(None)
    code: list[int] = []
    try:
        yield code.append
    finally:
        held = _HELD.get()
        _HELD.reset(token)
        if held is not None:
            held.end(show=not code or code[0] not in NOTHING_WRONG)
