"""A real process on a real terminal: it gives the screen back, wherever and however it is told to end."""

from __future__ import annotations

import base64
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
from tui_bench import Bench, job_id

from strongroom.model.errors import ExitCode

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
PROGRAM = """
import sys
from pathlib import Path
from strongroom.cli.errors import guarded
from strongroom.config.schema import Config, VaultSettings
from strongroom_tui.app import run
from strongroom_tui.app import StrongroomApp

look = StrongroomApp._look_if_idle

def fail_when_told(app):
    passphrase = "held in a variable"
    if Path(sys.argv[1]).with_name("fail").exists():
        raise RuntimeError("a fault that nobody foresaw")
    look(app)

StrongroomApp._look_if_idle = fail_when_told
sys.exit(guarded(lambda: run(Config(Path("none"), VaultSettings(Path(sys.argv[1]), ())))))
"""
MODES = (1000, 1002, 1003, 1004, 1006, 1015, 1016, 2004, 2048)
"""What a terminal reports besides keys: the mouse, the focus, what is pasted, its own size."""
PLACES = {
    "overview": (),
    "jobs": ((b"3", b"Jobs  1-"),),
    "a question": ((b"3", b"Jobs  1-"), (b"x", b"Go back")),
    "an archive": ((b"4", b"Archives  1-"), (b"\r", b"datasets")),
    "a line to fill in": ((b"4", b"Archives  1-"), (b"R", b"As delivered"), (b"\r", b"overwritten")),
    "the palette": ((b"\x10", b"Find an action"),),
}
"""Where a person may be, and how: keys, each with a word to wait for."""
ROOTS = [str(Path(__file__).parents[2] / root) for root in ("agent", "tui")]
DEADLINE = 40.0  # seconds


class Terminal:
    """The screen in a process behind a pseudo-terminal."""

    def __init__(self, vault: Path, program: str = PROGRAM, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        settings = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "TERM": "xterm-256color", **env}
        settings["XDG_STATE_HOME"] = str(vault.parent / "state")  # it remembers in which room it was left
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(vault)], stdin=slave, stdout=slave, stderr=slave, env=settings
        )
        self.seen = b""

    def go(self, place: str) -> None:
        """Go where `PLACES` says, each key after the answer to the one before."""
        for key, words in PLACES[place]:
            self.press(key, words)

    def press(self, key: bytes, words: bytes) -> None:
        """Press a key and wait until the words are written after it."""
        before = len(self.seen)
        os.write(self.master, key)
        self.read_until(words, before)

    def read_until(self, wanted: bytes, start: int = 0) -> None:
        end = time.monotonic() + DEADLINE
        while wanted not in self.seen[start:]:
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


def assert_restored(terminal: Terminal, *, crashed: bool = False) -> None:
    """Expect the terminal as it was: its settings, the first screen, the cursor, and nothing reported but keys."""
    assert terminal.seen.count(ENTER) == terminal.seen.count(LEAVE) == 1
    assert terminal.seen.index(ENTER) < terminal.seen.index(LEAVE)
    assert last_of(terminal, b"?25") == b"h"
    assert {mode: last_of(terminal, b"?%d" % mode) for mode in MODES if asked_for(terminal, mode)} == {
        mode: b"l" for mode in MODES if asked_for(terminal, mode)
    }
    assert {1000, 2004} <= {mode for mode in MODES if asked_for(terminal, mode)}
    assert (b"nothing is lost; please report" in terminal.seen[terminal.seen.index(LEAVE) :]) == crashed
    assert b"held in a variable" not in terminal.seen
    assert termios.tcgetattr(terminal.slave) == terminal.before


def last_of(terminal: Terminal, mode: bytes) -> bytes:
    """Return how a mode was left: h for on, l for off."""
    found: list[bytes] = re.findall(rb"\x1b\[" + re.escape(mode) + rb"([hl])", terminal.seen)
    return found[-1]


def asked_for(terminal: Terminal, mode: int) -> bool:
    return b"\x1b[?%dh" % mode in terminal.seen


@pytest.mark.slow
@pytest.mark.parametrize("place", ["overview", "jobs", "an archive"])
def test_quitting_gives_the_terminal_back(bench: Bench, terminals: list[Terminal], place: str) -> None:
    terminal = start(terminals, bench)
    terminal.go(place)
    os.write(terminal.master, b"q")
    assert terminal.finish() == 0
    assert_restored(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("place", ["overview", "a question", "a line to fill in", "the palette"])
def test_a_signal_gives_the_terminal_back(bench: Bench, terminals: list[Terminal], number: int, place: str) -> None:
    terminal = start(terminals, bench)
    terminal.go(place)
    terminal.process.send_signal(number)
    assert terminal.finish() == 130
    assert_restored(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["overview", "an archive", "a question"])
def test_a_crash_gives_the_terminal_back_and_tells(bench: Bench, terminals: list[Terminal], place: str) -> None:
    terminal = start(terminals, bench)
    terminal.go(place)
    bench.config.vault.path.with_name("fail").touch()
    assert terminal.finish() == ExitCode.BUG
    assert_restored(terminal, crashed=True)


@pytest.mark.slow
def test_what_is_copied_goes_to_the_terminal_by_osc_52(bench: Bench, terminals: list[Terminal]) -> None:
    terminal = start(terminals, bench)
    terminal.go("an archive")
    terminal.press(b"y", b"\x1b]52;c;")
    terminal.press(b"\x1b", b"Archives  1-")
    terminal.press(b"y", b"\x1b]52;c;")
    terminal.press(b"3", b"Jobs  1-")
    terminal.press(b"y", b"\x1b]52;c;")
    terminal.press(b"\r", b"datasets")
    terminal.press(b"y", b"\x1b]52;c;")
    terminal.press(b"6", b"Log  1-")
    terminal.press(b"y", b"\x1b]52;c;")
    os.write(terminal.master, b"q")
    assert terminal.finish() == 0
    copied = [base64.b64decode(each).decode() for each in re.findall(rb"\x1b\]52;c;([^\x07\x1b]*)", terminal.seen)]
    newest = max(bench.vault.catalogue.read("SELECT id, durable_at FROM archives"), key=lambda row: row["durable_at"])
    archive = f"{newest['id']} sha256:{'ab' * 32}"
    job = copied[2]
    assert bench.vault.catalogue.read("SELECT id FROM jobs WHERE id = ?", job)
    *told, entry = copied
    assert told == [archive, archive, job, job]
    assert re.fullmatch(rf"entry 3 job\.postponed {job_id(9000)} leaf sha256:[0-9a-f]{{64}}", entry)
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
