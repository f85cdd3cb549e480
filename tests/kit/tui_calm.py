"""When a screen has finished its work: every widget waits for a message, and nothing is left to draw.

The toolkit's own wait looks at the time that the process takes, in steps of 20 milliseconds: on a busy machine it sees
rest where there is none, and on an idle one most of a test is waiting. It also sends every widget a message to see it
answered, twelve times for a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import pytest
from rich.console import RenderableType
from textual._compositor import Compositor
from textual._context import active_app
from textual.app import App, ScreenStackError
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region
from textual.message_pump import MessagePump
from textual.pilot import Pilot

TURNS = 5_000  # of the event loop, after which a screen that never rests is taken as it is
QUIET = 3  # turns in a row in which nothing happens


_render = Compositor.render_update


class Frames:
    """What is drawn: a person looks at the picture once a key has had its effect, not at each one on the way."""

    drawn = 0  # how often anything changed in a picture
    hidden = False
    kept: ClassVar[WeakKeyDictionary[Compositor, set[Region]]] = WeakKeyDictionary()

    @classmethod
    @contextmanager
    def skipped(cls, app: App[object]) -> Iterator[None]:
        """Draw nothing for a while, and what changed at the end."""
        outer, cls.hidden = cls.hidden, True
        try:
            yield
        finally:
            cls.hidden = outer
        if not outer and app.is_running:
            app.screen._compositor_refresh()


def _render_seen(compositor: Compositor, *args: Any, **kwargs: Any) -> RenderableType | None:
    """Render what has changed, or keep in mind where that was."""
    kept = Frames.kept.setdefault(compositor, set())
    Frames.drawn += bool(compositor._dirty_regions)
    kept |= compositor._dirty_regions
    compositor._dirty_regions = set() if Frames.hidden else set(kept)
    if Frames.hidden:
        return None
    kept.clear()
    return _render(compositor, *args, **kwargs)


async def calm(*_times: float) -> None:
    """Wait until no widget of the app has a message to handle or something to draw."""
    app: App[object] = active_app.get()
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # nothing public says what waits to run
    quiet = 0
    for _ in range(TURNS):
        await asyncio.sleep(0)  # handlers go on, and what other threads sent comes in
        try:
            if not app.is_running or app._exception is not None:
                return
            if ready or (quiet == QUIET - 1 and not all(map(_idle, _pumps(app)))):
                quiet = 0
            elif app._resize_event is not None:
                app._check_resize()  # the toolkit waits a little, for the last size of several
                quiet = 0
            elif _draws(app):
                app.screen._on_timer_update()
                quiet = 0
            else:
                quiet += 1
        except ScreenStackError:
            return  # the app is leaving
        if quiet == QUIET:
            return


def _pumps(app: App[object]) -> list[MessagePump]:
    return [app, *(widget for screen in app.screen_stack for widget in screen.walk_children(with_self=True))]


def _idle(pump: MessagePump) -> bool:
    """Return whether a widget waits for its next message, or handles none any more."""
    queue = pump._message_queue
    return pump._closed or not pump._running or (queue.empty() and bool(queue.ready_event._waiters))


def _draws(app: App[object]) -> bool:
    screen = app.screen
    return bool(screen._layout_required or screen._repaint_required or screen._dirty_widgets or screen._callbacks)


async def _answered(pilot: Pilot[object], timeout: float = 0) -> bool:
    await calm()
    return True


_parse = Stylesheet._parse_rules
_parsed: dict[tuple[object, ...], list[RuleSet]] = {}


def _parse_once(sheet: Stylesheet, css: str, **where: Any) -> list[RuleSet]:
    """Parse a style sheet once for all apps that have the same colors."""
    key = (css, tuple(where.values()), frozenset(sheet._variables.items()))
    if key not in _parsed:
        _parsed[key] = _parse(sheet, css, **where)
    return _parsed[key]


def wait_for_messages(patch: pytest.MonkeyPatch) -> None:
    """Have the toolkit's pilot wait so, and draw as often as a person looks."""
    patch.setattr(Compositor, "render_update", _render_seen)
    patch.setattr(Pilot, "_wait_for_screen", _answered)
    patch.setattr(Stylesheet, "_parse_rules", _parse_once)
    for module in ("textual.app", "textual.pilot"):
        patch.setattr(f"{module}.wait_for_idle", calm)
