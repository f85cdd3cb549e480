"""Random keys of all tabs on terminals of random sizes: the screen never crashes, and nothing is done by accident."""

from __future__ import annotations

import os
import random

import pytest
from rich.text import Text
from textual import events
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Input

from kit.tui_bench import Bench, Seat, Sit
from strongroom_tui.app import StrongroomApp
from strongroom_tui.dialogs import background_work
from strongroom_tui.dialogs.dialog import Confirm, Dialog
from strongroom_tui.screens.screen import TextScreen
from strongroom_tui.widgets.header import TABS

SEED = int(os.environ.get("STRONGROOM_FUZZ_SEED", "20261121"))
PRESSED = int(os.environ.get("STRONGROOM_FUZZ_KEYS", "150"))
LEAVES = {"q", "ctrl+q", "ctrl+c", "ctrl+z"}
PALETTE: list[str] = [
    "down",
    "up",
    "pagedown",
    "pageup",
    "home",
    "end",
    "tab",
    "enter",
    "escape",
    "backspace",
    *"aeort",
]
ASKED_FOR_BY_ONE_KEY = {"retry", "regenerate", "pause", "resume", "wake"}  # nothing of it destroys


def keys_of(screen: Screen[object]) -> list[str]:
    """Return every key that works on a screen, hidden or not."""
    return [key for key, each in screen.active_bindings.items() if each.enabled and key not in LEAVES]


@pytest.mark.slow
async def test_random_keys_and_sizes_break_nothing(
    bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nfuzz seed {SEED}")
    # What writes files is tested elsewhere.
    monkeypatch.setattr(background_work, "BackgroundWork", lambda *_args, **_more: TextScreen(Text("work")))
    monkeypatch.setattr(StrongroomApp, "action_quit", _stay)  # the palette offers it
    random_bytes = random.Random(SEED)
    async with sit(bench, (100, 30), tab="overview") as seat:
        known = {key for tab in TABS for key in await _visit(seat, tab.key)}
        for pressed in range(PRESSED):
            if random_bytes.random() < 0.1:
                await seat.pilot.resize_terminal(*_size(random_bytes))
            key = _choose(random_bytes, seat, sorted(known))
            seat.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await seat.pilot.pause(0.01)  # press() would wait for the processor to rest
            assert seat.app.is_running, f"{key} ended the screen as the {pressed}th"
            if random_bytes.random() < 0.03:
                await seat.settle()
        await seat.resize(120, 40)
        await _leave_all(seat)
        await seat.press("3")
        assert "Jobs" in seat.text
    read = bench.vault.catalogue.read
    for table in ("proposals", "approvals", "condemned", "holds", "tombstones"):
        assert read(f"SELECT * FROM {table}") == [], table
    asked = {row["wish"] for row in read("SELECT wish FROM requests")}
    assert asked <= ASKED_FOR_BY_ONE_KEY


async def _stay(_app: StrongroomApp) -> None:
    """Do not leave."""


async def _visit(seat: Seat, key: str) -> list[str]:
    await seat.press(key)
    return keys_of(seat.app.screen)


def _choose(random_bytes: random.Random, seat: Seat, known: list[str]) -> str:
    """Return a key of any tab; in a dialog never a word and never yes, so that nothing is meant."""
    screen = seat.app.screen
    if isinstance(screen, CommandPalette):
        return random_bytes.choice(PALETTE)
    if isinstance(screen, Confirm) or (isinstance(screen, Dialog) and screen.query(Input)):
        return random_bytes.choice(["escape", "tab", "shift+tab", "left", "right"])
    here = keys_of(screen)
    return random_bytes.choice(here if here and random_bytes.random() < 0.5 else known)


def _size(random_bytes: random.Random) -> tuple[int, int]:
    """Return a size, as often tiny as not."""
    width, height = random_bytes.choice([(160, 60), (44, 14)])
    return random_bytes.randint(1, width), random_bytes.randint(1, height)


async def _leave_all(seat: Seat) -> None:
    for _ in range(40):
        if len(seat.app.screen_stack) == 1:
            return
        await seat.press("escape")
    raise AssertionError(f"esc does not lead out of {seat.app.screen}")
