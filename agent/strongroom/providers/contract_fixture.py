"""Looking for a secret where it must not show: in an error and all behind it, and in whatever is logged meanwhile.

The simulated provider that the contract asks for, and what has to go wrong there.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct

from strongroom.model.errors import (
    AuthRefused,
    LinkDead,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    StrongroomError,
    TransferError,
    Transient,
    Unanswered,
)
from strongroom.model.plan import ExportSpec
from strongroom.providers.port import Provider


def leaks(error: BaseException, *canaries: str) -> list[str]:
    """Return where a canary shows: text, repr, attributes or tracebacks of the error and all behind it."""
    found, waiting = [], [error]
    while waiting:
        current = waiting.pop()
        texts = {
            "str": str(current),
            "repr": repr(current),
            "vars": repr(vars(current)),
            "traceback": "".join(traceback.format_exception(current)),
        }
        found += [
            f"{type(current).__name__}.{name}" for name, text in texts.items() if any(c in text for c in canaries)
        ]
        waiting += [behind for behind in (current.__cause__, current.__context__) if behind is not None]
    return found


class Tape(logging.Handler):
    """Keeps every record of every logger, at every level."""

    def __init__(self) -> None:
        super().__init__(0)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, whatever is in it."""
        self.text += f"{record.name} {record.getMessage()} {record.args!r} {record.__dict__!r}\n"


@contextmanager
def taped() -> Iterator[Tape]:
    """Listen to everything, with every logger that exists turned to DEBUG."""
    tape, root = Tape(), logging.getLogger()
    loggers = [root, *(item for item in logging.Logger.manager.loggerDict.values() if isinstance(item, logging.Logger))]
    levels = [(logger, logger.level) for logger in loggers]
    root.addHandler(tape)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield tape
    finally:
        root.removeHandler(tape)
        for logger, level in levels:
            logger.setLevel(level)


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class World(Protocol):
    """One provider, simulated, and the adapter that talks to it. A new one for each test, with no export in it."""

    provider: Provider
    spec: ExportSpec  # of a window that has records, more than 4,000 bytes of them in each file
    canaries: tuple[str, ...]  # the API key as it is sent, and what every link token begins with
    credential_headers: tuple[str, ...]  # lower case

    def finish(self) -> None:
        """Let every requested export be ready, on a clock that both sides use."""

    def expire(self) -> None:
        """Let every export reach the end of its life."""

    def spoil_create(self, how: str) -> None:
        """Make the next create go wrong: a key of CREATES. A number is the status of the answer."""

    def spoil_download(self, how: str) -> None:
        """Make the next download go wrong: a key of DOWNLOADS. Cuts come behind byte 3,000."""

    def spoil_odd_download(self, how: str) -> None:
        """Make every further download odd: a key of ODD_DOWNLOADS."""

    def spoil_answers(self, how: str) -> bool:
        """Make every further answer odd: one of ODD_ANSWERS. Return False where this provider has no such answers.

        A list without end must end by at most 50 pages, or by less than 100 seconds where each takes a second.
        """

    def requests(self) -> int:
        """Count the requests that arrived anywhere."""

    def creates(self) -> int:
        """Count the create requests that arrived."""

    def exports(self) -> int:
        """Count the exports that were ever made at the provider."""

    def away(self) -> Sequence[dict[str, str]]:
        """Return the headers of every request that reached another origin than the API; names in lower case."""


CREATES: dict[str, tuple[type[ProviderError], int]] = {
    "400": (RequestRefused, 0),
    "401": (AuthRefused, 0),
    "402": (AuthRefused, 0),
    "403": (AuthRefused, 0),
    "404": (NotOffered, 0),
    "408": (Unanswered, 0),
    "409": (Unanswered, 0),
    "410": (NotOffered, 0),
    "422": (RequestRefused, 0),
    "429": (QuotaExceeded, 0),
    "500": (Unanswered, 0),
    "501": (NotOffered, 0),
    "502": (Unanswered, 0),
    "503": (Unanswered, 0),
    "500 after": (Unanswered, 1),
    "503 after": (Unanswered, 1),
    "reset": (Unanswered, 0),
    "reset after": (Unanswered, 1),
    "hang": (Unanswered, 0),
    "hang after": (Unanswered, 1),
}
"""How a create goes wrong: the error, and how many exports exist afterwards. "after": the work was done first."""

DOWNLOADS: dict[str, type[StrongroomError] | None] = {
    "cut": None,
    "cut and reset": None,
    "cut, new etag": TransferError,
    "cut, wrong range": TransferError,
    "cut without length": None,
    "longer": TransferError,
    "redirect": None,
    "redirect across": None,
    "too many redirects": Transient,
    "403": LinkDead,
    "404": LinkDead,
    "500": Transient,
    "html": TransferError,
    "xml": LinkDead,
    "reset": Transient,
}
"""How a download goes wrong: the error, or None where it must come out whole all the same."""


ODD_DOWNLOADS: dict[str, bool] = {
    "label identity": False,
    "label aws-chunked": False,
    "label UTF-8": False,
    "empty label": False,
    "label gzip": False,
    "coded": True,
    "coded in two members": True,
    "coded without label": True,
    "coded, label aws-chunked": True,
    "coded and cut": True,
    "type of a web page": False,
    "type of a document": False,
    "no type": False,
}
"""Sound files with odd headers, which must come out whole; and whether their bytes come gzip-coded."""

ODD_ANSWERS = (
    "zero times",  # times at which exports and links end are in the year 1
    "raw link",  # a link has a space and a letter beyond ASCII, not escaped
    "foreign link",  # a link leads to a private address
    "empty page",  # the list begins with an empty page that leads on
    "endless list",  # the list leads on for ever, to empty pages
    "slow endless list",  # the same, and each answer takes a second of the monotonic clock
)
"""Odd answers of an API, each of which was seen somewhere."""


class Sink(Struct):
    """Takes bytes."""

    data: bytes = b""

    def __call__(self, chunk: bytes) -> None:
        """Take the next of them."""
        self.data += chunk


def never() -> bool:
    """Never ask a download to stop."""
    return False
