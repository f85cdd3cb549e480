"""What a cat on the keyboard, a hand on the mouse, and a window manager send to a screen, from a seed."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import struct
import termios

from kit.terminal import Terminal

KEYS = [
    *(letter.encode() for letter in "abcdefghijklmnoprstuvwxyzABCDEFGHIJKLMNOPRSTUVWXYZ0123456789 /:?,.<>[]{}-+=*!'"),
    *(b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[H", b"\x1b[F", b"\x1b[5~", b"\x1b[6~", b"\x1b[Z"),
    *(b"\r", b"\t", b"\x1b", b"\x7f", b"\x10", b"\x0f", b"\x09", b"\x0e", b"\x15"),
    *(b"\x1bOP", b"\x1bOQ", b"\x1b[15~", b"\x1b[200~pasted\nlines\x1b[201~", "\u6f22\u5b57\U0001f600".encode()),
]
"""Everything but q and the controls that end or suspend a program."""

LEFT, RIGHT, DRAG, MOVE, UP, DOWN = 0, 2, 32, 35, 64, 65
"""Buttons, as a terminal reports them (xterm's control sequences, "Extended coordinates", 1006)."""


class RandomInput:
    """Sends keys, the mouse and sizes to a terminal; the same seed sends the same."""

    def __init__(self, terminal: Terminal, seed: int) -> None:
        self._terminal = terminal
        self._random = random.Random(seed)
        self._size = (80, 24)
        self.sent = 0

    def send(self) -> None:
        """Send one key or a burst of them, a click, a drag, a turn of the wheel, or another size."""
        chosen = self._random.random()
        if chosen < 0.05:
            self._resize()
        elif chosen < 0.2:
            os.write(self._terminal.master, self._mouse())
        else:
            burst = 1 if chosen < 0.9 else self._random.randint(2, 12)
            os.write(self._terminal.master, b"".join(self._random.choice(KEYS) for _ in range(burst)))
        self.sent += 1

    def _resize(self) -> None:
        width, height = self._random.choice([(200, 60), (120, 40), (44, 14), (6, 3)])
        self._size = self._random.randint(1, width), self._random.randint(1, height)
        columns, lines = self._size
        fcntl.ioctl(self._terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._terminal.process.send_signal(signal.SIGWINCH)

    def _mouse(self) -> bytes:
        what = self._random.choice([LEFT, LEFT, LEFT, RIGHT, DRAG, MOVE, UP, DOWN])
        if what in (MOVE, UP, DOWN):
            return _report(what, *self._cell())
        here = self._cell()
        there = self._cell() if what == DRAG else here
        button = LEFT if what == DRAG else what
        moves = _report(DRAG, *there) if what == DRAG else b""
        return _report(button, *here) + moves + _report(button, *there, released=True)

    def _cell(self) -> tuple[int, int]:
        width, height = self._size
        return self._random.randint(1, width), self._random.randint(1, height)


def _report(button: int, column: int, line: int, *, released: bool = False) -> bytes:
    return f"\x1b[<{button};{column};{line}{'m' if released else 'M'}".encode()
