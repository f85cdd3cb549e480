"""Legal holds in the catalogue. A hold is placed once and released once; nothing about it is ever changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec.structs import replace

from strongroom.model.archive import Archive
from strongroom.model.hold import Hold, HoldRule, Subject, catches
from strongroom.model.names import Noun
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.retention_records import record_of
from strongroom.vault.rows import (
    RowUnreadable,
    leave_out,
    readable,
    reads,
    to_instant,
    to_instant_or_none,
    to_text,
    to_text_or_none,
)
from strongroom.vault.streams import renames

_HOLD = (
    "id, matter, source, stream, dataset, range_start, range_end, archives, placed_at, placed_by, reason, released_at, "
    "released_by, release_reason"
)
PUT_HOLD = f"INSERT INTO holds ({_HOLD}) VALUES ({', '.join('?' * 14)})"
RELEASE_HOLD = """
UPDATE holds SET released_at = ?, released_by = ?, release_reason = ? WHERE id = ? AND released_at IS NULL
"""
RELEASED = "SELECT released_at, released_by, release_reason FROM holds WHERE id = ?"
HOLD = f"SELECT {_HOLD} FROM holds WHERE id = ?"
HOLDS = f"SELECT {_HOLD} FROM holds ORDER BY placed_at, id"
HOLDS_STANDING = f"SELECT {_HOLD} FROM holds WHERE released_at IS NULL ORDER BY placed_at, id"
HOLD_IDS_LIKE = "SELECT id FROM holds WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3"


def put_hold(catalogue: Catalogue, hold: Hold) -> None:
    """Write a new hold; inside a transaction."""
    rule = hold.rule
    row = (
        hold.id,
        hold.matter,
        rule.source,
        rule.stream,
        rule.dataset,
        to_text_or_none(rule.start),
        to_text_or_none(rule.end),
        json.dumps(rule.archives),
        to_text(hold.placed_at),
        hold.placed_by,
        hold.reason,
        to_text_or_none(hold.released_at),
        hold.released_by,
        hold.release_reason,
    )
    catalogue.write(PUT_HOLD, *row)
    catalogue.confirm(HOLD, hold.id, expected=row)


def release_hold(catalogue: Catalogue, hold_id: str, at: datetime, by: str, reason: str) -> bool:
    """Release a standing hold; inside a transaction. Says False, and changes nothing, where it does not stand."""
    if not catalogue.write(RELEASE_HOLD, to_text(at), by, reason, hold_id):
        return False
    catalogue.confirm(RELEASED, hold_id, expected=(to_text(at), by, reason))
    return True


def get_hold(catalogue: Catalogue, hold_id: str) -> Hold | None:
    """Return the hold with exactly this id."""
    row = catalogue.read_one(HOLD, hold_id)
    return None if row is None else with_names(catalogue, [_hold(row)])[0]


def holds(catalogue: Catalogue, *, active: bool = True) -> list[Hold]:
    """Return the holds that stand, or with `active` off all there ever were; oldest first.

    Where a list may leave out what cannot be read (`leaving_out`), a standing hold that cannot be read is named and
    covers the whole vault.
    """
    rows = catalogue.read(HOLDS_STANDING if active else HOLDS)
    found = [hold for row in rows if (hold := _cautious(row, active=active)) is not None]
    return with_names(catalogue, found)


def listed_holds(catalogue: Catalogue, *, active: bool = True) -> list[Hold]:
    """Return the holds as `holds` does, for a list that is only shown: one that cannot be read may be left out."""
    rows = catalogue.read(HOLDS_STANDING if active else HOLDS)
    return with_names(catalogue, readable(rows, _hold))


def with_names(catalogue: Catalogue, found: Iterable[Hold]) -> list[Hold]:
    """Return holds with every name that their streams and sources have, or had."""
    known = renames(catalogue)
    return [
        replace(
            each,
            also_streams=known.also(Noun.STREAM, each.rule.stream),
            also_sources=known.also(Noun.SOURCE, each.rule.source),
        )
        for each in found
    ]


def holds_on(catalogue: Catalogue, archive: Archive | Subject) -> list[Hold]:
    """Return the standing holds that catch this archive."""
    subject = record_of(archive) if isinstance(archive, Archive) else archive
    return [hold for hold in holds(catalogue) if catches(hold, subject)]


def matching_hold_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids that begin or end with what a person typed, in any case."""
    return [row["id"] for row in catalogue.read(HOLD_IDS_LIKE, part.lower())]


def _cautious(row: sqlite3.Row, *, active: bool) -> Hold | None:
    try:
        return _hold(row)
    except RowUnreadable as error:
        if not leave_out(error):
            raise
    everything = Hold(str(row["id"]), "cannot be read", HoldRule(), datetime.min.replace(tzinfo=UTC), "", "")
    return everything if active else None


@reads("holds", "id")
def _hold(row: sqlite3.Row) -> Hold:
    return Hold(
        id=row["id"],
        matter=row["matter"],
        rule=HoldRule(
            source=row["source"],
            stream=row["stream"],
            dataset=row["dataset"],
            start=to_instant_or_none(row["range_start"]),
            end=to_instant_or_none(row["range_end"]),
            archives=tuple(json.loads(row["archives"])),
        ),
        placed_at=to_instant(row["placed_at"]),
        placed_by=row["placed_by"],
        reason=row["reason"],
        released_at=to_instant_or_none(row["released_at"]),
        released_by=row["released_by"],
        release_reason=row["release_reason"],
    )
