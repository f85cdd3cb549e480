"""What every screen has: a masthead, a footer, and words in its place where the terminal is too small.

A room poses a question and shows the answer. It reads nothing and does nothing by itself: the app carries questions and
deeds to the desk.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events
from textual.app import ComposeResult, RenderResult
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker

from strongroom.model.errors import StrongroomError
from strongroom_tui.reader import Deed, Question
from strongroom_tui.results import in_keys, told_error
from strongroom_tui.widgets.footer import KeyFooter
from strongroom_tui.widgets.header import StatusHeader

if TYPE_CHECKING:
    from strongroom_tui.host import Host
    from strongroom_tui.reader import Seen

LEAST_WIDTH, LEAST_HEIGHT = 40, 12
_Answer = TypeVar("_Answer")


class TooSmall(Widget):
    """Covers a screen that has no room for what it would show; the style sheet says when."""

    def render(self) -> RenderResult:
        """Say what is needed and how to leave."""
        width, height = self.app.size
        return f"terminal too small: {width}x{height}, needs {LEAST_WIDTH}x{LEAST_HEIGHT}; q quits"


class TabScreen(Screen[None]):
    """A full screen. Subclasses say what is in it, what they want to know, and how they show it."""

    MODE: ClassVar[str] = ""
    """Under which of the app's names for rooms it stands, where it is no room of its own: that of its list."""

    UNLOCKED: ClassVar[bool] = False
    """Whether it shows what only an opened identity can read, and so is left when the identity is forgotten."""

    # The base class declares both as they are here.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-thin"), (LEAST_WIDTH, "-broad"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (LEAST_HEIGHT, "-high")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self._last: Seen | None = None
        self._trouble = ""
        self._read_at: datetime | None = None
        self._unlocked = False  # an identity was open when the footer was made

    @property
    def strongroom(self) -> Host:
        """Return the app, as screens see it."""
        return cast("Host", self.app)

    @property
    def seen(self) -> Seen | None:
        """Return the last answer that belongs to what is asked now, or None."""
        return self._last if self._last is not None and self._last.question == self.question() else None

    def compose(self) -> ComposeResult:
        """Put the contents between masthead and footer, and the cover over all."""
        yield StatusHeader(self.strongroom.tabs, self.strongroom.current_mode)
        yield from self.contents()
        yield KeyFooter()
        yield TooSmall()

    def contents(self) -> ComposeResult:
        """Yield what is between the masthead and the footer."""
        yield from ()

    def question(self) -> Question | None:
        """Say what this room wants to know now; None where it wants nothing."""
        return None

    def paint(self) -> None:
        """Show the last answer, `self.seen`, in the room there is."""

    def show(self, seen: Seen | None, trouble: str) -> None:
        """Take an answer; with None the last one stays, and `trouble` is why the newest could not be had."""
        self._trouble = trouble
        if seen is not None:
            self._last, self._read_at = seen, self.strongroom.clock()
        self.repaint()

    def repaint(self) -> None:
        """Paint the masthead and the contents."""
        if self.is_mounted:
            self.paint_header()
            self.paint()

    def paint_header(self) -> None:
        """Paint the masthead alone."""
        if self.is_mounted:
            status, read_at = self._last.status if self._last else None, self._read_at or self.strongroom.clock()
            self.query_one(StatusHeader).show(status, self._trouble, read_at, self.strongroom.beside)
            if self._unlocked != self.strongroom.keyring.open:
                self._unlocked = not self._unlocked
                self.refresh_bindings()

    def on_mount(self) -> None:
        """Show at once that something is being read."""
        self.repaint()

    def on_resize(self, _event: events.Resize) -> None:
        """Fit everything to the new size."""
        self.call_after_refresh(self.repaint)

    def on_screen_resume(self) -> None:
        """Ask anew: the world went on while another room was looked at."""
        self._redraw_keys()
        self.strongroom.reread()

    def on_screen_suspend(self) -> None:
        """Leave the last line to what lies over this."""
        self._redraw_keys()

    def _redraw_keys(self) -> None:
        for line in self.query(KeyFooter):
            line.refresh()

    def do(
        self, deed: Deed[_Answer], then: Callable[[_Answer], None], trouble: Callable[[str], None] | None = None
    ) -> None:
        """Have something done at the desk, then go on here; what goes wrong is told in words, to `trouble` if given."""

        async def work() -> None:
            try:
                answer = await self.strongroom.reader.do(deed)
            except StrongroomError as error:
                if trouble is not None:
                    trouble(in_keys(f"{error.message}\n{error.hint}".strip()))
                else:
                    self.tell(told_error(error), bad=True)
                return
            then(answer)
            self.strongroom.reread()

        _worker: Worker[None] = self.strongroom.run_worker(work, group="deed")

    def copy(self, words: str) -> None:
        """Put something on the clipboard, and show what: not every terminal lets a program do that."""
        self.app.copy_to_clipboard(words)
        self.tell(f"copied, where the terminal allows it: {words}")

    def tell(self, words: str, *, bad: bool = False) -> None:
        """Say something for a few seconds, as plain text."""
        self.notify(words, severity="error" if bad else "information", markup=False, timeout=8 if bad else 5)
