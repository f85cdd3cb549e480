"""Until the vault is open a person is told why, and the first run gives the terminal back as the screen does."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.terminal import ENTER, LEAVE, PROGRAM, Terminal, last_of
from kit.tui_bench import Bench
from strongroom.model.errors import ExitCode
from strongroom_tui.process import WORDS, waiting_notice

FIRST_RUN = """
import sys
from pathlib import Path
from strongroom.cli.errors import guarded
from strongroom.model.errors import ExitCode
from strongroom_tui.screens.first_run import set_up

folder = Path(sys.argv[1])
sys.exit(guarded(lambda: ExitCode.INTERRUPTED if set_up(folder / "config.toml", folder / "data") is None else 0))
"""


class Told(io.StringIO):
    """A terminal that says when something was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = threading.Event()

    def flush(self) -> None:
        super().flush()
        self.flushed.set()


class Gone(io.StringIO):
    """A terminal that is not there any more."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = threading.Event()

    def write(self, text: str) -> int:
        self.tried.set()
        raise OSError("gone")


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def test_what_takes_long_is_told_and_the_line_is_taken_back() -> None:
    terminal = Told()
    with waiting_notice(terminal, after=0):
        assert terminal.flushed.wait(60)
        assert terminal.getvalue() == WORDS
    assert terminal.getvalue() == f"{WORDS}\r\x1b[K"
    assert len(WORDS) < 80  # a line that is wrapped could not be taken back


def test_what_is_quick_writes_nothing() -> None:
    terminal = Told()
    with waiting_notice(terminal, after=3600):
        pass
    assert terminal.getvalue() == ""


def test_a_terminal_that_is_gone_hurts_nobody() -> None:
    terminal = Gone()
    with waiting_notice(terminal, after=0):
        assert terminal.tried.wait(60)


@pytest.mark.slow
def test_a_catalogue_that_is_held_is_told_before_the_screen_comes_up(bench: Bench, opened: list[Terminal]) -> None:
    path = bench.config.vault.path / "catalogue.sqlite"
    bench.close()  # or its own connection would be in the way of an exclusive one
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        terminal = Terminal(bench.config.vault.path, PROGRAM)
        opened.append(terminal)
        terminal.read_until(WORDS.encode())
        assert ENTER not in terminal.seen
    finally:
        other.close()
    terminal.read_until(b"fetching")
    assert terminal.seen.index(b"\r\x1b[K") < terminal.seen.index(ENTER)
    os.write(terminal.master, b"q")
    assert terminal.finish() == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_first_run_gives_the_terminal_back(
    tmp_path: Path, opened: list[Terminal], number: signal.Signals
) -> None:
    (tmp_path / "new").mkdir()
    terminal = Terminal(tmp_path / "new", FIRST_RUN)
    opened.append(terminal)
    terminal.read_until(b"There is no vault here yet")
    terminal.process.send_signal(number)
    assert terminal.finish() == ExitCode.INTERRUPTED
    assert terminal.seen.count(ENTER) == terminal.seen.count(LEAVE) == 1
    assert last_of(terminal, b"?25") == b"h"
    assert last_of(terminal, b"?1000") == last_of(terminal, b"?2004") == b"l"
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert list((tmp_path / "new").iterdir()) == []
