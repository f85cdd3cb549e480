"""What is sent: notices put into words, twice. What leaves this machine names nothing unless that is wished for.

A title holds counts and dates alone by the rule of model/alarm.py; the body has the names. So the short form is the
titles, and the long form is titles and bodies. All news is one message: a bad night is one call, not forty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.health.notices import REMIND, Notice, notice_document
from strongroom.model.alarm import Level
from strongroom.model.counts import counted
from strongroom.model.instants import format_instant

SHOWN = 12  # notices in full; more are counted
WHICH = "Which ones: strongroom notify list"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to every channel."""

    severity: Level
    title: str
    short: str  # may leave the machine
    long: str
    notices: tuple[Notice, ...] = ()

    def text(self, *, full: bool) -> str:
        """Return the body, with names or without."""
        return self.long if full else self.short


def compose(notices: Sequence[Notice], now: datetime) -> Message:
    """Write one message about notices, of which the loudest comes first; there must be at least one."""
    lines = [_line(notice, now) for notice in notices]
    severity = max((_severity(notice) for notice in notices), key=lambda level: level.rank)
    title = lines[0] if len(lines) == 1 else f"{counted(len(lines), 'notice')}, the first: {lines[0]}"
    rest = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    short = [*lines[:SHOWN], *rest, WHICH]
    long = [f"{line}\n  {notice.body}" for line, notice in zip(lines[:SHOWN], notices, strict=False)]
    return Message(severity, f"Strongroom: {title}", "\n".join(short), "\n".join([*long, *rest]), tuple(notices))


def trial(now: datetime) -> Message:
    """Write the message of a test."""
    text = f"This is a test, sent at {format_instant(now)}. Nothing is wrong."
    return Message(Level.INFO, "Strongroom: test", text, text)


def document(message: Message) -> dict[str, object]:
    """Return a message as plain JSON values, as docs/notifications.md tells them."""
    return {
        "version": 1,
        "severity": message.severity.value,
        "title": message.title,
        "text": message.long,
        "notices": [notice_document(notice) for notice in message.notices],
    }


def _severity(notice: Notice) -> Level:
    return Level(notice.severity) if notice.cleared_at is None else Level.INFO


def _line(notice: Notice, now: datetime) -> str:
    if notice.cleared_at is not None:
        return f"over: {notice.title}"
    still = "still " if notice.told_at is not None and now - notice.raised_at >= REMIND else ""
    return f"{still}{notice.severity}: {notice.title}"
