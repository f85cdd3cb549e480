"""A screen leaves once, with its own answer, whatever a person presses twice or a toolkit still draws."""

from __future__ import annotations

from contextlib import nullcontext, suppress

import pytest
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.command import CommandList
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Input, Static

from strongroom_tui.dialogs.dialog import AskLine, Confirm
from strongroom_tui.dialogs.help import Palette
from strongroom_tui.process import GuardedApp


class Desk(GuardedApp[None]):
    """An app with a line of text, and nothing else."""

    def compose(self) -> ComposeResult:
        yield Static("beneath")


async def test_two_submissions_at_once_answer_once_and_close_one_screen() -> None:
    app, answers = Desk(), []
    async with app.run_test() as pilot:
        app.push_screen(Screen())
        dialog = AskLine("Name", "words", value="typed")
        app.push_screen(dialog, answers.append)
        await pilot.pause()
        line = dialog.query_one("#line", Input)
        for _twice in range(2):
            line.post_message(Input.Submitted(line, line.value))
        await pilot.pause()
        assert answers == ["typed"]
        assert len(app.screen_stack) == 2


async def test_what_covers_a_screen_leaves_with_it() -> None:
    app, answers = Desk(), []
    async with app.run_test() as pilot:
        beneath, above = Confirm("Do it?", "words", "Do it"), Confirm("Really?", "words", "Do it")
        app.push_screen(beneath, lambda answer: answers.append(("beneath", answer)))
        app.push_screen(above, lambda answer: answers.append(("above", answer)))
        await pilot.pause()
        beneath.dismiss("yes")
        await pilot.pause()
        assert answers == [("above", None), ("beneath", "yes")]
        assert len(app.screen_stack) == 1
        beneath.dismiss("yes")
        await pilot.pause()
        assert len(answers) == 2 and len(app.screen_stack) == 1


async def test_an_answer_that_nobody_waits_for_any_more_closes_the_dialog_and_does_nothing() -> None:
    app = Desk()
    async with app.run_test() as pilot:
        dialog = AskLine("Name", "words", value="typed")

        async def wait() -> None:
            await app.push_screen_wait(dialog)

        waiting = app.run_worker(wait)
        await pilot.pause()
        assert app.screen is dialog
        waiting.cancel()
        await pilot.pause()
        dialog.dismiss("typed")
        await pilot.pause()
        assert app.is_running and app.screen is not dialog


async def test_esc_does_not_leave_the_last_screen() -> None:
    app = Desk()
    async with app.run_test() as pilot:
        for _press in range(2):
            app.pop_screen()
        await pilot.pause()
        assert app.is_running and len(app.screen_stack) == 1


@pytest.mark.parametrize("kind", [events.MouseDown, events.MouseMove, events.MouseUp])
async def test_the_mouse_over_what_was_removed_and_is_still_drawn_does_nothing(
    kind: type[events.MouseEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Desk()
    async with app.run_test() as pilot:
        gone = Static("removed")
        monkeypatch.setattr(Screen, "get_widget_and_offset_at", lambda *_place: (gone, gone.region.offset))
        app.post_message(kind(None, 1, 1, 0, 0, 1, False, False, False, 1, 1))
        await pilot.pause()
        assert app.is_running and app.return_code in (None, 0)


async def test_a_dialog_that_is_left_before_it_is_made_is_no_fault() -> None:
    app = Desk()
    async with app.run_test() as pilot:
        for _again in range(5):
            app.push_screen(Confirm("Do it?", "words", "Do it"))
            app.pop_screen()
            await pilot.pause()
        assert app.is_running and len(app.screen_stack) == 1


async def test_a_palette_that_is_left_before_it_is_made_is_no_fault() -> None:
    app = Desk()
    async with app.run_test() as pilot:
        for _again in range(5):
            app.push_screen(Palette())
            app.pop_screen()
            await pilot.pause()
            app.push_screen(Palette())
            await pilot.pause(0)
            app.pop_screen()
            await pilot.pause()
        assert app.is_running and len(app.screen_stack) == 1


async def test_a_click_on_a_line_of_the_palette_that_was_replaced_does_nothing() -> None:
    app = Desk()
    async with app.run_test() as pilot:
        app.push_screen(palette := Palette())
        await pilot.pause()
        found = palette.query_one(CommandList)
        gone = Style.from_meta({"option": found.option_count})
        found.post_message(events.Click(found, 1, 1, 0, 0, 1, False, False, False, 1, 1, gone))
        await pilot.pause()
        assert app.is_running and app.screen is palette


class HalfMade(Screen[None]):
    """A screen that is taken apart before it is whole."""

    def on_unmount(self) -> None:
        self.query_one("#nothing")


@pytest.mark.parametrize(("told", "code"), [(True, 130), (False, 1)])
async def test_a_half_made_screen_is_a_fault_unless_the_app_was_told_to_leave(*, told: bool, code: int) -> None:
    app = Desk()
    with suppress(NoMatches):  # the pilot raises what ended the app
        async with app.run_test() as pilot:
            app.push_screen(HalfMade())
            await pilot.pause()
            if told:
                app.exit(return_code=130)
            else:
                app.pop_screen()
            await pilot.pause()
    assert app.code == code
    with nullcontext() if told else pytest.raises(NoMatches):
        app.raise_fault()
