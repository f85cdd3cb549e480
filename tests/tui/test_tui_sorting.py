"""Lists in the order a person chooses and cut to a stretch of time; lives that lead to each other."""

from __future__ import annotations

import pytest

from kit.tui_bench import NOW, Bench, Seat, Sit, make_archive, make_job, window
from strongroom.model.job import Cause, State
from strongroom.model.plan import ExportSpec
from strongroom_tui.screens.detail import ArchiveScreen, JobScreen


async def search(seat: Seat, words: str) -> None:
    await seat.press("slash", *words, "enter")


async def test_archives_are_sorted_and_the_title_says_by_what(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (120, 40), tab="archives") as seat:
        for word in ("window", "size", "records"):
            await seat.press("s")
            assert f"Archives by {word}  1-33 of 33" in seat.text
        await seat.press("s")
        assert "Archives  1-33 of 33" in seat.text


async def test_the_order_is_the_catalogues_over_pages(empty: Bench, sit: Sit) -> None:
    jobs = [make_job(n, State.ARCHIVED) for n in range(250)]
    empty.write(*jobs, *(make_archive(n, job) for n, job in enumerate(jobs)))
    async with sit(empty, (120, 40), tab="archives") as seat:
        await seat.press("s", "s")
        assert "12,249" in seat.text.splitlines()[5]
        await seat.press("n")
        assert "Archives by size  201-250 of 250" in seat.text
        assert "12,049" in seat.text.splitlines()[5]


@pytest.mark.parametrize(("tab", "title"), [("archives", "Archives by window  1-1"), ("jobs", "Jobs  1-1")])
async def test_a_stretch_of_time_shows_the_windows_that_touch_it(empty: Bench, sit: Sit, tab: str, title: str) -> None:
    jobs = [make_job(n, State.ARCHIVED, spec=ExportSpec(("messages",), window(n + 1))) for n in range(40)]
    empty.write(*jobs, *(make_archive(n, job) for n, job in enumerate(jobs)))
    async with sit(empty, (120, 40), tab=tab) as seat:
        await search(seat, "2026-11-14")
        assert f"{title}  filter: 2026-11-14" in seat.text
        assert "2026-11-14" in seat.text.split("filter")[1]
        await search(seat, "2026-10")
        assert "1-21  filter: 2026-10" in seat.text
        await search(seat, "2026-13")
        assert "is not a period" in seat.text
        await seat.press("escape", "escape")
        assert "1-40 of 40" in seat.text


async def test_a_stretch_of_time_is_not_sorted_otherwise(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (120, 40), tab="archives") as seat:
        await search(seat, "2026-03..2026-11")
        await seat.press("s")
        assert "listed by its windows" in seat.text
        assert "Archives by window" in seat.text


async def test_a_life_is_a_timeline(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (140, 50)) as seat:
        await search(seat, "fetching")
        await seat.press("enter")
        for words in (
            "Timeline",
            "asking the provider for an export (job.intended)  planned → uncertain",
            "+60 s",
            "the provider asked to wait (job.postponed)",
            "cause: quota",
            '"try later"',
            "now           █",
            "1.2 GB of 2.6 GB",
        ):
            assert words in seat.text, words


async def test_what_belongs_to_a_life_is_opened_with_enter(empty: Bench, sit: Sit) -> None:
    spec = ExportSpec(("messages",), window(3))
    first = make_job(1, State.REPLACED, spec=spec, cause=Cause.EXPIRED)
    second = make_job(4, State.ARCHIVED, spec=spec, parent=first.id)
    third = make_job(7, State.ARCHIVED, spec=spec, parent=second.id, purpose="regenerate")
    older, newer = make_archive(1, second), make_archive(2, third)
    second_done = make_job(4, State.ARCHIVED, spec=spec, parent=first.id, archive=older.id)
    empty.write(first, second_done, third, older, newer)
    async with sit(empty, (140, 50)) as seat:
        await seat.press("j", "enter")
        for words in (
            f"produced archive {older.id}",
            f"came from job {first.id}  replaced (expired)",
            f"led to job {third.id}  archived",
        ):
            assert words in seat.text, words
        await seat.press("enter")
        assert isinstance(seat.app.screen, ArchiveScreen)
        assert f"newer version {newer.id}" in seat.text
        assert "older version" not in seat.text
        await seat.press("tab", "enter")
        assert f"archive {newer.id}" in seat.text
        assert f"older version {older.id}" in seat.text
        await seat.press("enter")
        assert isinstance(seat.app.screen, JobScreen)
        assert f"job {third.id}" in seat.text
        await seat.press("shift+tab", "enter")
        assert f"job {second.id}" in seat.text
        assert len(seat.app.screen_stack) == 2, "the screens between are closed: it was open below them"
        await seat.pilot.click("RelatedItems", offset=(4, 1))
        await seat.settle()
        assert isinstance(seat.app.screen, ArchiveScreen)
        assert f"archive {older.id}" in seat.text


async def test_the_findings_of_its_file_stand_in_the_life_of_a_job(bench: Bench, sit: Sit) -> None:
    archive = make_archive(2000, make_job(2000))
    bench.write(make_job(2000, State.ARCHIVED, archive=archive.id, changed_at=NOW))
    async with sit(bench, (140, 50)) as seat:
        seat.app.push_screen(JobScreen(make_job(2000).id))
        await seat.settle()
        assert "zip-bad-crc" in seat.text
