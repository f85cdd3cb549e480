"""How far a long read has come, on one line of standard error that disappears at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from strongroom.cli.terminal import is_screen

_EVERY = 0.1
"""Seconds between two drawings."""


@contextmanager
def watching(name: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Give a function that counts bytes and, on a screen, shows them."""
    if quiet or not is_screen():
        yield lambda _count: None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

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


@contextmanager
def counting(name: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Give a function that is told how many of how many are done and, on a screen, shows it."""
    if quiet or not is_screen():
        yield lambda _done, _total: None
        return
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task(name, total=None)

        def watch(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, refresh=True)

        yield watch
