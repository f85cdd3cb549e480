"""A real transfer from the simulated provider, watched and cancelled from its job's own screen."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

import pytest

from kit.engine_bench import Bench, open_bench
from kit.tui_bench import Seat
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.transfer import Meter
from strongroom.engine.queries.requests import RequestKind
from strongroom.vault.requests import waiting_requests
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.detail import JobScreen

PATIENCE = 60.0  # seconds


class Held:
    """Lets a transfer write down its first progress, then holds it until it is let go."""

    def __init__(self) -> None:
        self.told, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.told.set()
        assert self.go_on.wait(PATIENCE)


@pytest.mark.slow
async def test_a_running_transfer_is_watched_and_cancelled_from_its_own_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, record = Held(), Meter.set

    def recording(self: Meter, done: int, total: int | None) -> None:
        record(self, done, total)
        held()

    monkeypatch.setattr(Meter, "set", recording)
    with open_bench(tmp_path) as bench:
        working = threading.Thread(target=bench.export)
        working.start()
        try:
            assert await asyncio.to_thread(held.told.wait, PATIENCE)
            await watch(bench)
        finally:
            held.go_on.set()
            working.join(PATIENCE)


async def watch(bench: Bench) -> None:
    reader = VaultReader(bench.config, bench.clock)
    try:
        app = StrongroomApp(reader, bench.clock)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            app.action_go("jobs")
            seat = Seat(app, pilot)
            await seat.settle()
            await seat.press("enter")
            assert isinstance(app.screen, JobScreen)
            assert "↓ fetching" in seat.text
            assert (
                re.search(r"now +[█░]+ \d+% [\d.]+ [KM]?B of [\d.]+ [KM]?B", seat.text)
                or "of unknown size" in seat.text
            )
            assert "downloading and sealing (job.opened)" in seat.text
            await seat.press("x", "tab", "enter")
            assert "requested: cancel" in seat.text
        with open_reading(bench.config) as vault:
            (asked,) = waiting_requests(vault.catalogue)
            assert asked.wish is RequestKind.CANCEL
    finally:
        reader.close()
