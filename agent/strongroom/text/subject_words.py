"""What the command line says of a person's request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.model.subject import (
    CopyMade,
    ErasureRequested,
    IdentifierConfirmed,
    RequestAnswered,
    RequestExtended,
    RequestReceived,
    SubjectEntry,
)
from strongroom.model.text import counted
from strongroom.text.times import utc_day
from strongroom.text.units import short

if TYPE_CHECKING:
    from strongroom.engine.access.subject_search import Holding


def subject_entry(entry: SubjectEntry) -> str:
    """Say what was added to a request."""
    match entry.change:
        case RequestReceived():
            return f"received, with {', '.join(entry.change.identifiers)}"
        case IdentifierConfirmed():
            return f"confirmed: {entry.change.identifier} is of the same person"
        case RequestExtended():
            return f"extended by two months: {entry.change.reason}"
        case CopyMade():
            return f"copy written: {counted(entry.change.records, 'record')}"
        case ErasureRequested():
            return f"erasure request {short(entry.change.erasure)} recorded"
        case RequestAnswered():
            return f"{entry.change.answer}: {entry.change.words}"
        case None:
            return f"{entry.kind}, sealed to keys that your identity does not have"


def retention_words(each: Holding) -> str:
    """Say how long what a stream has of a person is retained."""
    until = utc_day(each.retained_until) if each.retained_until else "not known"
    more = [f"{each.on_hold} on hold"] if each.on_hold else []
    more += [f"{each.eligible} eligible for destruction"] if each.eligible else []
    return until + (f" ({', '.join(more)} of {counted(len(each.archives), 'archive')})" if more else "")
