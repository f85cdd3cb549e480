"""What is selected in a list, what the keys do with all of it, and what is exported."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kit.sealed_vault import House
from kit.tui_bench import Bench, Seat, Sit, job_id, make_archive, make_job
from kit.tui_vault import fill
from kit.tui_views import configure, requested, toasts
from strongroom.engine.queries.lists import list_archives
from strongroom.engine.retention.verdicts import list_holds
from strongroom.model.errors import StrongroomError
from strongroom.model.job import Cause, State
from strongroom_tui.screens.exports import as_csv
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.selected import restore_into


def selected(seat: Seat) -> list[str]:
    screen = seat.app.screen_stack[0]
    assert isinstance(screen, ListTab)
    return list(screen.selection)


async def test_rows_are_selected_one_by_one_in_a_range_and_by_page(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (99, 20), tab="archives") as seat:
        await seat.type("space", "space")
        assert len(selected(seat)) == 2
        assert "2 archives selected" in seat.text
        assert "v verify" in seat.text
        assert "esc clear" in seat.text
        assert sum(line.startswith("●") for line in seat.text.splitlines()) == 2
        await seat.type("shift+down", "shift+down")
        assert len(selected(seat)) == 5
        await seat.type("up", "up", "up", "up", "space")
        assert len(selected(seat)) == 4
        await seat.press("asterisk")
        assert len(selected(seat)) == 33
        await seat.press("asterisk")
        assert selected(seat) == []
        await seat.pilot.click("PageTable", offset=(0, 3))
        await seat.settle()
        assert len(selected(seat)) == 1
        await seat.pilot.click("PageTable", offset=(10, 6), shift=True)
        await seat.settle()
        assert len(selected(seat)) == 4
        await seat.press("escape")
        assert selected(seat) == []
        assert "selected" not in seat.text


async def test_the_bar_says_how_much_it_is_at_any_size(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (40, 12), tab="archives") as seat:
        await seat.type("end", "space")
        for width, height in ((40, 12), (80, 24), (200, 60)):
            await seat.resize(width, height)
            bar = next(line for line in seat.text.splitlines() if "1 archive selected" in line)
            assert "esc clear" in bar
            assert ("record" in bar and "MB" in bar) or width < 120


async def test_a_selection_lasts_over_pages_and_orders(empty: Bench, sit: Sit) -> None:
    jobs = [make_job(n, State.ARCHIVED) for n in range(250)]
    empty.write(*jobs, *(make_archive(n, job) for n, job in enumerate(jobs)))
    async with sit(empty, (80, 20), tab="archives") as seat:
        await seat.press("space", "n", "space", "s")
        assert len(selected(seat)) == 2
        await seat.press("f")
        assert selected(seat) == []


async def test_one_hold_covers_all_that_is_selected(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (80, 24), tab="archives") as seat:
        await seat.type("space", "space", "space")
        chosen = set(selected(seat))
        await seat.press("H")
        await fill(seat, "case 9")
        await fill(seat, "subpoena")
        (hold,) = list_holds(bench.vault)
        assert set(hold.rule.archives) == chosen
        assert (hold.matter, len(chosen)) == ("case 9", 3)


async def test_failed_jobs_are_retried_together_and_the_rest_is_left_alone(empty: Bench, sit: Sit) -> None:
    empty.write(*(make_job(n, State.FAILED, cause=Cause.REFUSED) for n in range(3)), make_job(5, State.ARCHIVED))
    async with sit(configure(empty), (80, 24)) as seat:
        await seat.press("asterisk", "t")
        assert "Retry 3 jobs?" in seat.text
        assert "3 exports of zavu" in seat.text
        assert requested(empty) == []
        await seat.press("tab", "enter")
        assert sorted(requested(empty)) == [("retry", job_id(n)) for n in range(3)]
        await seat.press("e")
        assert "Re-export 1 job?" in seat.text
        await seat.press("escape", "y")
        assert "copied" in toasts(seat)


async def test_archives_are_verified_and_re_exported_together(bench: Bench, sit: Sit) -> None:
    async with sit(bench, (99, 36), tab="archives") as seat:
        await seat.press("home", "space", "space", "v")
        assert "2 of 2 archives" in seat.text  # nothing of them is on the disk
        assert "Restore the named files from a copy of the vault" in seat.text
        await seat.press("escape", "e", "tab", "enter")
        assert [wish for wish, _ in requested(bench)] == ["regenerate", "regenerate"]
        assert seat.app.screen.check_action("propose_archive", ()) is False
        await seat.press("R")
        assert "Restore 2 archives to" in seat.text


def test_a_restore_of_many_leaves_nothing_behind_where_one_fails(tmp_path: Path) -> None:
    house = House(tmp_path)
    archives = [house.seal(f"id,at,text\nm{n},2026-03-01T10:00:00Z,x\n".encode(), alone=False) for n in range(2)]
    folder = tmp_path / "restored"
    assert len(restore_into(house.vault, folder, archives, house.identities, lambda _count: None)) == 2
    assert len(list(folder.iterdir())) == 2
    house.vault.layout.archive(archives[1].id).write_bytes(b"damaged")
    with pytest.raises(StrongroomError):
        restore_into(house.vault, tmp_path / "again", archives, house.identities, lambda _count: None)
    assert not (tmp_path / "again").exists()
    with pytest.raises(StrongroomError, match="vault"):
        restore_into(house.vault, house.vault.layout.root / "here", archives, house.identities, lambda _count: None)
    assert not (house.vault.layout.root / "here").exists()
    house.vault.close()


async def test_a_list_is_exported_as_it_is_filtered(
    bench: Bench, sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with sit(bench, (80, 24), tab="archives") as seat:
        await seat.press("X", "enter", "enter")
        assert "exported 33 rows" in toasts(seat)
        found = list(csv.DictReader((tmp_path / "strongroom-archives.csv").read_text().splitlines()))
        assert {each["archive"] for each in found} == {each.id for each in list_archives(bench.vault)}
        assert (tmp_path / "strongroom-archives.csv").stat().st_mode & 0o777 == 0o600
        await seat.press("X", "enter", "enter")
        assert "exists already" in seat.text
        await seat.press("escape", "space", "X", "tab", "enter", "enter")
        (row,) = json.loads((tmp_path / "strongroom-archives.json").read_text())
        assert row["archive"] == selected(seat)[0]
        await seat.type("X", "tab", "tab", "enter")
        assert selected(seat)[0] in seat.app.clipboard


async def test_every_list_can_be_exported(bench: Bench, sit: Sit) -> None:
    async with sit(configure(bench), (80, 24)) as seat:
        for tab, rows in {"jobs": 44, "evidence": 3, "schedules": 3}.items():
            seat.app.action_go(tab)
            await seat.type("X", "tab", "tab", "enter")
            assert f"copied {rows} rows" in toasts(seat)


def test_a_cell_that_a_spreadsheet_would_run_is_text() -> None:
    text = as_csv([{"a": "=1+1", "b": -3}, {"a": "@x", "b": 4}, {"a": "safe, quoted", "b": 0}])
    assert text == "a,b\n'=1+1,-3\n'@x,4\n\"safe, quoted\",0\n"
