"""What the vault remembers of a stream besides its plan: from where on it must be covered, and whether it is paused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant_or_none, to_text, to_text_or_none


@dataclass(frozen=True, slots=True)
class StreamState:
    """One stream, as of now."""

    name: str
    floor: datetime | None = None  # fixed when a plan without `since` was first seen
    paused: str = ""  # who paused it and when, or empty


def get_stream(catalogue: Catalogue, name: str) -> StreamState:
    """Return what is known of a stream; nothing known is a fresh state."""
    row = catalogue.read_one(queries.STREAM, name)
    return StreamState(row["name"], to_instant_or_none(row["floor"]), row["paused"]) if row else StreamState(name)


def all_streams(catalogue: Catalogue) -> list[StreamState]:
    """Return every stream that something is known of."""
    rows = catalogue.read(queries.STREAMS)
    return [StreamState(row["name"], to_instant_or_none(row["floor"]), row["paused"]) for row in rows]


def put_stream(catalogue: Catalogue, state: StreamState) -> None:
    """Remember a stream's state; inside a transaction."""
    catalogue.write(queries.PUT_STREAM, state.name, to_text_or_none(state.floor), state.paused)


def records_before(catalogue: Catalogue, stream: str, end: datetime, most: int) -> list[int]:
    """Return how many records the archives before an instant held, newest first."""
    return [row["records"] for row in catalogue.read(queries.RECORDS_BEFORE, stream, to_text(end), most)]


def count_planned(catalogue: Catalogue, source: str) -> int:
    """Count the jobs of a source that nothing has been asked for yet."""
    row = catalogue.read_one(queries.COUNT_PLANNED, source)
    return int(row["count"]) if row else 0
