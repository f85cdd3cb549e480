"""Exporting a window again takes of the quota of its provider, which does not come back: it is asked first."""

from __future__ import annotations

from msgspec import Struct

from strongroom.engine.monitor.system_status import Quota, quota_of
from strongroom.engine.queries.requests import RequestKind
from strongroom.model.window import Window
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.requests import ask_for
from strongroom_tui.screens.overview import quota_words
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.amounts import window_words


class Spending(Struct, frozen=True):
    """A wish that takes of a quota, and the words of its question."""

    wish: RequestKind
    title: str
    yes: str
    after: str  # what becomes of what is there


AFRESH = Spending(
    RequestKind.REGENERATE,
    "Export this window again?",
    "Export it again",
    "What is there stays; the new archive lies beside it.",
)
AGAIN = Spending(
    RequestKind.RETRY,
    "Try this failed window again?",
    "Try it again",
    "A new job takes its place; this one stays in the history as failed.",
)


def export_afresh(room: TabScreen, subject: str, stream: str, source: str, window: Window) -> None:
    """Ask whether the window is to be exported again, beside what is there; `subject` is its archive or job."""
    _ask(room, AFRESH, subject, stream, source, window)


def try_again(room: TabScreen, subject: str, stream: str, source: str, window: Window) -> None:
    """Ask whether the window of a failed job is to be exported again; `subject` is the job."""
    _ask(room, AGAIN, subject, stream, source, window)


def _ask(room: TabScreen, what: Spending, subject: str, stream: str, source: str, window: Window) -> None:
    def ask(quota: Quota) -> None:
        if room.is_current:  # whoever has gone elsewhere meanwhile is not called back
            words = spending_words(what, stream, window, quota)
            room.app.push_screen(Confirm(what.title, words, what.yes), answered)

    def answered(answer: str | None) -> None:
        if answer:
            ask_for(room, what.wish, subject)

    room.do(lambda session: quota_of(session.vault, source, session.limits.get(source), session.clock()), ask)


def spending_words(what: Spending, stream: str, window: Window, quota: Quota) -> str:
    """Say what would be exported, of whom, and what is left of the quota it takes from."""
    return (
        f"{stream}  {window_words(window, 60)}\n"
        "It takes one export of what its source allows:\n"
        f"{quota_words(quota)}\n"
        f"{what.after}"
    )
