"""The daemon's heartbeat in the catalogue: how the command line and the screen know that a daemon is running."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.model.times import format_instant, parse_instant
from strongroom.vault.catalogue import PUT_FACT, read_fact
from strongroom.vault.vault import Vault

STANDING_BY = "standing by: "  # how the words of a daemon begin that waits for a correct clock (model/alert.py)
STALE = timedelta(seconds=90)


class Heartbeat(Struct, frozen=True):
    """When the daemon last reported that it is running, and what it reported."""

    at: datetime
    pid: int
    words: str  # what it is doing, one line

    def fresh(self, now: datetime) -> bool:
        """Return whether it is recent enough to be believed."""
        return now - self.at < STALE


def stands_by(vault: Vault) -> str:
    """Return what a daemon reports that serves no request because of the clock; empty where none does."""
    last = last_heartbeat(vault)
    return last.words if last is not None and last.words.startswith(STANDING_BY) else ""


def beat(vault: Vault, now: datetime, pid: int, words: str) -> None:
    """Write the heartbeat."""
    body = json.dumps({"at": format_instant(now), "pid": pid, "words": words})
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, "heartbeat", body)


def last_heartbeat(vault: Vault) -> Heartbeat | None:
    """Return the newest heartbeat, or None when no daemon ever ran."""
    return read_fact(vault.catalogue, "heartbeat", _read)


def _read(text: str) -> Heartbeat:
    body = json.loads(text)
    return Heartbeat(parse_instant(body["at"]), int(body["pid"]), str(body["words"]))
