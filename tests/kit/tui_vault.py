"""A vault with a sealed archive in it, and somebody before its screen."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.widgets import Input

from kit.sealed_vault import AT, House
from kit.tui_bench import Seat
from strongroom.config.load import load_config
from strongroom.model.archive import Archive
from strongroom.model.provider import Container
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader

CANARY = "canary-in-a-message"


def records(count: int, text: str = "hello") -> list[dict[str, object]]:
    return [{"id": f"m{n}", "at": f"2026-03-01T00:00:{n % 60:02}Z", "text": f"{text} {n}"} for n in range(count)]


class Place:
    """A vault with an archive in it, and somebody before its screen."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.house = House(base)
        self.archive: Archive = self.house.seal_records(records(450, CANARY), Container.ZIP_OF_JSON)

    @asynccontextmanager
    async def sit(self, size: tuple[int, int] = (120, 40), **settings: bool) -> AsyncIterator[Seat]:
        reader = VaultReader(load_config(self.base / "strongroom.toml"), lambda: AT)
        app = StrongroomApp(reader, lambda: AT, **settings)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                app.action_go("archives")
                seat = Seat(app, pilot)
                await seat.settle()
                yield seat
        finally:
            reader.close()


async def until(seat: Seat, words: str) -> None:
    end = time.monotonic() + 60
    while words not in seat.text:
        assert time.monotonic() < end, f"{words!r} is not in\n{seat.text}"
        await seat.pilot.pause(0.05)
    await seat.settle()


async def fill(seat: Seat, text: str) -> None:
    seat.app.screen.query_one(Input).value = text
    await seat.press("enter")
