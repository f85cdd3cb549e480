"""What the vault remembers of a source: whether it is paused, and what counts against its quota."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from strongroom.model.budget import HOUR, Usage
from strongroom.model.job import Cause, Job
from strongroom.model.provider import Listed, Standing
from strongroom.vault import queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_instant_or_none, to_text, to_text_or_none
from strongroom.vault.rows import reads

REMEMBERED = timedelta(days=30)  # how long an export is remembered that no list shows any more


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source, as of now."""

    name: str
    paused: str = ""  # why it is paused, or empty
    surveyed_at: datetime | None = None  # when its list was last read
    refused_until: datetime | None = None  # the provider's "not before"
    clock_skew: float | None = None  # seconds, the provider's clock minus ours
    refused_cause: Cause = Cause.NONE  # why nothing is to be asked before `refused_until`
    refused_words: str = ""


def get_source(catalogue: Catalogue, name: str) -> SourceState:
    """Return what is known of a source; nothing known is a fresh state."""
    row = catalogue.read_one(queries.SOURCE, name)
    return SourceState(name) if row is None else _source(row)


def read_skew(value: float | None) -> float | None:
    """Return a skew in seconds, as a row has it. Raises ArithmeticError for one that is no length of time."""
    return None if value is None else timedelta(seconds=value).total_seconds()


@reads("sources", "name")
def _source(row: sqlite3.Row) -> SourceState:
    return SourceState(
        name=row["name"],
        paused=row["paused"],
        surveyed_at=to_instant_or_none(row["surveyed_at"]),
        refused_until=to_instant_or_none(row["refused_until"]),
        clock_skew=read_skew(row["clock_skew"]),
        refused_cause=Cause(row["refused_cause"]),
        refused_words=row["refused_words"],
    )


def put_source(catalogue: Catalogue, state: SourceState) -> None:
    """Remember a source's state; inside a transaction."""
    catalogue.write(
        queries.PUT_SOURCE,
        state.name,
        state.paused,
        to_text_or_none(state.surveyed_at),
        to_text_or_none(state.refused_until),
        state.clock_skew,
        state.refused_cause.value,
        state.refused_words,
    )


def remember_ask(catalogue: Catalogue, job: Job, at: datetime) -> None:
    """Count a create against the quota from the moment it was intended; inside a transaction."""
    catalogue.write(queries.PUT_ASK, job.source, to_text(at), job.id)
    catalogue.write(queries.DROP_OLD_ASKS, job.source, to_text(at - 2 * HOUR))


def forget_ask(catalogue: Catalogue, job: Job) -> None:
    """Give the quota back: nothing was created; inside a transaction."""
    if job.asked_at is not None:
        catalogue.write(queries.DROP_ASK, job.source, to_text(job.asked_at), job.id)


def remember_list(catalogue: Catalogue, source: str, listed: Iterable[Listed], at: datetime) -> None:
    """Remember the exports on the provider's list, to count those that others made; inside a transaction."""
    for entry in listed:
        seen = entry.observation
        running = seen.standing in (Standing.QUEUED, Standing.RUNNING, Standing.UNKNOWN)
        catalogue.write(queries.PUT_SEEN, source, seen.ref, to_text_or_none(seen.created_at), int(running), to_text(at))
    catalogue.write(queries.FADE_UNSEEN, source, to_text(at))
    catalogue.write(queries.DROP_UNSEEN, source, to_text(at - REMEMBERED))


def seen_before(catalogue: Catalogue, job: Job) -> frozenset[str]:
    """Return the exports that were on the list before the job's create was intended: by the log's order, no clock's."""
    return frozenset(row["ref"] for row in catalogue.read(queries.SEEN_BEFORE, job.source, job.id))


def is_other_uncertain(catalogue: Catalogue, job: Job, since: datetime) -> bool:
    """Say whether another job of the source may have made an export without a name.

    One that was cancelled while it was uncertain counts when it had asked after `since`.
    """
    row = catalogue.read_one(queries.OTHERS_UNCERTAIN, job.source, job.id, to_text(since))
    return bool(row and row["count"])


def usage_of(catalogue: Catalogue, source: str, now: datetime) -> Usage:
    """Sum up what counts against a source's quota now."""
    ours = [to_instant(row["at"]) for row in catalogue.read(queries.ASKS_SINCE, source, to_text(now - HOUR))]
    seen = catalogue.read(queries.SEEN_EXPORTS, source, to_text(now - HOUR))
    created = [to_instant(row["created_at"]) for row in seen if row["created_at"] and not row["ours"]]
    row = catalogue.read_one(queries.RUNNING_OURS, source)
    running = (row["count"] if row else 0) + sum(row["running"] for row in seen if not row["known"])
    return Usage(created=ours + created, running=running, refused_until=get_source(catalogue, source).refused_until)
