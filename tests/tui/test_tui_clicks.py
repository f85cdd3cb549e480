"""No mouse is needed and no key is: each entry of the footer, each answer of a dialog, the same by either."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.command import CommandList
from textual.widgets import Button, Input

from kit.tui_bench import STREAMS, Bench, Seat, Sit
from kit.tui_views import configure
from strongroom_tui.app import StrongroomApp
from strongroom_tui.dialogs.dialog import AskLine, Choose, Confirm
from strongroom_tui.dialogs.help import Palette, usable
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.widgets.filter_line import FilterLine
from strongroom_tui.widgets.header import TABS

LEAVES = ("quit", "app.quit")
PATIENCE = 60.0  # seconds


class Acts:
    """What the app was made to do, by whatever means."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        run = StrongroomApp.run_action

        async def noted(app: StrongroomApp, action: object, *rest: object, **more: object) -> bool:
            self.done.append(str(action))
            return await run(app, action, *rest, **more)  # type: ignore[arg-type]  # whatever was given goes on

        monkeypatch.setattr(StrongroomApp, "run_action", noted)


async def come_to(seat: Seat, tab: str, keys: tuple[str, ...]) -> None:
    """Go where a test begins, from wherever the last step led."""
    while len(seat.app.screen_stack) > 1:
        seat.app.pop_screen()
    seat.app.action_go(tab)
    await seat.settle()
    screen = seat.app.screen
    if isinstance(screen, ListTab) and screen.order_shown != screen.usual_order():
        screen.sort_by(screen.usual_order().column)  # a click before this one sorted it
        await seat.settle()
    if "clear" in seat.keys:
        keys = ("escape", *keys)
    if any(line.display for line in seat.app.screen.query(FilterLine)):
        keys = ("escape", *keys)
    if keys:
        await seat.press(*keys)


async def click(seat: Seat, name: str) -> None:
    await seat.click_key(name)


WAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{tab.mode: (tab.mode, ()) for tab in TABS},
    "plan": ("schedules", ("enter",)),
    "job": ("jobs", ("enter",)),
    "archive": ("archives", ("enter",)),
    "holds": ("retention", ("l",)),
    "plans": ("retention", ("u",)),
}


@pytest.mark.slow
async def test_a_click_on_any_entry_of_the_footer_does_what_its_key_does(
    bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = Acts(monkeypatch)
    tried: set[tuple[str, str]] = set()
    async with sit(configure(bench), (200, 16)) as seat:
        for tab, keys in WAYS.values():
            await come_to(seat, tab, keys)
            for each in [each for each in usable(seat.app.screen) if each.binding.show]:
                # What is the same everywhere is tried once, what a list does with its row in every list.
                name = (each.binding.action, tab if each.binding.action == "select_cursor" else "")
                if name[0] not in LEAVES and name not in tried:
                    tried.add(name)
                    await come_to(seat, tab, keys)
                    acts.done.clear()
                    await click(seat, each.binding.description)
                    assert acts.done[:1] == [each.binding.action], (tab, each.binding.description)
    assert len(tried) > 30


async def test_what_has_no_entry_in_the_footer_is_two_clicks_away(
    bench: Bench, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with sit(bench, (120, 60), tab="archives") as seat:
        hidden = next(each for each in usable(seat.app.screen) if each.binding.action == "copy_archive")
        assert not hidden.binding.show
        await click(seat, "palette")
        assert isinstance(seat.app.screen, Palette)
        await choose(seat, hidden.binding.description.capitalize())
        assert "copied" in seat.text


async def choose(seat: Seat, title: str) -> None:
    """Click the line of the palette that begins with a title, once it stands there."""
    lines = seat.app.screen.query_one(CommandList)
    end = time.monotonic() + PATIENCE
    while not (found := [n for n, each in enumerate(lines.options) if str(each.prompt).startswith(title)]):
        assert time.monotonic() < end, title
        await seat.pilot.pause(0.02)
    lines.highlighted = found[0]  # brings it into view
    await seat.pilot.pause()
    line = next(n for n, text in enumerate(seat.text.splitlines()) if title in text)
    assert await seat.pilot.click(offset=(lines.region.x + 4, line))
    await seat.settle()


ANSWERS: dict[str, list[str | None]] = {
    "confirm": [None, "yes"],
    "choose": ["One", "Two", None],
    "line": ["x", "other", None],
}
"""What each button of a dialog answers, in their order."""


async def test_the_answers_of_every_dialog_are_keys_and_clicks(bench: Bench, sit: Sit) -> None:
    """Tab and Enter reach each button that a click reaches, and both give the same answer."""
    heard: list[object] = []
    dialogs: dict[str, Callable[[], Confirm | Choose | AskLine]] = {
        "confirm": lambda: Confirm("Really?", "words", "Do it"),
        "choose": lambda: Choose("Which?", "words", ("One", "Two")),
        "line": lambda: AskLine("What?", "words", value="x", instead=("Other", "other")),
    }
    async with sit(bench, (80, 14)) as seat:
        for name, make in dialogs.items():
            seat.app.push_screen(make(), heard.append)
            await seat.settle()
            ids = [str(button.id) for button in seat.app.screen.query(Button)]
            for each in ids:
                await tab_to(seat, each)
            await seat.press("escape")
            assert heard.pop() is None, name
            answers = []
            for each in ids:
                seat.app.push_screen(make(), heard.append)
                await seat.pilot.pause()
                assert await seat.pilot.click(f"#{each}")
                await seat.pilot.pause()
                answers.append(heard.pop())
            assert answers == ANSWERS[name]
            for each, answer in list(zip(ids, answers, strict=True))[-2:]:
                seat.app.push_screen(make(), heard.append)
                await seat.pilot.pause()
                await tab_to(seat, each)
                await seat.pilot.press("enter")
                await seat.pilot.pause()
                assert heard.pop() == answer, (name, each)


async def tab_to(seat: Seat, button: str) -> None:
    for _ in range(8):
        if seat.app.focused is not None and seat.app.focused.id == button:
            return
        await seat.pilot.press("tab")
    raise AssertionError(f"tab does not lead to {button}")


async def test_a_name_to_be_typed_is_wanted_of_the_mouse_as_well(bench: Bench, sit: Sit) -> None:
    heard: list[object] = []
    async with sit(bench) as seat:
        seat.app.push_screen(Confirm("Really?", "7 archives", "Destroy", typed="destroy 7"), heard.append)
        await seat.settle()
        await seat.pilot.click("#act")
        await seat.settle()
        assert heard == []
        assert isinstance(seat.app.screen, Confirm)
        await seat.pilot.click("#typed")
        assert isinstance(seat.app.focused, Input)
        await seat.press(*"destroy", "space", "7")
        await seat.pilot.click("#act")
        await seat.settle()
        assert heard == ["yes"]


async def test_a_name_is_typed_at_once_and_a_wrong_one_keeps_the_question(bench: Bench, sit: Sit) -> None:
    heard: list[object] = []
    async with sit(bench) as seat:
        seat.app.push_screen(Confirm("Really?", "7 archives", "Destroy", typed="destroy 7"), heard.append)
        await seat.settle()
        await seat.press(*"destroy", "space", "6", "enter")
        assert heard == []
        assert "that is not destroy 7" in seat.text
        await seat.press("backspace", "7", "enter", "enter")
        assert heard == ["yes"]


async def test_tabs_rows_and_the_form_are_reached_by_the_mouse_alone(bench: Bench, sit: Sit) -> None:
    async with sit(configure(bench), (120, 40), tab="schedules") as seat:
        line = next(n for n, text in enumerate(seat.text.splitlines()) if STREAMS[1] in text)
        for _ in range(2):  # the first click chooses the row, the second opens it
            await seat.pilot.click(offset=(5, line))
            await seat.settle()
        assert f"pending  {STREAMS[1]}" in seat.text or f"late  {STREAMS[1]}" in seat.text
        await click(seat, "edit")
        assert f"The plan of {STREAMS[1]}" in seat.text
        await seat.pilot.click("#field-priority")
        assert seat.app.focused is seat.app.screen.query_one("#field-priority", Input)
        await seat.pilot.click("#go")
        await seat.settle()
        assert "nothing was changed" in seat.text
        await click(seat, "back")
        await click(seat, "back")
        assert len(seat.app.screen_stack) == 1
