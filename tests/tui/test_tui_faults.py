"""A fault in what paints a tab ends the screen with its traceback; a tab that is being left is none."""

from __future__ import annotations

import pytest
from textual.css.query import NoMatches
from textual.widgets import Static
from textual.worker import WorkerFailed

from kit.tui_bench import Bench, Sit
from strongroom.model.errors import VaultError
from strongroom_tui.screens.detail import ArchiveScreen
from strongroom_tui.screens.jobs import JobsTab
from strongroom_tui.screens.screen import TabScreen


def misspelt(tab: TabScreen) -> None:
    tab.query_one("#no-such-part", Static)


async def test_a_part_that_a_tab_never_had_is_a_fault(bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((NoMatches, WorkerFailed), match="no-such-part"):
        async with sit(bench) as seat:
            monkeypatch.setattr(JobsTab, "paint", misspelt)
            await seat.press("r")
    assert seat.app.return_code == 1


@pytest.mark.parametrize("trouble", [False, True], ids=["read", "refused"])
async def test_a_tab_that_was_left_meanwhile_is_none(
    bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch, *, trouble: bool
) -> None:
    async with sit(bench, tab="archives") as seat:
        await seat.press("enter")
        left = seat.app.screen
        assert isinstance(left, ArchiveScreen)
        look, shown = seat.app.reader.look, []

        async def look_and_leave(question: object, version: int | None) -> object:
            """Read, and meanwhile a person goes back: what was read is shown to a tab without its parts."""
            if seat.app.screen is not left:
                return await look(question, version)  # type: ignore[arg-type]  # any question
            found = await look(question, version)  # type: ignore[arg-type]  # any question
            seat.app.pop_screen()
            await left.query("*").remove()
            shown.append(left)
            if trouble:
                raise VaultError("the catalogue is gone")
            return found

        monkeypatch.setattr(seat.app.reader, "look", look_and_leave)
        await seat.press("r")
        assert shown == [left]
        monkeypatch.undo()
        await seat.press("r")
        assert seat.app.is_running
        assert "Archives" in seat.text


async def test_a_row_that_cannot_be_read_is_named_over_all_the_others(bench: Bench, sit: Sit) -> None:
    with bench.vault.catalogue.transaction():
        bench.vault.catalogue.write("UPDATE jobs SET cause = 'nosuch' WHERE id = (SELECT max(id) FROM jobs)")
        bench.vault.catalogue.write("UPDATE archives SET manifest = '{' WHERE id = (SELECT max(id) FROM archives)")
    async with sit(bench, size=(80, 24)) as seat:
        assert "run strongroom recover: the row" in seat.text
        assert "of jobs" in seat.text
        assert "sealed" in seat.text
        await seat.press("4")
        assert "run strongroom recover: the row" in seat.text
        assert "1.2 MB" in seat.text
