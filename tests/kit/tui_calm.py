"""When a screen has finished its work: every widget waits for a message, and nothing is left to draw.

The toolkit's own wait looks at the time that the process takes, in steps of 20 milliseconds: on a busy machine it sees
rest where there is none, and on an idle one most of a test is waiting. It also sends every widget a message to see it
answered, twelve times for a key.
"""

from __future__ import annotations

import asyncio

import pytest
from textual._context import active_app
from textual.app import App, ScreenStackError
from textual.message_pump import MessagePump
from textual.pilot import Pilot

TURNS = 5_000  # of the event loop, after which a screen that never rests is taken as it is
QUIET = 3  # turns in a row in which nothing happens


async def calm(*_times: float) -> None:
    """Wait until no widget of the app has a message to handle or something to draw."""
    app: App[object] = active_app.get()
    quiet = 0
    for _ in range(TURNS):
        await asyncio.sleep(0)  # handlers go on, and what other threads sent comes in
        try:
            if not app.is_running or app._exception is not None:
                return
            if not all(map(_idle, _pumps(app))):
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


def wait_for_messages(patch: pytest.MonkeyPatch) -> None:
    """Have the toolkit's pilot wait so."""
    patch.setattr(Pilot, "_wait_for_screen", _answered)
    for module in ("textual.app", "textual.pilot"):
        patch.setattr(f"{module}.wait_for_idle", calm)
