"""A vault to look at, a fixed local zone, and somebody at the keyboard."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kit.company import built_company, company, company_time  # noqa: F401 - fixtures are found by their names
from kit.tui_bench import Bench, Seat, Sit, furnish, make_app
from kit.tui_calm import wait_for_messages
from kit.tui_vault import Place
from strongroom_tui.app import StrongroomApp
from strongroom_tui.screens import preview


@pytest.fixture(autouse=True)
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        patch.delenv("NO_COLOR", raising=False)
        patch.setenv("COLORTERM", "truecolor")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(autouse=True)
def no_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_messages(monkeypatch)
    monkeypatch.setattr(preview, "REST", 0)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def bench(empty: Bench) -> Bench:
    furnish(empty)
    return empty


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Callable[[Bench], StrongroomApp]:
    """Make apps whose readers are closed when the test ends."""

    def made(of: Bench) -> StrongroomApp:
        app, reader = make_app(of)
        request.addfinalizer(reader.close)
        return app

    return made


@pytest.fixture
def sit(make: Callable[[Bench], StrongroomApp]) -> Sit:
    @asynccontextmanager
    async def seated(of: Bench, size: tuple[int, int] = (120, 40), tab: str = "jobs") -> AsyncIterator[Seat]:
        app = make(of)
        async with app.run_test(size=size, notifications=True) as pilot:
            seat = Seat(app, pilot)
            app.action_go(tab)
            await seat.settle()
            yield seat

    return seated


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.house.vault.close()
