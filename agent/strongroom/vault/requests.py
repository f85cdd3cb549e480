"""Requests: how the command line and the screen ask whoever works in the vault to act.

A request is a row. It waits while nobody works, is taken within a second otherwise, and keeps its answer.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import require_current
from strongroom.vault.rows import readable, reads, to_instant, to_instant_or_none, to_text

PUT_REQUEST = "INSERT INTO requests (id, at, wish, subject, by, accepted, answer) VALUES (?, ?, ?, ?, ?, 0, '')"
_REQUEST_COLUMNS = "id, at, wish, subject, by, done_at, accepted, answer"
REQUEST = f"SELECT {_REQUEST_COLUMNS} FROM requests WHERE id = ?"
REQUESTS_WAITING = f"SELECT {_REQUEST_COLUMNS} FROM requests WHERE done_at IS NULL ORDER BY at, id"
ANSWER_REQUEST = "UPDATE requests SET done_at = ?, accepted = ?, answer = ? WHERE id = ? AND done_at IS NULL"


class RequestKind(StrEnum):
    """What can be asked for."""

    RUN_NOW = "run-now"  # look for due windows at once; subject: a stream, or empty for all
    RETRY = "retry"  # subject: a failed job
    CANCEL = "cancel"  # subject: an unfinished job
    REGENERATE = "regenerate"  # subject: an archive, or a job
    PAUSE = "pause"  # subject: a stream or a source
    RESUME = "resume"  # subject: a stream or a source


class Request(Struct, frozen=True):
    """One wish and what became of it."""

    id: str
    at: datetime
    wish: RequestKind
    subject: str
    by: str  # who asked: a user's name
    done_at: datetime | None = None
    accepted: bool = False
    answer: str = ""


def put_request(catalogue: Catalogue, request: Request) -> None:
    """Write down a wish; inside a transaction. Raises VaultError where the catalogue is older than its log."""
    require_current(catalogue)
    catalogue.write(PUT_REQUEST, request.id, to_text(request.at), request.wish.value, request.subject, request.by)


def waiting_requests(catalogue: Catalogue) -> list[Request]:
    """Return the wishes that nobody has answered, oldest first."""
    return list(readable(catalogue.read(REQUESTS_WAITING), _request))


def get_request(catalogue: Catalogue, request_id: str) -> Request | None:
    """Return one wish."""
    row = catalogue.read_one(REQUEST, request_id)
    return _request(row) if row else None


def answer_request(catalogue: Catalogue, request: Request, at: datetime, *, accepted: bool, answer: str) -> None:
    """Write down what became of a wish; inside a transaction."""
    catalogue.write(ANSWER_REQUEST, to_text(at), int(accepted), answer, request.id)


@reads("requests", "id")
def _request(row: sqlite3.Row) -> Request:
    return Request(
        id=row["id"],
        at=to_instant(row["at"]),
        wish=RequestKind(row["wish"]),
        subject=row["subject"],
        by=row["by"],
        done_at=to_instant_or_none(row["done_at"]),
        accepted=bool(row["accepted"]),
        answer=row["answer"],
    )
