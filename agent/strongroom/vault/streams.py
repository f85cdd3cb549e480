"""What the vault remembers of a stream besides its plan, and renames of streams and sources.

Archives and tombstones keep the name that they came under. Coverage, jobs and classes are moved to the new name, so
that a window that is archived, lost or destroyed is not exported again because of a name. The log records which names
belong together.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.names import Noun, Renamed, Renames
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom.vault.catalogue import PUT_FACT, Catalogue
from strongroom.vault.log import entries_of_renames
from strongroom.vault.rows import (
    UNREADABLE,
    Rows,
    naming,
    text_list,
    to_instant,
    to_text,
    unreadable,
)

UNSETTLED = """
SELECT coverage.window_start AS window_start, coverage.window_end AS window_end, archives.durable_at AS durable_at
FROM coverage JOIN archives ON archives.id = coverage.archive
WHERE coverage.stream = ?1 AND coverage.cover IN ('proven', 'empty')
    AND coverage.window_end <= ?2 AND coverage.window_start >= ?3
    AND NOT EXISTS (
        SELECT 1 FROM jobs
        WHERE jobs.stream = ?1 AND jobs.purpose = 'settled'
            AND jobs.window_start = coverage.window_start AND jobs.window_end = coverage.window_end
    )
ORDER BY coverage.window_start LIMIT ?4
"""
COUNT_PLANNED = "SELECT count(*) AS count FROM jobs WHERE source = ? AND state = 'planned'"


class StreamState(Struct, frozen=True):
    """One stream, as of now."""

    name: str
    floor: datetime | None = None  # fixed when a plan without `since` was first seen
    since: datetime | None = None  # the start for which `edge` was worked out
    edge: datetime | None = None  # everything from `since` to here is proven, empty or lost
    paused: str = ""  # who paused it and when, or empty


_STREAMS = Rows(StreamState, "streams", "name")
STREAM = f"{_STREAMS.select} WHERE name = ?"
STREAMS = f"{_STREAMS.select} ORDER BY name"
PUT_STREAM = _STREAMS.upsert()


def get_stream(catalogue: Catalogue, name: str) -> StreamState:
    """Return what is known of a stream; nothing known is a fresh state."""
    return _STREAMS.read_one(catalogue.read_one(STREAM, name)) or StreamState(name)


def all_streams(catalogue: Catalogue) -> list[StreamState]:
    """Return every stream that something is known of."""
    return _STREAMS.read_all(catalogue.read(STREAMS))


def put_stream(catalogue: Catalogue, state: StreamState) -> None:
    """Remember a stream's state; inside a transaction."""
    catalogue.write(PUT_STREAM, *_STREAMS.values(state))


def unsettled_windows(
    catalogue: Catalogue, stream: str, settled_pass: timedelta, now: datetime, horizon: datetime, most: int
) -> list[Window]:
    """Return held windows whose second export is due: old enough, first exported before that, and not lost by now."""
    rows = catalogue.read(UNSETTLED, stream, to_text(now - settled_pass), to_text(horizon), most)
    found = []
    for row in rows:
        with naming("archives", stream, row["window_start"]):
            window = Window(to_instant(row["window_start"]), to_instant(row["window_end"]))
            if to_instant(row["durable_at"]) < window.end + settled_pass:
                found.append(window)
    return found


def count_planned(catalogue: Catalogue, source: str) -> int:
    """Count the jobs of a source for which nothing was requested yet."""
    row = catalogue.read_one(COUNT_PLANNED, source)
    return int(row["count"]) if row else 0


_COVERED = "SELECT DISTINCT stream FROM coverage"
_NEWEST_JOB = """
SELECT jobs.source, jobs.datasets, jobs.filters FROM coverage JOIN jobs ON jobs.id = coverage.job
WHERE coverage.stream = ? ORDER BY coverage.window_start DESC LIMIT 1
"""
_MOVE_COVERAGE = "UPDATE coverage SET stream = ?2 WHERE stream = ?1"
_MOVE_JOBS = "UPDATE jobs SET stream = ?2 WHERE stream = ?1"  # a retry or a re-export takes the name of its job
_MOVE_CLASSES = (
    "INSERT OR IGNORE INTO stream_classes (stream, class) SELECT ?2, class FROM stream_classes WHERE stream = ?1"
)
_DROP_STREAM = "DELETE FROM streams WHERE name = ?"


_OF_SOURCE = (
    "UPDATE jobs SET source = ?2 WHERE source = ?1",
    "UPDATE OR REPLACE asks SET source = ?2 WHERE source = ?1",
    "UPDATE OR REPLACE seen_exports SET source = ?2 WHERE source = ?1",
    "UPDATE OR REPLACE deletions SET source = ?2 WHERE source = ?1",
    "UPDATE OR REPLACE sources SET name = ?2 WHERE name = ?1",
)
_IN_USE = "SELECT 1 FROM coverage WHERE stream = ? LIMIT 1"
_ACCOUNT = "account of "
_ACCOUNTS = "SELECT name, value FROM vault WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name"
_PROVIDER = "SELECT json_extract(manifest, '$.provider') AS provider FROM archives WHERE source = ? LIMIT 1"


def renames(catalogue: Catalogue) -> Renames:
    """Return every rename that the log records, oldest first. Raises RowUnreadable for a line without one."""
    found = []
    for logged in entries_of_renames(catalogue):
        try:
            found.append(_read_rename(logged.body))
        except UNREADABLE as error:
            raise unreadable("entries", logged.seq) from error
    return Renames(tuple(found))


def _read_rename(body: dict[str, Any]) -> Renamed:
    facts = body["facts"]
    return Renamed(str(facts["from"]), str(facts["to"]), Noun(str(body["kind"]).partition(".")[0]))


def present_streams(catalogue: Catalogue) -> dict[str, str]:
    """Return the present name of each stream that was renamed, by each name that it had and that no other has now."""
    renamed = renames(catalogue)
    former = dict.fromkeys(each.old for each in renamed.made if each.noun is Noun.STREAM)
    return {old: renamed.present(Noun.STREAM, old) for old in former if not _covers(catalogue, old)}


def archived_as(catalogue: Catalogue, stream: str) -> tuple[str, ...]:
    """Return each name under which archives of a stream are in the vault, the present one first."""
    renamed = renames(catalogue)
    others = renamed.names_of(Noun.STREAM, stream)[1:]
    return (stream, *(each for each in others if not _covers(catalogue, each)))


def _covers(catalogue: Catalogue, stream: str) -> bool:
    return catalogue.read_one(_IN_USE, stream) is not None


def known_accounts(catalogue: Catalogue) -> dict[str, str]:
    """Return what each source's account is known by, as the last start left it."""
    rows = catalogue.read(_ACCOUNTS, _ACCOUNT)
    return {str(row["name"]).removeprefix(_ACCOUNT): str(row["value"]) for row in rows}


def put_accounts(catalogue: Catalogue, accounts: Mapping[str, str]) -> None:
    """Remember what each source's account is known by, where that is new; inside a transaction of its own."""
    known = known_accounts(catalogue)
    changed = {name: account for name, account in accounts.items() if known.get(name) != account}
    if changed:
        with catalogue.transaction():
            for name, account in changed.items():
                catalogue.write(PUT_FACT, f"{_ACCOUNT}{name}", account)


def move_source(catalogue: Catalogue, old: str, new: str) -> None:
    """Let all that goes by a source's name go by its new one; inside a transaction."""
    for query in _OF_SOURCE:
        catalogue.write(query, old, new)
    catalogue.write("UPDATE OR REPLACE vault SET name = ?2 WHERE name = ?1", f"{_ACCOUNT}{old}", f"{_ACCOUNT}{new}")


def provider_of(catalogue: Catalogue, source: str) -> str:
    """Return which provider a source's archives came from, or nothing where there are none."""
    row = catalogue.read_one(_PROVIDER, source)
    return str(row["provider"] or "") if row else ""


def covered_streams(catalogue: Catalogue) -> list[Stream]:
    """Return every stream in the coverage ledger, as its newest job requested it."""
    names = [row["stream"] for row in catalogue.read(_COVERED)]
    found = ((name, catalogue.read_one(_NEWEST_JOB, name)) for name in names)
    return [_stream_by(name, row) for name, row in found if row is not None]


def _stream_by(name: str, row: sqlite3.Row) -> Stream:
    with naming("jobs", name):
        filters = tuple((str(field), str(value)) for field, value in json.loads(row["filters"]))
        return Stream(name, row["source"], tuple(text_list(row["datasets"], "jobs", name)), filters)


def move_stream(catalogue: Catalogue, old: str, new: str) -> None:
    """Let all that goes by a stream's name go by its new one; inside a transaction."""
    for query in (_MOVE_COVERAGE, _MOVE_JOBS, _MOVE_CLASSES):
        catalogue.write(query, old, new)
    put_stream(catalogue, replace(get_stream(catalogue, old), name=new))
    catalogue.write(_DROP_STREAM, old)
