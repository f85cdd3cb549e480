"""A process that is told to stop ends for certain, whatever hangs in it, and so does one that lost its terminal."""

from __future__ import annotations

import os
import signal
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.terminal import DEADLINE, ENTER, LEAVE, Terminal, last_of
from kit.tui_bench import Bench
from strongroom.model.errors import ExitCode

HANGS = {
    "the reading": "VaultReader._look = hanging(VaultReader._look)",
    "the screen": "StrongroomApp._look_if_idle = hanging(StrongroomApp._look_if_idle)",
    "nothing": "",
}
"""What waits for an event that never comes, once a file says so."""
PROGRAM = """
import sys, threading
from pathlib import Path
from strongroom.cli.errors import guarded
from strongroom.config.schema import Config, VaultSettings
from strongroom_tui import process as ending
from strongroom_tui.app import StrongroomApp, run
from strongroom_tui.reader import VaultReader

vault = Path(sys.argv[1])

def hanging(work):
    def hang(*args):
        if vault.with_name("hang").exists():
            vault.with_name("hangs").touch()
            threading.Event().wait()
        return work(*args)
    return hang

ending.PATIENCE = 0.5
# HANGS
sys.exit(guarded(lambda: run(Config(Path("none"), VaultSettings(vault, ())))))
"""


@pytest.fixture
def start(bench: Bench) -> Iterator[Callable[[str], Terminal]]:
    """Start the screen on a terminal, with something in it that hangs by now."""
    opened: list[Terminal] = []

    def started(hangs: str) -> Terminal:
        vault = bench.config.vault.path
        opened.append(Terminal(vault, PROGRAM.replace("# HANGS", HANGS[hangs])))
        opened[-1].read_until(b"fetching")
        vault.with_name("hang").touch()
        if HANGS[hangs]:
            wait_for(vault.with_name("hangs"))
        return opened[-1]

    yield started
    for terminal in opened:
        terminal.close()


def wait_for(path: Path) -> None:
    end = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("hangs", "number"), [("the reading", signal.SIGTERM), ("the screen", signal.SIGHUP)])
def test_what_hangs_does_not_hold_who_is_told_to_stop(
    start: Callable[[str], Terminal], hangs: str, number: signal.Signals
) -> None:
    terminal = start(hangs)
    terminal.process.send_signal(number)
    assert terminal.finish() == ExitCode.INTERRUPTED
    assert terminal.seen.count(ENTER) == terminal.seen.count(LEAVE) == 1
    assert last_of(terminal, b"?25") == b"h"
    assert last_of(terminal, b"?1000") == last_of(terminal, b"?2004") == b"l"
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.slow
@pytest.mark.parametrize("hangs", ["nothing", "the reading"])
def test_who_loses_the_terminal_ends(start: Callable[[str], Terminal], hangs: str) -> None:
    """The terminal of a test is nobody's controlling terminal: no signal tells of its end."""
    terminal = start(hangs)
    os.close(terminal.slave)
    os.close(terminal.master)
    assert terminal.process.wait(DEADLINE) == ExitCode.INTERRUPTED
    terminal.master, terminal.slave = os.openpty()  # for who closes them
