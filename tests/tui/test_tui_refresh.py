"""What another process writes appears by itself, and what a person looks at stays where it is."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

from msgspec.structs import replace

from kit.tui_bench import NOW, Bench, Seat, Sit, job_id, make_archive, make_job
from strongroom.evidence.line import Entry
from strongroom.model.job import State
from strongroom_tui.screens.jobs import JobsQuestion
from strongroom_tui.screens.screen import TextPane
from strongroom_tui.widgets.table import Pane

PATIENCE = 60.0  # seconds


async def until(seat: Seat, shown: Callable[[str], bool]) -> None:
    """Let the screen's own timer do its work."""
    end = time.monotonic() + PATIENCE
    while not shown(seat.text):
        assert time.monotonic() < end, seat.text
        await seat.pilot.pause(0.05)


async def test_progress_appears_and_moves_by_itself(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (240, 40)) as seat:
        assert "No jobs yet" in seat.text
        job = make_job(1, State.FETCHING, size=1000)
        empty.write(job)
        await until(seat, lambda text: "starting the download" in text)
        empty.progress(job, 100, 1000)
        await until(seat, lambda text: "10% 100 B of 1.0 KB" in text)
        empty.progress(job, 900, 1000)
        await until(seat, lambda text: "90% 900 B of 1.0 KB" in text)
        empty.write(replace(job, state=State.ARCHIVED), make_archive(1, job))
        await until(seat, lambda text: "✓ archived" in text)


async def test_nothing_is_read_while_nothing_changes(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        reader, question = seat.app.reader, JobsQuestion()
        first = await reader.look(question, None)
        assert first is not None
        assert await reader.look(question, first.version) is None
        bench.write(make_job(1))
        seen = await reader.look(question, first.version)
        assert seen is not None
        assert seen.version != first.version


async def test_selection_and_scroll_stay_with_what_was_looked_at(empty: Bench, sit: Sit) -> None:
    empty.write(*(make_job(n) for n in range(100)))
    async with sit(empty) as seat:
        table = seat.app.screen.query_one("#jobs", Pane).table
        await seat.press(*["j"] * 40)
        assert table.chosen == job_id(59)
        line = 40 - table.scroll_y
        empty.write(*(make_job(n) for n in range(100, 107)))
        await seat.press("r")
        assert "of 107" in seat.text
        assert table.chosen == job_id(59)
        assert table.cursor_row == 47
        assert table.cursor_row - table.scroll_y == line


async def test_who_watches_the_top_sees_what_comes_in(empty: Bench, sit: Sit) -> None:
    empty.write(*(make_job(n) for n in range(100)))
    async with sit(empty) as seat:
        empty.write(make_job(200, State.FETCHING))
        await seat.press("r")
        assert "↓ fetching" in seat.text


async def test_the_life_of_a_job_grows_while_it_is_open(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press("j", "enter")
        bench.write(Entry("job.completed", NOW, job=job_id(9000), facts={"from": "waiting", "to": "ready"}))
        await until(seat, lambda text: "waiting → ready" in text)


async def test_a_long_life_can_be_scrolled(bench: Bench, sit: Sit) -> None:
    bench.write(*(Entry("job.delayed", NOW + timedelta(seconds=n), job=job_id(9000)) for n in range(600)))
    async with sit(bench) as seat:
        await seat.press("j", "enter", "end")
        reading = seat.app.screen.query_one(TextPane)
        assert reading.scroll_y == reading.max_scroll_y > 400
        await seat.press("home")
        assert reading.scroll_y == 0
        assert "103 older moments left out" in seat.text
        await seat.press("j", "j", "k", "pagedown")
        assert reading.scroll_y > 5


async def test_a_vault_that_cannot_be_read_is_told_and_comes_back(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        path = bench.vault.layout.catalogue
        with closing(sqlite3.connect(path)) as person:
            (made,) = person.execute("SELECT sql FROM sqlite_schema WHERE name = 'progress'").fetchone()
            person.execute("DROP TABLE progress")
        await seat.press("r")
        assert "schema is not the one that this program made: the table progress is not there" in seat.text
        assert "Jobs  1-44 of 44" in seat.text
        with closing(sqlite3.connect(path)) as person:  # the program itself writes nothing into a foreign schema
            person.execute(made)
        await seat.press("r")
        assert "schema is not the one" not in seat.text
        assert path.exists()
