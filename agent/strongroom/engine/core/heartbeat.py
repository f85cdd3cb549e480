"""Live progress of one transfer, written for other processes to see, at most twice a second.

The daemon's heartbeat in the catalogue: how the command line and the screen know that somebody is working.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.model.times import format_instant, parse_instant
from strongroom.vault.catalogue import PUT_FACT, read_fact
from strongroom.vault.vault import Vault

STANDING_BY = "standing by: "  # how the words of a daemon begin that waits for a right clock (model/alert.py)
STALE = timedelta(seconds=90)


class Heartbeat(Struct, frozen=True):
    """When the daemon last said that it lives, and what it said."""

    at: datetime
    pid: int
    words: str  # what it is doing, one line

    def fresh(self, now: datetime) -> bool:
        """Say whether it is recent enough to believe in."""
        return now - self.at < STALE


def stands_by(vault: Vault) -> str:
    """Return what the daemon says against the clock, while it serves no request; empty where it said nothing."""
    told = last_heartbeat(vault)
    return told.words if told is not None and told.words.startswith(STANDING_BY) else ""


def beat(vault: Vault, now: datetime, pid: int, words: str) -> None:
    """Write the heartbeat."""
    told = json.dumps({"at": format_instant(now), "pid": pid, "words": words})
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, "heartbeat", told)


def last_heartbeat(vault: Vault) -> Heartbeat | None:
    """Return the newest heartbeat, or None when no daemon ever ran."""
    return read_fact(vault.catalogue, "heartbeat", _heartbeat)


def _heartbeat(text: str) -> Heartbeat:
    told = json.loads(text)
    return Heartbeat(parse_instant(told["at"]), int(told["pid"]), str(told["words"]))
