"""The lists of jobs and archives: what stands on them, and what the keys do."""

from __future__ import annotations

import pytest

from kit.tui_bench import NOW, Bench, Seat, Sit, job_id, make_archive, make_job
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.job import State
from strongroom.vault.holds import put_hold
from strongroom.vault.lock import hold
from strongroom.vault.sources import SourceState
from strongroom_tui.screens.archives import ArchivesTab
from strongroom_tui.screens.detail import JobScreen
from strongroom_tui.screens.jobs import JobsTab
from strongroom_tui.widgets.table import PageTable, Pane

JOBS, ARCHIVES = ("3",), ("4",)


def table(seat: Seat, pane: str = "jobs") -> PageTable:
    return seat.app.screen.query_one(f"#{pane}", Pane).table


async def test_the_jobs_show_every_state_and_what_is_done(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (200, 60)) as seat:
        await seat.press(*JOBS)
        for words in (
            "as of 2026-11-20 14:03:07+01:00",
            "no daemon is running: start one with  strongroom daemon",
            "Jobs  1-44 of 44",
            "47% 1.2 GB of 2.6 GB interrupted",
            "quota, next in 30 min",
        ):
            assert words in seat.text, words
        for state in State:
            assert any(str(state) in line for line in seat.text.splitlines()), state


async def test_the_archives_show_how_sound_they_are(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press(*ARCHIVES)
        for words in ("Archives  1-33 of 33", "✗ quarantined", "! 1 finding", "✓ empty"):
            assert words in seat.text, words


@pytest.mark.parametrize("size", [(200, 60), (120, 40), (80, 24), (40, 12)])
async def test_what_is_on_hold_is_marked_in_the_list(empty: Bench, sit: Sit, size: tuple[int, int]) -> None:
    jobs = [make_job(n, State.ARCHIVED) for n in (0, 1)]
    archives = [make_archive(n, job) for n, job in enumerate(jobs)]
    empty.write(*jobs, *archives)
    held = Hold("hold", "a matter", HoldRule(archives=(archives[0].id,)), NOW, "ana", "asked for")
    with empty.vault.catalogue.transaction():
        put_hold(empty.vault.catalogue, held)
    async with sit(empty, size, tab="archives") as seat:
        lines = [line for line in seat.text.splitlines() if line.startswith("  ✓ verified")]
        marked = [line for line in lines if "■" in line]
        assert (len(lines), len(marked)) == (2, 1)
        if size[0] >= 200:
            assert "■ hold" in marked[0]
            assert f"…{archives[0].id[-8:]}" in marked[0]


async def test_who_works_in_the_vault_and_how_fast(bench: Bench, sit: Sit) -> None:
    with hold(bench.vault.layout.lock, "strongroom run --once"):
        async with sit(bench) as seat:
            await seat.press(*JOBS)
            assert "● in use by strongroom run --once (process" in seat.text
            assert "30.9 MB/s" in seat.text
            assert "no daemon is running" not in seat.text


async def test_a_paused_source_is_told(bench: Bench, sit: Sit) -> None:
    bench.write(SourceState("zavu", paused="the API key was refused (401)"))
    async with sit(bench) as seat:
        await seat.press(*JOBS)
        assert "! zavu is paused: the API key was refused (401)" in seat.text


async def test_an_empty_vault_says_why_and_what_starts_something(empty: Bench, sit: Sit) -> None:
    async with sit(empty, (80, 24)) as seat:
        await seat.press(*JOBS)
        assert "No jobs yet" in seat.text
        assert "The daemon exports each when its time comes" in seat.text
        await seat.press("enter", "j", "pagedown", "end", "home", "n", "p", "tab", "enter", "k")
        assert isinstance(seat.app.screen, JobsTab)
        await seat.press(*ARCHIVES)
        assert "No archives yet" in seat.text
        await seat.press("enter", "j", "pagedown")
        assert isinstance(seat.app.screen, ArchivesTab)


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["j"], 1),
        (["down", "down", "k"], 1),
        (["end"], 43),
        (["G"], 43),
        (["end", "home"], 0),
        (["end", "g", "g", "up"], 0),
        (["end", "j"], 43),
    ],
)
async def test_keys_move_the_cursor(bench: Bench, sit: Sit, keys: list[str], row: int) -> None:
    async with sit(bench) as seat:
        await seat.press(*JOBS)
        await seat.press(*keys)
        assert table(seat).cursor_row == row


async def test_a_screen_down_and_up(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press(*JOBS)
        await seat.press("pagedown")
        down = table(seat).cursor_row
        assert down > 5
        await seat.press("pageup")
        assert table(seat).cursor_row == 0


async def test_a_list_remembers_its_place_while_another_is_looked_at(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press(*JOBS, "j", "j")
        chosen = table(seat).chosen
        await seat.press(*ARCHIVES)
        assert seat.app.focused is table(seat, "archives")
        await seat.press(*JOBS)
        assert seat.app.focused is table(seat)
        assert table(seat).chosen == chosen


async def test_enter_tells_the_life_of_a_job_and_esc_comes_back(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press(*JOBS)
        await seat.press("j", "enter")
        for words in (
            f"↓ fetching  job {job_id(9000)}",
            "exp_9000",
            "quota 2×, transfer-broken 1×",  # noqa: RUF001
            "job.planned",
            "planned → uncertain",
            "uncertain → planned",
            "cause: quota",
            '"try later"',
            "13:54:07+01:00",
        ):
            assert words in seat.text, words
        await seat.press("escape")
        assert isinstance(seat.app.screen, JobsTab)
        assert table(seat).cursor_row == 1


async def test_enter_tells_the_manifest_of_an_archive(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press(*ARCHIVES, "j", "j", "j", "enter")
        assert "✗ quarantined  archive" in seat.text
        assert "✗ fault zip-bad-crc in messages.json: the checksum of the member does not fit" in seat.text
        await seat.press("escape", "home", "enter")
        assert "12,000 records, 12,000 inside the window, 5.0 MB" in seat.text
        assert "SHA-256 abab" in seat.text


async def test_a_click_opens_too(bench: Bench, sit: Sit) -> None:
    async with sit(bench) as seat:
        await seat.press(*JOBS)
        await seat.pilot.click(table(seat), offset=(5, 3))
        await seat.pilot.click(table(seat), offset=(5, 3))
        await seat.settle()
        assert isinstance(seat.app.screen, JobScreen)
        assert seat.app.screen.key == job_id(9005)


async def test_pages_follow_a_key_and_are_never_the_whole(empty: Bench, sit: Sit) -> None:
    jobs = [make_job(n, State.ARCHIVED) for n in range(450)]
    empty.write(*jobs, *(make_archive(n, job) for n, job in enumerate(jobs)))
    async with sit(empty) as seat:
        await seat.press(*JOBS)
        assert table(seat).row_count == 200
        assert "Jobs  1-200 of 450" in seat.text
        await seat.press("n")
        assert "Jobs  201-400 of 450" in seat.text
        assert table(seat).chosen == job_id(249)
        await seat.press("end", "j")
        assert "Jobs  401-450 of 450" in seat.text
        await seat.press("end", "pagedown", "n")
        assert "Jobs  401-450 of 450" in seat.text
        await seat.press("home", "k")
        assert "Jobs  201-400 of 450" in seat.text
        assert table(seat).chosen == job_id(50)
        await seat.press("p")
        assert "Jobs  1-200 of 450" in seat.text


async def test_jobs_at_work_come_first_however_old(empty: Bench, sit: Sit) -> None:
    empty.write(make_job(1, State.WAITING), make_job(2, State.FETCHING), *(make_job(n) for n in range(300, 600)))
    async with sit(empty) as seat:
        await seat.press(*JOBS)
        lines = seat.text.splitlines()
        head = next(n for n, line in enumerate(lines) if line.startswith("  state"))
        assert "↓ fetching" in lines[head + 1]
        assert "… waiting" in lines[head + 2]
        assert "Jobs  1-202 of 302" in seat.text
        await seat.press("n")
        assert "Jobs  203-" in seat.text
        assert "↓ fetching" not in seat.text
