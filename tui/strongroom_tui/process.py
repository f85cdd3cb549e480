"""What every app here has: its colors, and an end that reports a fault without what the variables held.

The toolkit's own end prints the variables of every frame to the terminal: clear text of records, passphrases, opened
identities. Here the fault is raised when the terminal is back, for the one place that puts faults into words.

A line on the terminal while the vault is being opened, where that takes longer than a person expects.

The catalogue waits some ten seconds for a program that holds it. Until then the screen is not there yet, and a blank
terminal looks like one that hangs. The line is taken back before anything else is written.

The end of the process when it is told to stop, or when its terminal is gone: asked for first, then certain.

A program that is told to stop asks its app to leave. What hangs, a reading in a disk that does not answer or a writing
to a terminal that is gone, would hold the process for ever: Python waits for its threads. So after `PATIENCE` the
terminal is put back as it was, as far as that can be done, and the process ends without waiting for anybody.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import Any, Self, TextIO

from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme
from textual.app import App, ReturnType
from textual.await_complete import AwaitComplete
from textual.events import Event, MouseEvent
from textual.notifications import Notification, Notify
from textual.widget import AwaitMount

from strongroom_tui.widgets.themes import DEFAULT, PALETTES, keep_themes, next_theme


class GuardedApp(App[ReturnType]):
    """An app over what is confidential."""

    def __init__(self) -> None:
        super().__init__()
        keep_themes(self)
        self.theme = DEFAULT
        self.error_console = Console(stderr=True, quiet=True)  # where the toolkit prints the variables
        self._fault: BaseException | None = None
        self._asked_code: int | None = None  # what it was told to end with

    async def on_event(self, event: Event) -> None:
        """Pass an event on, unless the mouse is over what is removed and still drawn: there the toolkit fails."""
        if not (isinstance(event, MouseEvent) and self.screen_stack and self._is_removed_at(event)):
            await super().on_event(event)

    def _is_removed_at(self, event: MouseEvent) -> bool:
        widget, _offset = self.screen.get_widget_and_offset_at(int(event.x), int(event.y))
        return widget is not None and widget is not self.screen and widget.parent is None

    def pop_screen(self) -> AwaitComplete:
        """Leave the screen on top; the last one stays, however often a person presses Esc."""
        return super().pop_screen() if len(self.screen_stack) > 1 else AwaitComplete()

    @property
    def ansi_theme(self) -> TerminalTheme:
        """Return what the names of colors mean in the current theme."""
        return PALETTES.get(self.theme, super().ansi_theme)

    def action_next_theme(self) -> None:
        """Change the colors."""
        self.theme = next_theme(self.theme)
        self.notify(f"theme: {self.theme}", timeout=2)

    def bell(self) -> None:
        """Ring. The toolkit also rings while it handles what ends the app: this is kept, and nothing rings."""
        fault = sys.exc_info()[1]
        if fault is None or not self.return_code:
            super().bell()
        self._keep(fault)

    def panic(self, *renderables: RenderableType) -> None:
        """Keep what ends the app. The toolkit calls this for a fault that can draw itself."""
        self._keep(sys.exc_info()[1])
        super().panic(*renderables)

    def exit(
        self, result: ReturnType | None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave. From now on what the toolkit meets in screens that are half made is no fault of the program."""
        if self._asked_code is None:
            self._asked_code = return_code
        super().exit(result, return_code, message)

    @property
    def code(self) -> int:
        """Return what the process ends with."""
        return (self.return_code or 0) if self._asked_code is None else self._asked_code

    def raise_fault(self) -> None:
        """Raise what ended the app, if a fault did; to be called after it has ended."""
        if self._fault is not None:
            raise self._fault

    def _keep(self, fault: BaseException | None) -> None:
        if self._fault is None and self.return_code and self._asked_code is None:
            self._fault = fault


AFTER = 1.0  # seconds without an answer

WORDS = "opening the vault; another program may hold its catalogue: waiting …"

_TAKE_BACK = "\r\x1b[K"


@contextmanager
def waiting_notice(terminal: TextIO, after: float = AFTER) -> Iterator[None]:
    """Say on the terminal that the block takes longer than `after` seconds; the line is taken back with the block."""
    shown = threading.Event()

    def show() -> None:
        with suppress(OSError, ValueError):  # nobody is there to read it
            shown.set()
            terminal.write(WORDS)
            terminal.flush()

    timer = threading.Timer(after, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if shown.is_set():
            timer.join(1)  # so that the line is complete before it is taken back
            with suppress(OSError, ValueError):
                terminal.write(_TAKE_BACK)
                terminal.flush()


PATIENCE = 5.0  # seconds for the app to leave by itself

FAREWELL = 1.0  # seconds for the terminal to take the last bytes: one that was stopped with ctrl+s takes none

_REPORTS = (1000, 1002, 1003, 1004, 1006, 1015, 1016, 2004, 2048)  # the mouse, the focus, what is pasted, the size

_LAST = b"".join(b"\x1b[?%dl" % mode for mode in _REPORTS) + b"\x1b[<u\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"


class Ending:
    """Hears SIGTERM, SIGHUP and the loss of the terminal for as long as it stands around the work.

    The handlers are Python's own and not those of the event loop, which hears nothing while it is held up itself.
    `code` is what the process ends with where it must be ended; `last` says that nothing but its end comes afterwards.
    """

    def __init__(self, code: int, *, last: bool = True) -> None:
        self._code = code
        self._last = last
        self._terminal = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._before = _settings(self._terminal)
        self._leave: Callable[[], None] = lambda: None
        self._begun = threading.Event()
        self._over = threading.Event()
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Begin to listen."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._heard)
        if self._terminal is not None:
            threading.Thread(target=self._watch, args=(self._terminal,), name="terminal", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Listen no longer. What was begun stays certain, unless more is to be done than to end the process."""
        if not (self._begun.is_set() and self._last):
            self._over.set()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def asks(self, loop: asyncio.AbstractEventLoop, leave: Callable[[], None]) -> None:
        """Have the app asked with `leave`, on its loop."""

        def ask() -> None:
            with suppress(RuntimeError):  # the loop is closed: the app has left, and what hangs is behind it
                loop.call_soon_threadsafe(leave)

        self._leave = ask

    def begin(self) -> None:
        """Ask the app to leave, and see to it that the process ends."""
        if not self._begun.is_set():
            self._begun.set()
            threading.Thread(target=self._make_certain, name="ending", daemon=True).start()
        self._leave()

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self.begin()

    def _watch(self, terminal: int) -> None:
        """Wait until nobody is at the other end; a terminal that cannot be asked is not watched."""
        poll = select.poll()
        poll.register(terminal, 0)
        while not self._over.is_set():
            for _, event in poll.poll(500):
                if event & select.POLLNVAL:
                    return
                if event & (select.POLLHUP | select.POLLERR):
                    self.begin()
                    return

    def _make_certain(self) -> None:
        if not self._over.wait(PATIENCE):
            farewell = threading.Thread(target=self._put_back, daemon=True)
            farewell.start()
            farewell.join(FAREWELL)
            os._exit(self._code)

    def _put_back(self) -> None:
        """Give the terminal back, unless the app did: going back twice would move the cursor."""
        if self._terminal is None or self._before is None or _settings(self._terminal) in (None, self._before):
            return
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)
            os.write(self._terminal, _LAST)


def _settings(terminal: int | None) -> list[Any] | None:
    if terminal is None:
        return None
    try:
        return termios.tcgetattr(terminal)
    except termios.error:
        return None


TOASTS = 2
UNTIL_DISMISSED = 7 * 86_400.0  # seconds


class ToastingApp(GuardedApp[ReturnType]):
    """An app whose toasts do not pile up."""

    def __init__(self) -> None:
        super().__init__()
        self._toasts: list[Notification] = []

    def on_notify(self, event: Notify) -> None:
        """Make room for a message: the oldest gives way, and no message is shown twice."""
        shown = [each for each in self._toasts if not each.has_expired]
        twins = [each for each in shown if each.message == event.notification.message]
        others = [each for each in shown if each not in twins]
        for each in [*twins, *others[: max(0, len(others) - TOASTS + 1)]]:
            each.timeout = 0  # the toolkit drops what has expired when it shows the new one
        self._toasts = [each for each in others if each.timeout] + [event.notification]

    @property
    def toasting(self) -> bool:
        """Say whether a message is shown."""
        return any(not each.has_expired for each in self._toasts)

    def dismiss_toasts(self) -> None:
        """Drop the messages."""
        if self._toasts:
            self._toasts = []
            self.clear_notifications()

    def switch_mode(self, mode: str) -> AwaitMount:
        """Go to another tab, and drop the messages of this one."""
        self.dismiss_toasts()
        return super().switch_mode(mode)


CALM = 2.0  # seconds without a key

BETWEEN = 60.0  # seconds between two looks

SELDOM = 500  # lesser looks that a full one follows without a calm moment; usually 10


class GcControl:
    """The garbage collector of the process, held back while a person types."""

    def __init__(self, ticking: Callable[[], float] = monotonic) -> None:
        self._ticking = ticking
        self._typed = self._collected = ticking()

    def begin(self) -> None:
        """Let it work again, on what comes to be from now on."""
        gc.freeze()
        first, second, _third = gc.get_threshold()
        gc.set_threshold(first, second, SELDOM)
        gc.enable()

    def touch(self) -> None:
        """Hear that a person did something."""
        self._typed = self._ticking()

    def collect_if_idle(self) -> bool:
        """Look through everything where nobody would wait for it; say whether that was done."""
        now = self._ticking()
        if now - self._typed < CALM or now - self._collected < BETWEEN:
            return False
        gc.collect()
        self._collected = now
        return True
