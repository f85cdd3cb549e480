"""The screen in a process behind a pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

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


DEADLINE = 90.0  # seconds


class Terminal:
    """The screen in a process behind a pseudo-terminal."""

    def __init__(self, vault: Path, program: str = PROGRAM, *, folder: Path | None = None, **env: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        settings = {**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "TERM": "xterm-256color", **env}
        settings["XDG_STATE_HOME"] = str(vault.parent / "state")  # it remembers in which tab it was left
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(vault)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=settings,
            cwd=folder,
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
            self.take(0.2)

    def finish(self) -> int:
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, "the process did not end"
            self.take(0.1)
        while self.take(0):
            pass
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def take(self, wait: float) -> bool:
        """Take what is written within so many seconds; return whether there was anything."""
        ready, _, _ = select.select([self.master], [], [], wait)
        if ready:
            self.seen += os.read(self.master, 65_536)
        return bool(ready)


def last_of(terminal: Terminal, mode: bytes) -> bytes:
    """Return how a mode was left: h for on, l for off."""
    found: list[bytes] = re.findall(rb"\x1b\[" + re.escape(mode) + rb"([hl])", terminal.seen)
    return found[-1]
