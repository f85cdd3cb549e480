"""How long the screen takes over a crowded vault in which another process writes: first paint, and a key in every tab.

Everything is a ratio against an empty Textual app in the same run. Limits: the first paint under 1 s, every key
answered under 100 ms. First paint is a whole process on a real pseudo-terminal, from its start to the first frame with
words of the tab in it; `filled` is until the answer of the catalogue stands there. A key is answered when everything
that it set off on the screen is drawn; what the catalogue is asked for meanwhile comes later (`read`).
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from crowd import Crowd, fill, writing
from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Static

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.sources import system_clock
from strongroom_tui.app import StrongroomApp
from strongroom_tui.process import GcControl
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.header import TABS, Tab

SIZE = (120, 40)
KEYS = {
    "overview": ("left", "down", "z"),
    "schedules": ("j", "enter", "escape"),
    "jobs": ("j", "n", "enter", "escape"),
    "archives": ("j", "n", "s", "enter", "escape"),
    "retention": ("j", "n"),
    "evidence": ("j", "n"),
    "health": ("pagedown",),
    "search": ("slash", "r", "escape"),
}
EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("nothing here")
Empty().run()
"""
OURS = "import sys; from strongroom.cli.main import main; sys.exit(main())"


class Empty(App[None]):
    """What any Textual app costs."""

    BINDINGS: ClassVar[list[BindingType]] = [("j", "bell", "nothing")]

    def compose(self) -> ComposeResult:
        yield Static("nothing here")
        yield Footer()


def main() -> None:
    options = _read_options()
    crowd = Crowd(options.archives, options.jobs, options.streams, options.days)
    with tempfile.TemporaryDirectory(prefix="strongroom-screen-") as folder:
        if options.made:
            config = load_config(options.made / "strongroom.toml")
        else:
            config = fill(Path(folder), crowd, datetime.now(UTC))
            print(f"{crowd}", flush=True)
        with writing(config):
            paint(config, crowd, options.rounds)
            asyncio.run(keys(config, options.rounds, options.steady))


def paint(config: Config, crowd: Crowd, rounds: int) -> None:
    """Time the first paint of whole processes, ours and the empty one in turn."""
    print("| start | median s | highest s | against an empty app |\n| --- | --- | --- | --- |")
    times: dict[str, list[float]] = {"empty app": [], "first paint": [], "filled": []}
    command = [sys.executable, "-m", "strongroom", "--config", str(config.file), "tui"]
    for turn in range(rounds + 1):
        (empty,) = _start([sys.executable, "-c", EMPTY], b"nothing here")
        first, filled = _start(command, b"Overview", f"{crowd.archives:,} archives".encode())
        if turn:  # the first pair warms up
            for name, seconds in zip(times, (empty, first, filled), strict=True):
                times[name].append(seconds)
    base = statistics.median(times["empty app"])
    for name, found in times.items():
        middle = statistics.median(found)
        print(f"| {name} | {middle:.2f} | {max(found):.2f} | {middle / base:.1f} |", flush=True)


async def keys(config: Config, rounds: int, seconds: float) -> None:
    """Time keys in every tab."""
    sys.setswitchinterval(0.001)  # as the program sets it
    empty = Empty()
    async with empty.run_test(size=SIZE):
        base = statistics.median([await _press(empty, "j") for _ in range(20 * rounds)])
    print(f"\na key of the empty app: {base * 1000:.1f} ms\n")
    print("| tab | key | median ms | highest ms | against the empty app | read ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    reader = VaultReader(config, system_clock)
    app = StrongroomApp(reader, system_clock, gc_control=GcControl())
    try:
        async with app.run_test(size=SIZE):
            await _answered(app)
            for tab in TABS:
                await _visit(app, tab, base, rounds, seconds)
    finally:
        reader.close()


async def _visit(app: StrongroomApp, tab: Tab, base: float, rounds: int, seconds: float) -> None:
    """Go in and out, pressing each key of the tab on every visit; then one key for some seconds while it is read."""
    taken: dict[str, list[float]] = {}
    read: dict[str, list[float]] = {}
    for _ in range(rounds):
        await _press(app, "1" if tab.key != "1" else "7")
        await _answered(app)
        for key in (tab.key, *KEYS[tab.mode]):
            taken.setdefault(key, []).append(await _press(app, key))
            read.setdefault(key, []).append(await _answered(app))
            await asyncio.sleep(0.3)
    steady, end = list[float](), time.perf_counter() + seconds
    while time.perf_counter() < end:
        steady.append(await _press(app, KEYS[tab.mode][0]))
        await asyncio.sleep(0.1)
    taken["steadily " + KEYS[tab.mode][0]] = steady
    for key, found in taken.items():
        middle, waited = statistics.median(found), statistics.median(read.get(key, [0]))
        print(
            f"| {tab.title} | {key} | {middle * 1000:.0f} | {max(found) * 1000:.0f} | {middle / base:.1f} | "
            f"{waited * 1000:.0f} |",
            flush=True,
        )


async def _press(app: App[None], key: str) -> float:
    """Press a key as the terminal does; return the seconds until what it did is drawn."""
    drawn = asyncio.Event()
    target = app.focused or app.screen
    began = time.perf_counter()
    app.post_message(events.Key(key, key if len(key) == 1 else None))
    # Queues keep their order: each step comes after what the key set off in the queue before it.
    handled = asyncio.Event()
    app.call_later(target.call_later, handled.set)
    await asyncio.wait_for(handled.wait(), 60)
    while not drawn.is_set():  # a screen that is just being left never draws again: ask the next one
        app.screen.call_after_refresh(drawn.set)
        with suppress(TimeoutError):
            await asyncio.wait_for(drawn.wait(), 0.02)
    return time.perf_counter() - began


async def _answered(app: StrongroomApp) -> float:
    """Wait until the tab shows the answer to what it asks now; return the seconds."""
    began = time.perf_counter()
    while isinstance(app.screen, TabScreen) and app.screen.question() is not None and app.screen.seen is None:
        await asyncio.sleep(0.005)
        if time.perf_counter() - began > 60:
            break
    return time.perf_counter() - began


def _start(command: list[str], *words: bytes) -> tuple[float, ...]:
    """Start a program on a terminal of its own; return after how many seconds each of the words was drawn."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
    roots = os.pathsep.join(str(Path(__file__).parents[1] / root) for root in ("agent", "tui"))
    with tempfile.TemporaryDirectory() as state:
        settings = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": roots, "XDG_STATE_HOME": state}
        settings.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled once, not at every start
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=settings)
        try:
            return tuple(_found(master, words, began))
        finally:
            process.kill()
            process.wait()
            os.close(master)
            os.close(slave)


def _found(master: int, words: tuple[bytes, ...], began: float) -> list[float]:
    seen, times = b"", list[float]()
    while len(times) < len(words):
        if not select.select([master], [], [], 60)[0]:
            raise TimeoutError(f"{words[len(times)]!r} was never drawn: {seen[-500:]!r}")
        seen += os.read(master, 65_536)
        while len(times) < len(words) and words[len(times)] in seen:
            times.append(time.perf_counter() - began)
    return times


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    whole = Crowd()
    for name in ("archives", "jobs", "streams", "days"):
        parser.add_argument(f"--{name}", type=int, default=getattr(whole, name))
    parser.add_argument("--rounds", type=int, default=5, help="visits of each tab, and starts")
    parser.add_argument("--steady", type=float, default=10, help="seconds for which one key of each tab is pressed")
    parser.add_argument("--made", type=Path, help="a folder that crowd.py filled, instead of a new vault")
    return parser.parse_args()


if __name__ == "__main__":
    main()
