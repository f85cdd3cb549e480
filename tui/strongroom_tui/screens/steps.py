"""An action of a person as one coroutine: it asks, has something done, and says what came of it.

A person who goes back, or is elsewhere by the time of the next question, ends the action; so does an error, which is
shown with its next step. A question is shown only over the screen that the action belongs to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, TypeVar

from textual.screen import Screen
from textual.worker import Worker, WorkerCancelled

from strongroom.model.errors import StrongroomError
from strongroom_tui.reader import VaultAction
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.text import error_text

STEPS = "steps"
"""The group of the workers that wait for a person."""

_Answer = TypeVar("_Answer")
_Tab = TypeVar("_Tab", bound=TabScreen)
_Given = ParamSpec("_Given")


class WentBack(Exception):
    """The person went back, or left the screen: nothing more is done."""


def steps(
    action: Callable[Concatenate[_Tab, _Given], Awaitable[None]],
) -> Callable[Concatenate[_Tab, _Given], None]:
    """Return the action as one that returns at once and goes on beside the screen."""

    @wraps(action)
    def begin(tab: _Tab, /, *args: _Given.args, **named: _Given.kwargs) -> None:
        async def run() -> None:
            try:
                await action(tab, *args, **named)
            except WentBack:
                pass
            except StrongroomError as error:
                tab.report(error_text(error), bad=True)

        tab.strongroom.dismiss_toasts()  # what came of the action before would lie over the question of this one
        # Not a coroutine: one that belongs to a worker which never starts would be lost.
        _worker: Worker[None] = tab.strongroom.run_worker(run, group=STEPS)

    return begin


async def ask(tab: TabScreen, dialog: Screen[_Answer]) -> _Answer:
    """Show a dialog over the screen and return its answer. Raises WentBack where there is none."""
    if not tab.is_current:
        raise WentBack
    answer = await tab.app.push_screen_wait(dialog)
    if answer is None:
        raise WentBack
    return answer


async def perform(tab: TabScreen, action: VaultAction[_Answer]) -> _Answer:
    """Have something done with the vault, and the screen read anew. Raises the StrongroomError family."""
    return await beside(tab, partial(tab.strongroom.reader.do, action))


async def beside(tab: TabScreen, work: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Have work done while the screen goes on. Raises the StrongroomError family."""
    found: list[_Answer] = []
    wrong: list[StrongroomError] = []

    async def run() -> None:
        try:
            found.append(await work())
        except StrongroomError as error:
            wrong.append(error)

    try:
        await tab.strongroom.run_worker(run, group="action").wait()
    except WorkerCancelled:  # the screen is being left
        raise WentBack from None
    for error in wrong:
        raise error
    tab.strongroom.reread()
    return found[0]
