"""One bar for one command that reads many bytes. It draws from the caller's thread: a fork must find no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from strongroom.cli.terminal import is_screen

_EVERY = 0.1
"""Seconds between two drawings."""


@contextmanager
def watching(name: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Give a function that counts bytes and, on a screen, shows them."""
    if quiet or not is_screen():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task(name, total=total)
        drawn = 0.0

        def watch(count: int) -> None:
            nonlocal drawn
            progress.advance(task, count)
            if time.monotonic() - drawn >= _EVERY:
                drawn = time.monotonic()
                progress.refresh()

        yield watch
