"""Cases: what people collect about a matter: saved queries, notes, marked records, and the holds placed with them.

A case is what its changes add up to, in their order. Nothing is ever taken out of it: a mark that changes is another
one, and both stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Mark(StrEnum):
    """What a person says of a record."""

    RELEVANT = "relevant"
    PRIVILEGED = "privileged"
    NOT_RELEVANT = "not-relevant"


class Opened(Struct, frozen=True, tag_field="change", tag="opened"):
    """The case begins. Its name is that of a matter, as holds have it."""

    name: str


class QueryAdded(Struct, frozen=True, tag_field="change", tag="query"):
    """A query was saved."""

    text: str
    zone: str  # IANA name of the zone of its dates


class NoteAdded(Struct, frozen=True, tag_field="change", tag="note"):
    """A note was written."""

    text: str


class RecordMarked(Struct, frozen=True, tag_field="change", tag="mark"):
    """A record was marked."""

    archive: str  # id
    dataset: str
    record: str  # id, as it was delivered
    sha256: str  # of the record, hex: which of its versions was looked at
    mark: Mark


class HoldAdded(Struct, frozen=True, tag_field="change", tag="hold"):
    """A hold was placed on what a query found."""

    hold: str  # id
    query: int  # its number


class Produced(Struct, frozen=True, tag_field="change", tag="production"):
    """Records were produced, with these numbers."""

    prefix: str
    start: int  # the first number
    records: int
    withheld: int
    sha256: str  # of its production.json


Change = Opened | QueryAdded | NoteAdded | RecordMarked | HoldAdded | Produced


class CaseStep(Struct, frozen=True):
    """One change, by whom and when."""

    at: datetime
    by: str  # for people
    change: Change


class Case(Struct, frozen=True):
    """One case."""

    id: str
    steps: tuple[CaseStep, ...]
    sealed: int = 0  # changes that no identity at hand opens

    @property
    def name(self) -> str:
        """Return its name; empty where that is sealed."""
        return next((step.change.name for step in self.steps if isinstance(step.change, Opened)), "")

    @property
    def queries(self) -> list[QueryAdded]:
        """Return the saved queries; the first has the number 1."""
        return [step.change for step in self.steps if isinstance(step.change, QueryAdded)]

    @property
    def marks(self) -> list[RecordMarked]:
        """Return the newest mark of each record, in the order of their first."""
        return [mark for _step, mark in self.marked]

    @property
    def marked(self) -> list[tuple[CaseStep, RecordMarked]]:
        """Return the newest mark of each record with the change that made it."""
        newest: dict[tuple[str, str, str], tuple[CaseStep, RecordMarked]] = {}
        for step in self.steps:
            if isinstance(mark := step.change, RecordMarked):
                newest[mark.archive, mark.dataset, mark.record] = step, mark
        return list(newest.values())

    def next_number(self, prefix: str) -> int:
        """Return the number after the last one that was produced with a prefix, 1 where there is none."""
        made = [step.change for step in self.steps if isinstance(step.change, Produced)]
        return max((each.start + each.records for each in made if each.prefix == prefix), default=1)

    @property
    def holds(self) -> list[str]:
        """Return the ids of the holds placed with it."""
        return [step.change.hold for step in self.steps if isinstance(step.change, HoldAdded)]

    @property
    def notes(self) -> Iterator[CaseStep]:
        """Yield the notes with their authors and times."""
        return (step for step in self.steps if isinstance(step.change, NoteAdded))
