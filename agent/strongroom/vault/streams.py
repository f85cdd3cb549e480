"""What the vault remembers of a stream besides its plan: from where on it must be covered, and whether it is paused."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.model.window import Window
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_instant_or_none, to_text, to_text_or_none
from strongroom.vault.rows import readable, reads


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream, as of now."""

    name: str
    floor: datetime | None = None  # fixed when a plan without `since` was first seen
    since: datetime | None = None  # the start for which `edge` was worked out
    edge: datetime | None = None  # everything from `since` to here is proven, empty or lost
    paused: str = ""  # who paused it and when, or empty


def get_stream(catalogue: Catalogue, name: str) -> StreamState:
    """Return what is known of a stream; nothing known is a fresh state."""
    row = catalogue.read_one(queries.STREAM, name)
    return _state(row) if row else StreamState(name)


def all_streams(catalogue: Catalogue) -> list[StreamState]:
    """Return every stream that something is known of."""
    return list(readable(catalogue.read(queries.STREAMS), _state))


def put_stream(catalogue: Catalogue, state: StreamState) -> None:
    """Remember a stream's state; inside a transaction."""
    since, edge = to_text_or_none(state.since), to_text_or_none(state.edge)
    catalogue.write(queries.PUT_STREAM, state.name, to_text_or_none(state.floor), since, edge, state.paused)


@reads("streams", "name")
def _state(row: sqlite3.Row) -> StreamState:
    return StreamState(
        name=row["name"],
        floor=to_instant_or_none(row["floor"]),
        since=to_instant_or_none(row["since"]),
        edge=to_instant_or_none(row["edge"]),
        paused=row["paused"],
    )


def unsettled_windows(
    catalogue: Catalogue, stream: str, settled_pass: timedelta, now: datetime, horizon: datetime, most: int
) -> list[Window]:
    """Return held windows whose second export is due: old enough, first exported before that, and not lost by now."""
    rows = catalogue.read(queries.UNSETTLED, stream, to_text(now - settled_pass), to_text(horizon), most)
    return [
        Window(to_instant(row["window_start"]), to_instant(row["window_end"]))
        for row in rows
        if to_instant(row["durable_at"]) < to_instant(row["window_end"]) + settled_pass
    ]


def count_planned(catalogue: Catalogue, source: str) -> int:
    """Count the jobs of a source that nothing has been asked for yet."""
    row = catalogue.read_one(queries.COUNT_PLANNED, source)
    return int(row["count"]) if row else 0
