"""What a person asks of whoever works in the vault: a row that is written now and answered when somebody is at work."""

from __future__ import annotations

import getpass
import os

from strongroom.engine.readings import worked_on_by
from strongroom.engine.requests import Wish, ask
from strongroom_tui.desk import Deed, Desk


def person() -> str:
    """Return the name that this person's acts are written down under."""
    return getpass.getuser()


def wish(what: Wish, subject: str) -> Deed[str]:
    """Return the deed of asking for something; its answer is what to tell the person."""

    def asking(desk: Desk) -> str:
        ask(desk.vault, what, subject, person(), desk.clock, os.urandom)
        if worked_on_by(desk.vault):
            return f"asked: {what.value}"
        return f"asked: {what.value}; nobody works in the vault, so it waits for the daemon or the next run"

    return asking
