"""How fast and how long still: pure, for any numbers a provider may send, and on the screen with a clock that moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from kit.tui_bench import NOW, Bench, Seat, make_job
from strongroom.engine.queries.lists import Running
from strongroom.model.job import State
from strongroom.text.units import time_left
from strongroom.vault.lock import hold
from strongroom_tui.app import StrongroomApp
from strongroom_tui.dialogs.background_work import amount_words
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.detail_text import ProgressContext, doing, rate_of

SECOND = timedelta(seconds=1)
BEGAN = NOW - 40 * SECOND
MOST = (1 << 63) - 1  # what a column of the catalogue holds
JOB = make_job(1, State.FETCHING, changed_at=BEGAN)
counts = st.integers(0, MOST)


@pytest.mark.parametrize(
    ("rest", "rate", "words"),
    [
        (600, 10.0, "60 s left"),
        (6_000_000_000, 1_000_000.0, "1 h 40 min left"),
        (36_000_000_000, 1_000_000.0, "10 h left"),
        (0, 10.0, "0 s left"),
        (-5, 10.0, "0 s left"),  # more came than was announced
        (600, None, "time left unknown"),
        (600, 0.0, "time left unknown"),
        (364 * 86_400, 1.0, "364 d left"),
        (366 * 86_400, 1.0, "more than a year left"),
        (MOST, 1e-9, "more than a year left"),
    ],
)
def test_the_time_left(rest: int, rate: float | None, words: str) -> None:
    assert time_left(rest, rate) == words


@pytest.mark.parametrize(
    ("done", "total", "seconds", "unit", "words"),
    [
        (400, 1000, 4.0, "", "████████░░░░░░░░░░░░ 40%\n400 B of 1.0 KB  100 B/s  6 s left"),
        (400, 1000, 0.5, "", "████████░░░░░░░░░░░░ 40%\n400 B of 1.0 KB  time left unknown"),
        (0, 1000, 9.0, "", "░░░░░░░░░░░░░░░░░░░░ 0%\n0 B of 1.0 KB  time left unknown"),
        (999, 1000, 9.99, "", "███████████████████░ 99%\n999 B of 1.0 KB  100 B/s  0 s left"),
        (2000, 1000, 2.0, "", "████████████████████ 100%\n2.0 KB of 1.0 KB  1.0 KB/s  0 s left"),
        (5000, None, 5.0, "", "5.0 KB  1.0 KB/s"),
        (0, None, 0.0, "", "working …"),
        (30, 90, 10.0, "record", "██████░░░░░░░░░░░░░░ 33%\n30 records of 90 records  3 records/s  20 s left"),
    ],
)
def test_what_work_says_of_itself(done: int, total: int | None, seconds: float, unit: str, words: str) -> None:
    assert amount_words(done, total, seconds, unit) == words


@given(counts, st.none() | counts, st.floats(0, 1e9), st.sampled_from(["", "record"]))
def test_no_numbers_stop_the_words(done: int, total: int | None, seconds: float, unit: str) -> None:
    words = amount_words(done, total, seconds, unit)
    assert ("%" in words) == bool(total)
    assert ("100%" in words) == (bool(total) and done >= (total or 0)) or (total or 0) > 1 << 50  # floats end there
    assert "-" not in words


@given(counts, st.none() | counts, st.integers(-100, 10**9), st.integers(-100, 10**6), st.integers(3, 120))
def test_any_progress_of_a_transfer_fits(done: int, total: int | None, ago: int, silent: int, width: int) -> None:
    job = replace(JOB, changed_at=NOW - ago * SECOND)
    told = Running(job.id, "download", done, total, NOW - silent * SECOND)
    words = doing(job, ProgressContext(NOW, busy=True, running=told), width)
    assert words
    assert cell_len(words) <= width
    assert "-" not in words


@given(st.integers(1, MOST), st.integers(1, 10**6))
def test_the_rate_is_what_came_over_the_seconds_it_took(done: int, seconds: int) -> None:
    told = Running(JOB.id, "download", done, None, BEGAN + seconds * SECOND)
    assert rate_of(JOB, told) == pytest.approx(done / seconds)


class Hands:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def sit_by(bench: Bench, clock: Hands) -> AsyncIterator[Seat]:
    reader = VaultReader(bench.config, clock)
    app = StrongroomApp(reader, clock)
    try:
        async with app.run_test(size=(240, 40)) as pilot:
            seat = Seat(app, pilot)
            await seat.settle()
            yield seat
    finally:
        reader.close()


async def test_rate_and_time_left_follow_the_clock_in_every_tab_that_tells_them(empty: Bench) -> None:
    clock, whole = Hands(), 1_000_000_000
    empty.write(JOB)
    with hold(empty.vault.layout.lock, "strongroom daemon"):
        async with sit_by(empty, clock) as seat:
            for later, done, words in (
                (0, 400_000_000, "40% 400.0 MB of 1.0 GB 10.0 MB/s 60 s left"),
                (20, 900_000_000, "90% 900.0 MB of 1.0 GB 15.0 MB/s 7 s left"),
                (40, 960_000_000, "96% 960.0 MB of 1.0 GB 12.0 MB/s 3 s left"),
            ):
                clock.now = NOW + later * SECOND
                empty.progress(JOB, done, whole, at=clock.now)
                for keys in (["1"], ["3"], ["enter"]):
                    await seat.press(*keys, "r")
                    assert words in seat.text, keys
                await seat.press("escape")
            clock.now += 30 * SECOND
            await seat.press("3", "r")
            assert "96% 960.0 MB of 1.0 GB silent for 30 s" in seat.text
            assert "left" not in next(line for line in seat.text.splitlines() if "silent" in line)
