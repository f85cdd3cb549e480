"""Legal holds in the catalogue. A hold is placed once and released once; nothing about it is ever changed."""

from __future__ import annotations

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
    Rows,
    RowUnreadable,
    leave_out,
    to_text,
)
from strongroom.vault.streams import renames

_HOLDS = Rows(
    Hold,
    "holds",
    "id",
    names={"start": "range_start", "end": "range_end"},
    without=("also_streams", "also_sources"),
)
PUT_HOLD = _HOLDS.insert
RELEASE_HOLD = """
UPDATE holds SET released_at = ?, released_by = ?, release_reason = ? WHERE id = ? AND released_at IS NULL
"""
RELEASED = "SELECT released_at, released_by, release_reason FROM holds WHERE id = ?"
HOLD = f"{_HOLDS.select} WHERE id = ?"
HOLDS = f"{_HOLDS.select} ORDER BY placed_at, id"
HOLDS_STANDING = f"{_HOLDS.select} WHERE released_at IS NULL ORDER BY placed_at, id"


def put_hold(catalogue: Catalogue, hold: Hold) -> None:
    """Write a new hold; inside a transaction."""
    row = _HOLDS.values(hold)
    catalogue.write(PUT_HOLD, *row)
    catalogue.confirm(HOLD, hold.id, expected=row)


def release_hold(catalogue: Catalogue, hold_id: str, at: datetime, by: str, reason: str) -> bool:
    """Release an active hold; inside a transaction. Returns False, and changes nothing, where it is not active."""
    if not catalogue.write(RELEASE_HOLD, to_text(at), by, reason, hold_id):
        return False
    catalogue.confirm(RELEASED, hold_id, expected=(to_text(at), by, reason))
    return True


def get_hold(catalogue: Catalogue, hold_id: str) -> Hold | None:
    """Return the hold with exactly this id."""
    found = _HOLDS.read_one(catalogue.read_one(HOLD, hold_id))
    return None if found is None else with_names(catalogue, [found])[0]


def holds(catalogue: Catalogue, *, active: bool = True) -> list[Hold]:
    """Return the active holds, or with `active` off all holds ever placed; oldest first.

    Where a list may leave out what cannot be read (`leaving_out`), a standing hold that cannot be read is named and
    covers the whole vault.
    """
    rows = catalogue.read(HOLDS_STANDING if active else HOLDS)
    found = [hold for row in rows if (hold := _cautious(row, active=active)) is not None]
    return with_names(catalogue, found)


def listed_holds(catalogue: Catalogue, *, active: bool = True) -> list[Hold]:
    """Return the holds as `holds` does, for a list that is only shown: one that cannot be read may be left out."""
    rows = catalogue.read(HOLDS_STANDING if active else HOLDS)
    return with_names(catalogue, _HOLDS.read_all(rows))


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


def _cautious(row: sqlite3.Row, *, active: bool) -> Hold | None:
    try:
        return _HOLDS.read(row)
    except RowUnreadable as error:
        if not leave_out(error):
            raise
    everything = Hold(str(row["id"]), "cannot be read", HoldRule(), datetime.min.replace(tzinfo=UTC), "", "")
    return everything if active else None
