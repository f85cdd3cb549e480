"""The pane beside a list follows the cursor; columns use the room there is; a list is sorted by its headings."""

from __future__ import annotations

from kit.tui_bench import Bench, Seat, Sit, make_archive, make_job
from kit.tui_vault import fill
from kit.tui_views import configure
from strongroom.model.job import State
from strongroom.model.text import clean
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.preview import Preview


def preview(seat: Seat) -> str:
    """Return what the preview shows, in one line; nothing where there is none."""
    pane = seat.app.screen.query_one(Preview)
    words = pane.query_one("Static").render().plain if pane.display else ""  # type: ignore[attr-defined]
    return " ".join(words.split())


def top(seat: Seat) -> ListTab[object]:
    screen = seat.app.screen
    assert isinstance(screen, ListTab)
    return screen


async def test_it_follows_the_cursor_from_100_columns_on(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (120, 24), tab="archives") as seat:
        for _ in range(3):
            row = top(seat).chosen
            assert f"archive …{row[-8:]}" in preview(seat)
            assert "age1" not in preview(seat)
            await seat.press("j")
            assert top(seat).chosen != row
        await seat.press("home")
        for words in ("✓ verified zavu:contacts", "records 12,000", "1.2 MB as delivered", "after 4 s"):
            assert words in preview(seat)
        await seat.press("enter")
        assert isinstance(seat.app.screen, ArchiveScreen)
        await seat.press("escape")
        await seat.resize(99, 30)
        assert preview(seat) == ""
        await seat.press("j")
        await seat.resize(100, 30)
        assert f"archive …{top(seat).chosen[-8:]}" in preview(seat)


async def test_each_list_has_one(bench: Bench, sit: Sit) -> None:
    async with sit(configure(bench), (110, 20)) as seat:
        for key, words in (("3", "job 00009001"), ("2", "Next windows"), ("6", "Note beside the entry")):
            await seat.press(key)
            assert words in preview(seat), key
        await seat.press("5", "l", "a")
        for words in ("zavu:calls", "case 7", "requested"):
            await fill(seat, words)
        assert "case 7" in preview(seat)
        await seat.press("escape", "5")
        assert top(seat).heading == "Verdicts"


async def test_it_shows_what_has_changed_and_nothing_of_rows_that_are_gone(empty: Bench, sit: Sit) -> None:
    job = make_job(1, State.WAITING)
    empty.write(job)
    async with sit(empty, (110, 20)) as seat:
        assert "… waiting" in preview(seat)
        empty.write(make_job(1, State.FAILED, detail="the provider says no"))
        await seat.press("r")
        assert "✗ failed" in preview(seat)
        assert "the provider says no" in preview(seat)
        await seat.press("slash")
        await fill(seat, "archived")
        assert preview(seat) == ""


async def test_a_heading_sorts_shows_an_arrow_and_says_why_not(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (200, 18), tab="archives") as seat:
        assert "verified ▾" in seat.text
        for column in ("size", "records", "window"):
            await click_heading(seat, column)
            assert f"{column} ▾" in seat.text
            assert f"Archives by {column}" in seat.text
        await click_heading(seat, "source")
        assert "can be sorted by verified, window, size, records, not by source" in clean(toast(seat))


async def click_heading(seat: Seat, column: str) -> None:
    table = top(seat).pane.table
    start = 0
    for each in table.ordered_columns:
        if each.key.value == column:
            break
        start += each.get_render_width(table)
    await seat.pilot.click(table, offset=(start + 1, 0))
    await seat.settle()


def toast(seat: Seat) -> str:
    return " ".join(each.message for each in seat.app._notifications)


async def test_a_short_list_is_sorted_both_ways_by_any_column(bench: Bench, sit: Sit) -> None:
    async with sit(configure(bench), (200, 18), tab="schedules") as seat:
        await click_heading(seat, "stream")
        names = [row.key for row in top(seat).pane.table._rows_shown]
        assert names == sorted(names)
        assert "stream ▴" in seat.text
        await seat.press("less_than_sign")
        assert [row.key for row in top(seat).pane.table._rows_shown] == names[::-1]
        await seat.press("greater_than_sign")
        assert "next window ▴" in seat.text


async def test_jobs_are_sorted_by_window_over_pages(empty: Bench, sit: Sit) -> None:
    empty.write(*(make_job(n, State.ARCHIVED) for n in range(250)))
    async with sit(empty, (80, 20)) as seat:
        await seat.press("s")
        rows = [top(seat).nouns[key].spec.window.start for key in top(seat).pane.table.keys]  # type: ignore[attr-defined]
        assert rows == sorted(rows, reverse=True)
        assert len(rows) == 200
        await seat.press("n")
        assert max(top(seat).nouns[key].spec.window.start for key in top(seat).pane.table.keys) <= rows[-1]  # type: ignore[attr-defined]


async def test_columns_use_the_width_and_hide_by_priority(empty: Bench, sit: Sit) -> None:
    job = make_job(1, State.ARCHIVED)
    empty.write(job, make_archive(1, job))
    columns = ["stream", "window", "verified", "size", "records", "retention", "archive", "source"]
    async with sit(empty, (40, 18), tab="archives") as seat:
        for width, count in {40: 2, 80: 5, 120: 5, 200: 8}.items():
            await seat.resize(width, 18)
            head = next(line for line in seat.text.splitlines() if line.startswith("  state"))
            assert [name for name in columns if name in head] == columns[:count], width


async def test_states_are_chips_that_filter_on_a_click_and_by_a_key(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (150, 20), tab="archives") as seat:
        assert "all 33   archived 32   quarantined 1" in seat.text
        await seat.pilot.click("ChipLine", offset=(24, 0))
        await seat.settle()
        assert "Archives  1-1 of 1  filter: quarantined" in seat.text
        await seat.press("f")
        assert "Archives  1-33 of 33" in seat.text
        await seat.press("f")
        assert "filter: archived" in seat.text
        await seat.press("F")
        await seat.press("slash")
        await fill(seat, "stream:messages after:2026-01 before:2026-11-19")
        assert "filter: zavu:messages after:2026-01 before:2026-11-19" in seat.text
        await seat.resize(40, 12)
        assert "all" not in seat.text.splitlines()[3]
        await seat.press("slash", "ctrl+u", "enter", "3")
        await seat.resize(60, 24)
        assert seat.text.splitlines()[2].rstrip().endswith("  …")
