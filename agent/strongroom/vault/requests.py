"""Requests: how the command line and the screen ask the process that works in the vault to act.

A request is a row. It waits until a process works in the vault, is taken within a second then, and keeps its answer.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import require_current
from strongroom.vault.rows import Rows, to_text


class RequestKind(StrEnum):
    """What can be requested."""

    RUN_NOW = "run-now"  # look for pending windows at once; subject: a stream, or empty for all
    RETRY = "retry"  # subject: a failed job
    CANCEL = "cancel"  # subject: an unfinished job
    REGENERATE = "regenerate"  # a re-export; subject: an archive, or a job
    PAUSE = "pause"  # subject: a stream or a source
    RESUME = "resume"  # subject: a stream or a source


class Request(Struct, frozen=True):
    """One request and its answer."""

    id: str
    at: datetime
    wish: RequestKind
    subject: str
    by: str  # the name of the user who requested it
    done_at: datetime | None = None
    accepted: bool = False
    answer: str = ""


_REQUESTS = Rows(Request, "requests", "id")
PUT_REQUEST = _REQUESTS.insert
REQUEST = f"{_REQUESTS.select} WHERE id = ?"
REQUESTS_WAITING = f"{_REQUESTS.select} WHERE done_at IS NULL ORDER BY at, id"
ANSWER_REQUEST = "UPDATE requests SET done_at = ?, accepted = ?, answer = ? WHERE id = ? AND done_at IS NULL"


def put_request(catalogue: Catalogue, request: Request) -> None:
    """Write a new request; inside a transaction. Raises VaultError where the catalogue is older than its log."""
    require_current(catalogue)
    catalogue.write(PUT_REQUEST, *_REQUESTS.values(request))


def waiting_requests(catalogue: Catalogue) -> list[Request]:
    """Return the requests without an answer, oldest first."""
    return _REQUESTS.read_all(catalogue.read(REQUESTS_WAITING))


def get_request(catalogue: Catalogue, request_id: str) -> Request | None:
    """Return one request."""
    return _REQUESTS.read_one(catalogue.read_one(REQUEST, request_id))


def answer_request(catalogue: Catalogue, request: Request, at: datetime, *, accepted: bool, answer: str) -> None:
    """Write the answer to a request; inside a transaction."""
    catalogue.write(ANSWER_REQUEST, to_text(at), int(accepted), answer, request.id)
