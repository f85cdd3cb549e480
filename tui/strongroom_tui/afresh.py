"""Exporting a window again takes of the quota of its provider, which does not come back: it is asked first."""

from __future__ import annotations

from strongroom.engine.glance import Quota, quota_of
from strongroom.engine.requests import Wish
from strongroom.model.window import Window
from strongroom_tui.amounts import window_words
from strongroom_tui.deeds import ask_for
from strongroom_tui.dialog import Confirm
from strongroom_tui.glancewords import quota_words
from strongroom_tui.room import Room


def export_afresh(room: Room, subject: str, stream: str, source: str, window: Window) -> None:
    """Ask whether the window is to be exported again, beside what is there; `subject` is its archive or job."""

    def ask(quota: Quota) -> None:
        if room.is_current:  # whoever has gone elsewhere meanwhile is not called back
            words = afresh_words(stream, window, quota)
            room.app.push_screen(Confirm("Export this window again?", words, "Export it again"), answered)

    def answered(answer: str | None) -> None:
        if answer:
            ask_for(room, Wish.REGENERATE, subject)

    room.do(lambda desk: quota_of(desk.vault, source, desk.limits.get(source), desk.clock()), ask)


def afresh_words(stream: str, window: Window, quota: Quota) -> str:
    """Say what would be exported, of whom, and what is left of the quota it takes from."""
    return (
        f"{stream}  {window_words(window, 60)}\n"
        "It takes one export of what its source allows:\n"
        f"{quota_words(quota)}\n"
        "What is there stays; the new archive lies beside it."
    )
