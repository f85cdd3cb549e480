"""Work that takes longer than a moment: on a thread and vault of its own, its progress shown, always to be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static
from textual.worker import Worker

from strongroom.engine.access.fixity import Watch
from strongroom.engine.copies.reading import open_with_copies
from strongroom.engine.queries.lists import Vault
from strongroom.model.errors import Interrupted, StrongroomError, WorldError
from strongroom.model.text import clean
from strongroom.text.layout import bar
from strongroom.text.units import number, size, time_left
from strongroom_tui.dialogs.dialog import Answer
from strongroom_tui.dismissal import DismissibleScreen
from strongroom_tui.screens.screen import TabScreen, TextScreen
from strongroom_tui.screens.steps import ask
from strongroom_tui.widgets.footer import KeyFooter

_Answer = TypeVar("_Answer")

Work = Callable[[Vault, Watch], _Answer]
"""Does something with a vault and says how much more of it is done. Raises the StrongroomError family."""


class BackgroundWork(
    ModalScreen["_Answer | StrongroomError"], DismissibleScreen["_Answer | StrongroomError"], Generic[_Answer]
):
    """The progress of one piece of work; esc stops it. Returns the answer of the work, or what went wrong."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "stop", "stop", tooltip="Stop this work")]

    def __init__(
        self,
        title: str,
        total: int | None,
        work: Work[_Answer],
        *,
        unit: str = "",
        ticking: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__()
        self._title = clean(title)
        self._total = total
        self._work = work
        self._unit = unit  # what is counted, such as "record"; empty for bytes
        self._done = 0
        self._ticking = ticking
        self._began = ticking()
        self._stopped = False
        self._notes: list[str] = []  # what was read from a copy

    def compose(self) -> ComposeResult:
        """Put the title over the bar and the way to stop."""
        with Vertical(classes="box"):
            yield Static(Text(self._title, "bold"), markup=False)
            yield Static(id="amount", markup=False)
            with Horizontal(classes="buttons"):
                yield Answer("Stop", id="stop", compact=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin."""
        self.set_interval(0.2, self._paint)
        self._paint()
        _worker: Worker[None] = self.run_worker(self._run, group="long")

    def on_unmount(self) -> None:
        """Have the work stop when the screen is left by another way: its thread would go on alone."""
        self._stopped = True

    def action_stop(self) -> None:
        """Have the work stop at its next step."""
        self._stopped = True
        self._paint()

    @on(Button.Pressed)
    def _stop(self) -> None:
        self.action_stop()

    async def _run(self) -> None:
        try:
            answer = await asyncio.to_thread(self._do)
            for words in dict.fromkeys(self._notes):
                self.app.notify(words, severity="warning", markup=False)
            self.dismiss(answer)
        except Interrupted:
            self.dismiss(Interrupted(f"stopped: {self._title}; nothing was left behind"))
        except StrongroomError as error:
            self.dismiss(error)
        except OSError as error:
            hint = "free some space or choose another place, then try again"
            self.dismiss(WorldError(f"{self._title}: {error.strerror or error}", hint=hint))

    def _do(self) -> _Answer:
        tab = next(each for each in self.app.screen_stack if isinstance(each, TabScreen))
        with open_with_copies(tab.strongroom.reader.config, self._notes.append) as vault:
            return self._work(vault, self._watch)

    def _watch(self, count: int) -> None:
        if self._stopped:
            raise Interrupted("a person stopped it")
        self._done += count

    def _paint(self) -> None:
        seconds = self._ticking() - self._began
        words = "stopping …" if self._stopped else amount_words(self._done, self._total, seconds, self._unit)
        self.query_one("#amount", Static).update(Text(words))


async def work_on(tab: TabScreen, title: str, total: int | None, work: Work[_Answer], unit: str = "") -> _Answer:
    """Do work with its progress shown, and return its answer. Raises the StrongroomError family."""
    answer = await ask(tab, BackgroundWork(title, total, work, unit=unit))
    tab.strongroom.reread()
    if isinstance(answer, StrongroomError):
        raise answer
    return answer


async def show_work(
    tab: TabScreen, title: str, total: int | None, work: Work[_Answer], text: Callable[[_Answer], Text], unit: str = ""
) -> None:
    """Do work with its progress shown, then show what it came to on a screen of its own."""
    found = text(await work_on(tab, title, total, work, unit))
    tab.strongroom.keep_result(found.plain.split("\n", 1)[0])
    tab.app.push_screen(TextScreen(found))


def amount_words(done: int, total: int | None, seconds: float, unit: str = "") -> str:
    """Say how much is done of how much, how fast, and how long the rest takes; no rate from half a second or less."""

    def amount(count: int) -> str:
        return number(count, unit) if unit else size(count)

    rate = done / seconds if seconds > 0.5 else 0.0
    pace = f"  {amount(int(rate))}/s" if rate else ""
    if not total:
        return f"{amount(done)}{pace}" if done else "working …"
    share = min(1.0, done / total)
    left = time_left(total - done, rate)
    return f"{bar(share, 20)} {int(share * 100)}%\n{amount(done)} of {amount(total)}{pace}  {left}"
