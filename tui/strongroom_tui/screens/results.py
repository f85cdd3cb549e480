"""What came of the last actions: shown until it is dismissed, and listed to be read again, the newest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual.binding import Binding, BindingType

from strongroom.model.text import clean
from strongroom.model.times import Clock
from strongroom.text.times import local
from strongroom_tui.process import UNTIL_DISMISSED, ToastingApp
from strongroom_tui.screens.screen import TextScreen
from strongroom_tui.widgets.text import in_keys

MOST = 50  # results that are kept; they are never written to the disk

_NONE = "Nothing was done yet. What comes of each action is listed here, the newest first, until you quit."


class ActionResult(Struct, frozen=True):
    """What came of one action, as it was shown."""

    at: datetime
    words: str
    bad: bool = False


class ActingApp(ToastingApp[None]):
    """An app that shows what came of actions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("M", "results", "results", show=False, tooltip="Show what came of the last actions"),
        Binding("escape", "dismiss", "dismiss", show=False, tooltip="Dismiss the result that is shown"),
    ]

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.results: deque[ActionResult] = deque(maxlen=MOST)  # the newest first

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to dismiss what is shown."""
        return self.toasting if action == "dismiss" else super().check_action(action, parameters)

    def show_result(self, words: str, *, bad: bool = False) -> None:
        """Show what came of an action until a person dismisses it, and keep it in the list of results."""
        words = in_keys(clean(words))
        self.keep_result(words, bad=bad)
        self.notify(words, severity="error" if bad else "information", markup=False, timeout=UNTIL_DISMISSED)

    def keep_result(self, words: str, *, bad: bool = False) -> None:
        """Keep what came of an action in the list of results; it is shown elsewhere."""
        self.results.appendleft(ActionResult(self.clock(), clean(words), bad))

    def action_dismiss(self) -> None:
        """Take the messages from the screen."""
        self.dismiss_toasts()

    def action_results(self) -> None:
        """Show what came of the last actions."""
        if not isinstance(self.screen, ResultsScreen):
            self.push_screen(ResultsScreen(self.results))


class ResultsScreen(TextScreen):
    """The results of this sitting."""

    def __init__(self, results: Iterable[ActionResult]) -> None:
        super().__init__(results_text(results))


def results_text(results: Iterable[ActionResult]) -> Text:
    """Return results, each with its time and a sign."""
    text = Text.assemble(("Results", "bold underline"), "\n\n")
    found = list(results)
    for each in found:
        mark, style = ("✗", "bold red") if each.bad else ("✓", "green")
        text.append(f"  {mark}  ", style).append(f"{local(each.at)}  {each.words.replace(chr(10), ' ')}\n")
    return text if found else text.append(f"  {_NONE}\n")
