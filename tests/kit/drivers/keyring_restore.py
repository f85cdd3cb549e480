"""Restores the one archive of a vault through the screen, in a session of its own; prints what came of it as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from textual.widgets import Input

from kit.tui_bench import Seat
from strongroom.config.load import load_config
from strongroom.engine.core.sources import system_clock
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader


async def restore(config: Path, target: Path) -> dict[str, object]:
    """Ask for the archive as it was delivered, without typing any passphrase."""
    reader = VaultReader(load_config(config))
    app = StrongroomApp(reader, system_clock)
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            app.action_go("archives")
            seat = Seat(app, pilot)
            await seat.settle()
            await seat.press("R", "enter")
            app.screen.query_one(Input).value = str(target)
            await seat.press("enter")
            told = " ".join(each.message for each in app._notifications)
            asks = "Passphrase of the identity" in seat.text
            return {"asks": asks, "told": told, "restored": "✓ restored" in seat.text}
    finally:
        reader.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(restore(Path(sys.argv[1]), Path(sys.argv[2])))))
