"""A real process on a real terminal: it gives the screen back, wherever and however it is told to end."""

from __future__ import annotations

import base64
import os
import re
import signal
import termios
from collections.abc import Iterator

import pytest

from kit.terminal import ENTER, LEAVE, Terminal, last_of
from kit.tui_bench import Bench, job_id
from strongroom.model.errors import ExitCode

MODES = (1000, 1002, 1003, 1004, 1006, 1015, 1016, 2004, 2048)
"""What a terminal reports besides keys: the mouse, the focus, what is pasted, its own size."""


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
