"""What every screen has: a header, a footer, and words in its place where the terminal is too small.

A screen poses a question and shows the answer. It reads nothing and does nothing by itself: the app carries questions
and work to the thread that has the vault open. `Host` is all that a screen knows of the app.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from msgspec.structs import replace
from rich.text import Text
from textual import events
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import Worker

from strongroom.engine.queries.requests import RequestKind
from strongroom.model.errors import StrongroomError
from strongroom.model.times import Clock
from strongroom.text.layout import clip
from strongroom_tui.dismissal import DismissibleScreen
from strongroom_tui.keyring import Keyring
from strongroom_tui.places import Place
from strongroom_tui.reader import Question, VaultAction, VaultReader
from strongroom_tui.requests import Answers, SentRequest, send_request
from strongroom_tui.state import ListView
from strongroom_tui.widgets.breadcrumbs import Breadcrumbs
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.footer import KeyFooter
from strongroom_tui.widgets.header import Beside, StatusHeader
from strongroom_tui.widgets.text import error_text, hang, in_keys

if TYPE_CHECKING:
    from strongroom_tui.reader import Seen


class Host(Protocol):
    """The app, as its screens see it."""

    reader: VaultReader
    clock: Clock
    read_only: bool
    keyring: Keyring
    answers: Answers
    list_views: dict[str, ListView]
    zoom: str
    """How wide a cell of the coverage strip is."""

    @property
    def beside(self) -> Beside:
        """Return what the header shows besides the vault."""

    @property
    def current_mode(self) -> str:
        """Return the mode of the screen that is shown."""

    def visited(self, place: Place) -> None:
        """Take note of where a person is."""

    def reread(self) -> None:
        """Read the catalogue again as soon as possible."""

    def show_result(self, words: str, *, bad: bool = False) -> None:
        """Show what came of an action until a person dismisses it, and keep it in the list of results."""

    def keep_result(self, words: str, *, bad: bool = False) -> None:
        """Keep what came of an action in the list of results; it is shown elsewhere."""

    def dismiss_toasts(self) -> None:
        """Take the messages from the screen."""

    def show_keyring(self) -> None:
        """Show at once that an identity was opened or forgotten."""

    def action_lock(self) -> None:
        """Forget the identity that is open."""

    def open_list(self, mode: str, wanted: Filter | None = None) -> None:
        """Go to a tab; if it is a list and a filter is given, show what that lets through."""

    def run_worker(self, work: Callable[[], Awaitable[Any]], *, group: str, exit_on_error: bool = True) -> Worker[Any]:
        """Run something beside the screen."""


LEAST_WIDTH, LEAST_HEIGHT = 40, 12

_CRUMBS_FROM = 18  # lines of the terminal from which on there is room to say where one is

_Answer = TypeVar("_Answer")


class TooSmall(Widget):
    """Covers a screen that has no room for what it would show; the style sheet says when."""

    def render(self) -> RenderResult:
        """Say what is needed and how to leave."""
        width, height = self.app.size
        return f"terminal too small: {width}x{height}, needs {LEAST_WIDTH}x{LEAST_HEIGHT}; q quits"


class TabScreen(DismissibleScreen[None]):
    """A full screen. Subclasses say what is in it, what they want to know, and how they show it."""

    MODE: ClassVar[str] = ""
    """The name of its tab in the app; for a screen over a tab, that of its list."""

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

    def answer(self, kind: type[_Answer]) -> _Answer | None:
        """Return the answer to what is asked now, or None before it came."""
        seen = self.seen
        return seen.answer if seen is not None and isinstance(seen.answer, kind) else None

    def compose(self) -> ComposeResult:
        """Put the contents between header and footer, and the cover over all."""
        yield StatusHeader(self.strongroom.current_mode)
        yield Breadcrumbs()
        yield from self.contents()
        yield KeyFooter()
        yield TooSmall()

    def contents(self) -> ComposeResult:
        """Yield what is between the header and the footer."""
        yield from ()

    @property
    def place(self) -> Place | None:
        """Return what leads here again, or None where nothing does."""
        return Place(self.MODE) if self.MODE else None

    @property
    def crumb(self) -> str:
        """Return what this screen is called among those that lie over each other."""
        place = self.place
        if place is None:
            return "Records" if self.UNLOCKED else "Details"
        return f"{place.kind} {clip(place.key, 40)}" if place.key else place.kind.capitalize()

    def _show_crumbs(self) -> None:
        stack = self.app.screen_stack
        below = stack[: stack.index(self) + 1] if self in stack and self.app.size.height >= _CRUMBS_FROM else []
        names = [screen.crumb for screen in below if isinstance(screen, TabScreen)]
        self.query_one(Breadcrumbs).show(names)

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
        """Paint the header and the contents."""
        if self.is_mounted:
            self.paint_header()
            self.paint()

    def paint_header(self) -> None:
        """Paint the header alone."""
        if self.is_mounted:
            status, read_at = self._last.status if self._last else None, self._read_at or self.strongroom.clock()
            beside = replace(self.strongroom.beside, next_export=self._last.next_export if self._last else None)
            self.query_one(StatusHeader).show(status, self._trouble, read_at, beside)
            if self._unlocked != self.strongroom.keyring.open:
                self._unlocked = not self._unlocked
                self.refresh_bindings()

    def on_mount(self) -> None:
        """Show at once that something is being read."""
        self.repaint()

    def on_resize(self, _event: events.Resize) -> None:
        """Fit everything to the new size."""
        self._show_crumbs()
        self.call_after_refresh(self.repaint)

    def on_screen_resume(self) -> None:
        """Ask again: the vault may have changed while another tab was looked at."""
        self._redraw_keys()
        self._show_crumbs()
        if self.place is not None:
            self.strongroom.visited(self.place)
        self.strongroom.reread()

    def on_screen_suspend(self) -> None:
        """Leave the last line to what lies over this."""
        self._redraw_keys()

    def _redraw_keys(self) -> None:
        for line in self.query(KeyFooter):
            line.refresh()

    def do(
        self,
        action: VaultAction[_Answer],
        then: Callable[[_Answer], None],
        trouble: Callable[[str], None] | None = None,
    ) -> None:
        """Have something done with the vault, then go on here; errors are reported, or passed to `trouble`."""

        async def work() -> None:
            try:
                answer = await self.strongroom.reader.do(action)
            except StrongroomError as error:
                if trouble is not None:
                    trouble(in_keys(f"{error.message}\n{error.hint}".strip()))
                else:
                    self.report(error_text(error), bad=True)
                return
            then(answer)
            self.strongroom.reread()

        _worker: Worker[None] = self.strongroom.run_worker(work, group="action")

    def request(self, what: RequestKind, subject: str) -> None:
        """Send a request to the daemon, say so, and have its answer shown when it comes."""

        def sent(request: SentRequest) -> None:
            self.strongroom.answers.expect(request.request)
            self.report(request.words)

        self.do(send_request(what, subject), sent)

    def copy(self, words: str) -> None:
        """Put something on the clipboard, and show what: not every terminal lets a program do that."""
        self.app.copy_to_clipboard(words)
        self.report(f"copied (if your terminal allows it): {words}")

    def report(self, words: str, *, bad: bool = False) -> None:
        """Say something for a few seconds, as plain text; what went wrong stays until it is dismissed."""
        if bad:
            self.strongroom.show_result(words, bad=True)
        else:
            self.notify(words, markup=False, timeout=5)

    def finish(self, words: str) -> None:
        """Say what came of an action; it stays until it is dismissed, and in the list of results."""
        self.strongroom.show_result(words)


class TextPane(VerticalScroll, inherit_bindings=False):
    """Text to scroll through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "one line down", show=False),
        Binding("up,k", "scroll_up", "one line up", show=False),
        Binding("pagedown,space", "page_down", "one screen down", show=False),
        Binding("pageup", "page_up", "one screen up", show=False),
        Binding("home", "scroll_home", "to the top", show=False),
        Binding("end,G", "scroll_end", "to the end", show=False),
    ]

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text
        self._lines = sys.maxsize  # of the text as it was laid out last

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield Static(self._text, markup=False)

    def on_resize(self) -> None:
        """Break the lines again."""
        self._lines = sys.maxsize  # of another width: what they took before says nothing
        self._lay_out()

    def show(self, text: Text) -> None:
        """Show another text where the old one stood, scrolled as far."""
        if text != self._text:
            self._text = text
            self._lay_out()

    def _lay_out(self) -> None:
        """Break the lines, and have the screen laid out again only where the text was or gets longer than the pane."""
        text, room = hang(self._text, self.scrollable_content_region.width), self.scrollable_content_region.height
        before, self._lines = self._lines, text.plain.count("\n") + 1
        self.query_one(Static).update(text, layout=max(before, self._lines) > room)


class TextScreen(TabScreen):
    """A screen of text; esc leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "back")]

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def contents(self) -> ComposeResult:
        """Yield the text."""
        yield TextPane(self._text)

    def on_mount(self) -> None:
        """Give the keys to the text."""
        self.query_one(TextPane).focus()
