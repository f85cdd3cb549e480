"""What an action says before, during and after: what is at stake, what came of it, and how that stays to be read."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from textual.widgets import Button, Input, Static

from kit.tui_bench import NOW, STREAMS, Bench, Seat, Sit, furnish
from kit.tui_vault import Place, fill, until
from kit.tui_views import configure, requested, toasts
from strongroom.model.errors import WorldError
from strongroom_tui.dialogs import restore as restoring
from strongroom_tui.dialogs.background_work import BackgroundWork
from strongroom_tui.dialogs.dialog import Dialog
from strongroom_tui.dialogs.help import HelpScreen, task_of, usable
from strongroom_tui.screens import holds
from strongroom_tui.screens.results import ResultsScreen

ASKED = {
    "cancel": ("jobs", ("x",), ("Window", "State", "Then", "Undo")),
    "re-export": ("archives", ("e",), ("1 archive · ", "records · ", "as delivered", "Quota", "Then", "Undo")),
    "hold": ("archives", ("H",), ("Covers", "1 archive", "without an end date", "Then", "Undo")),
    "release": ("retention", ("l", "x"), ("Smith", "4", "Placed", "Then", "Undo")),
    "restore": ("archives", ("R", "enter"), ("1 archive · ", "Period", "Nothing is ever overwritten", "Then", "Undo")),
    "hold a stream": ("retention", ("l", "a"), ("on which stream?", STREAMS[0])),
}
"""Each question of an action: where it is asked, by which keys, and what it says."""


@pytest.fixture
def house(empty: Bench) -> Bench:
    furnish(configure(empty))
    rule = holds.HoldRule(stream=STREAMS[0])
    person = holds.acting_person()
    holds.place(empty.vault, "Smith", rule, person, "a case", NOW, lambda count: b"q" * count)
    return empty


def in_sight(seat: Seat) -> None:
    """See that each field and each button of a dialog lies on the terminal, whole."""
    width, height = seat.app.size
    for each in (*seat.app.screen.query(Input), *seat.app.screen.query(Button)):
        if each.display:
            assert each.region.height > 0, each
            assert each.region.bottom < height, each  # above the line of keys
            assert each.region.right <= width, each


async def test_each_question_says_what_is_at_stake_and_fits(house: Bench, sit: Sit) -> None:
    async with sit(house, (80, 24), tab="jobs") as seat:
        for name, (tab, keys, said) in ASKED.items():
            seat.app.action_go(tab)
            await seat.settle()
            await seat.press(*keys)
            assert isinstance(seat.app.screen, Dialog), name
            for words in said:
                assert words in seat.text, (name, words)
            in_sight(seat)
            await seat.resize(40, 12)
            in_sight(seat)
            await seat.resize(80, 24)
            while len(seat.app.screen_stack) > 1:
                await seat.press("escape")
        assert requested(house) == []  # going back did nothing


async def test_a_result_stays_until_it_is_dismissed_and_is_listed(house: Bench, sit: Sit) -> None:
    async with sit(house, (120, 30), tab="archives") as seat:
        await seat.press("H")
        await fill(seat, "Jones")
        await fill(seat, "a reason")
        assert "on hold: 1 archive" in toasts(seat)
        assert all(each.timeout > 86_400 for each in seat.app._notifications)
        await seat.press("escape")
        assert toasts(seat) == ""
        await seat.press("M")
        assert isinstance(seat.app.screen, ResultsScreen)
        assert "✓  2026-11-20 14:03:07+01:00  on hold: 1 archive" in seat.text
        await seat.press("escape", "M", "M")
        assert len(seat.app.screen_stack) == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Free some space"),
        (WorldError("the disk is full", hint="free some space"), "the disk is full. Free some space"),
    ],
)
async def test_a_full_disk_is_told_with_the_next_step(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def full(*_given: object) -> None:
        raise error

    monkeypatch.setattr(restoring, "restore", full)
    async with place.sit() as seat:
        await seat.press("R", "enter")
        await fill(seat, str(tmp_path / "out.zip"))
        await until(seat, said.split(".")[0])
        assert said in str(seat.app.screen.query_one("#wrong", Static).content)
        assert seat.app.screen.query_one(Input).value == str(tmp_path / "out.zip")  # asked again
        await seat.press("escape", "M")
        assert "✗" in seat.text


async def test_work_that_is_left_by_its_button_stops(place: Place) -> None:
    leaves_the_processor = Event()

    def work(_vault: object, watch: Callable[[int], None]) -> None:
        while not leaves_the_processor.wait(0.001):  # nobody sets it: work that spins would keep the screen waiting
            watch(1)

    heard: list[object] = []
    async with place.sit((40, 12)) as seat:
        seat.app.push_screen(BackgroundWork("Something long", 10, work), heard.append)
        await seat.pilot.pause()
        in_sight(seat)
        assert await seat.pilot.click("#stop")
        await seat.settle()
        assert "nothing was left behind" in str(heard)


async def test_help_groups_every_key_by_what_a_person_wants(house: Bench, sit: Sit) -> None:
    async with sit(house, (120, 100), tab="archives") as seat:
        tasks = {task_of(each.binding.action) for each in usable(seat.app.screen)}
        promised = [each.tooltip or each.binding.description for each in usable(seat.app.screen)]
        await seat.press("question_mark")
        lines = [line.strip() for line in seat.text.splitlines()]
        for task in tasks:
            assert lines.count(task) == 1, task
        assert all(words in seat.text for words in promised)
        assert "tour" in seat.keys


async def test_the_tour_begins_from_the_help(house: Bench, sit: Sit) -> None:
    async with sit(house, (120, 60), tab="archives") as seat:
        await seat.press("question_mark")
        assert "Press t for a guided tour" in seat.text
        await seat.press("t")
        assert "1 of 10" in seat.text
        assert not isinstance(seat.app.screen, HelpScreen)
