"""Requests for erasure in the catalogue."""

from __future__ import annotations

import json
import sqlite3

from strongroom.model.erasure import Erasure, ErasureState
from strongroom.vault.catalogue import Catalogue, to_instant, to_instant_or_none, to_text, to_text_or_none
from strongroom.vault.rows import readable, reads

_ERASURE = "id, at, state, ground, subject, salt, subject_hash, archives, overrides, answered_at, answer"
PUT_ERASURE = f"""
INSERT INTO erasures ({_ERASURE}) VALUES ({", ".join("?" * 11)})
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, subject = excluded.subject, salt = excluded.salt, archives = excluded.archives,
    answered_at = excluded.answered_at, answer = excluded.answer
"""
ERASURE = f"SELECT {_ERASURE} FROM erasures WHERE id = ?"
ERASURES_NEWEST = f"SELECT {_ERASURE} FROM erasures ORDER BY at DESC, id DESC LIMIT ?"
ERASURES_PENDING = f"SELECT {_ERASURE} FROM erasures WHERE state IN ('open', 'deferred') ORDER BY at, id"
ERASURE_IDS_LIKE = """
SELECT id FROM erasures WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3
"""


def put_erasure(catalogue: Catalogue, erasure: Erasure) -> None:
    """Write a request as it now stands; inside a transaction."""
    row = (
        erasure.id,
        to_text(erasure.at),
        erasure.state.value,
        erasure.ground,
        erasure.subject,
        erasure.salt,
        erasure.subject_hash,
        json.dumps(list(erasure.archives)),
        int(erasure.overrides),
        to_text_or_none(erasure.answered_at),
        erasure.answer,
    )
    catalogue.write(PUT_ERASURE, *row)
    catalogue.confirm(ERASURE, erasure.id, expected=row)


def get_erasure(catalogue: Catalogue, erasure_id: str) -> Erasure | None:
    """Return the request with exactly this id."""
    row = catalogue.read_one(ERASURE, erasure_id)
    return _erasure(row) if row else None


def newest_erasures(catalogue: Catalogue, most: int = 50) -> list[Erasure]:
    """Return requests, newest first."""
    return list(readable(catalogue.read(ERASURES_NEWEST, most), _erasure))


def pending_erasures(catalogue: Catalogue) -> list[Erasure]:
    """Return the requests that wait for their end, oldest first."""
    return list(readable(catalogue.read(ERASURES_PENDING), _erasure))


def matching_erasure_ids(catalogue: Catalogue, part: str) -> list[str]:
    """Return up to three ids of requests that begin or end with what a person typed."""
    return [row["id"] for row in catalogue.read(ERASURE_IDS_LIKE, part.lower())]


@reads("erasures", "id")
def _erasure(row: sqlite3.Row) -> Erasure:
    return Erasure(
        id=row["id"],
        at=to_instant(row["at"]),
        state=ErasureState(row["state"]),
        ground=row["ground"],
        subject=row["subject"],
        salt=row["salt"],
        subject_hash=row["subject_hash"],
        archives=tuple(json.loads(row["archives"])),
        overrides=bool(row["overrides"]),
        answered_at=to_instant_or_none(row["answered_at"]),
        answer=row["answer"],
    )
