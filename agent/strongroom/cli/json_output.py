"""JSON for programs: one document, or one a line for a stream. Everything outside ASCII is escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime

from strongroom.cli.terminal import say
from strongroom.model.instants import format_instant

Document = Mapping[str, object]

PRINTED: ContextVar[bool] = ContextVar("printed", default=False)
"""Whether this command has printed JSON already: an error after that adds no second document."""


def put_document(document: Document) -> None:
    """Print one document."""
    PRINTED.set(True)
    say(json.dumps(document, indent=2, default=_plain))


def put_line(document: Document) -> None:
    """Print one document of a stream on a line of its own."""
    PRINTED.set(True)
    say(json.dumps(document, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value)
