"""A real process on a real terminal: it gives the screen back, however it is told to end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tui_bench import Bench

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
PROGRAM = """
import sys
from pathlib import Path
from strongroom.config.schema import Config, VaultSettings
from strongroom_tui.app import run
sys.exit(run(Config(Path("none"), VaultSettings(Path(sys.argv[1]), ()))))
"""
ROOTS = [str(Path(__file__).parents[2] / root) for root in ("agent", "tui")]
DEADLINE = 40.0  # seconds


class Terminal:
    """The screen in a process behind a pseudo-terminal."""

    def __init__(self, vault: Path, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        settings = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "TERM": "xterm-256color", **env}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(vault)], stdin=slave, stdout=slave, stderr=slave, env=settings
        )
        self.seen = b""

    def read_until(self, wanted: bytes) -> None:
        end = time.monotonic() + DEADLINE
        while wanted not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            self._take(0.2)

    def finish(self) -> int:
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, "the process did not end"
            self._take(0.1)
        while self._take(0):
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def _take(self, wait: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], wait)
        if ready:
            self.seen += os.read(self.master, 65_536)
        return bool(ready)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def start(terminals: list[Terminal], bench: Bench, **env: str) -> Terminal:
    terminal = Terminal(bench.config.vault.path, **env)
    terminals.append(terminal)
    terminal.read_until(b"fetching")
    return terminal


def assert_restored(terminal: Terminal) -> None:
    assert terminal.seen.count(ENTER) == 1
    assert LEAVE in terminal.seen[terminal.seen.index(ENTER) :]
    assert b"\x1b[?25h" in terminal.seen[terminal.seen.rindex(LEAVE) - 200 :]
    assert b"Traceback" not in terminal.seen
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.slow
def test_quitting_gives_the_terminal_back(bench: Bench, terminals: list[Terminal]) -> None:
    terminal = start(terminals, bench)
    os.write(terminal.master, b"q")
    assert terminal.finish() == 0
    assert_restored(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(bench: Bench, terminals: list[Terminal], number: int) -> None:
    terminal = start(terminals, bench)
    terminal.process.send_signal(number)
    assert terminal.finish() == 130
    assert_restored(terminal)


@pytest.mark.slow
def test_no_color_sends_greys_only(bench: Bench, terminals: list[Terminal]) -> None:
    terminal = start(terminals, bench, NO_COLOR="1", COLORTERM="truecolor")
    os.write(terminal.master, b"q")
    assert terminal.finish() == 0
    triples = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.seen)
    assert triples
    assert all(red == green == blue for red, green, blue in triples)
    assert not re.search(
        rb"\x1b\[(?:[0-9;]*;)?(?:3[1-6]|4[1-6]|9[1-6]|10[1-6])(?:;[0-9;]*)?m", strip_triples(terminal.seen)
    )


def strip_triples(text: bytes) -> bytes:
    return re.sub(rb"[34]8;2;\d+;\d+;\d+", b"0", text)
