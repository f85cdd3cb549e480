"""What a search is made of: terms, each of which says whether a record matches it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from strongroom.search.entry import SearchEntry
from strongroom.search.text import phone_digits, same_phone


class Operator(StrEnum):
    """What may stand before a colon."""

    FROM = "from"
    TO = "to"
    PARTY = "party"
    STREAM = "stream"
    SOURCE = "source"
    DATASET = "dataset"
    CHANNEL = "channel"
    STATUS = "status"
    ID = "id"
    AFTER = "after"
    BEFORE = "before"
    ON = "on"
    REGEX = "regex"


class Words(Struct, frozen=True):
    """A word or phrase that the text of the record contains, anywhere, also within another word."""

    folded: str

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record has it."""
        return self.folded in entry.text


class Pattern(Struct, frozen=True):
    """A regular expression that is found in the folded text of the record; case is ignored."""

    pattern: re.Pattern[str]

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record has it."""
        return self.pattern.search(entry.text) is not None


class Party(Struct, frozen=True):
    """A sender, recipient or other party. Telephone numbers compare as digits, everything else as part of a text."""

    role: Operator  # FROM, TO or PARTY: which is anyone
    folded: str
    digits: str

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record has it."""
        if self.role is Operator.FROM:
            among = entry.senders
        elif self.role is Operator.TO:
            among = entry.recipients
        else:
            among = entry.everyone
        return any(self.fits(each) for each in among)

    def fits(self, party: str) -> bool:
        """Say whether this is the folded name of such a party."""
        return self.folded in party or same_phone(self.digits, phone_digits(party))


class Label(Struct, frozen=True):
    """The exact value of a field with few values, or the name of the record."""

    field: Operator
    folded: str

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record has it."""
        return bool(getattr(entry, self.field.value) == self.folded)


class Period(Struct, frozen=True):
    """A time in [start, end); None is open. A record without a time is in no period."""

    start: datetime | None = None
    end: datetime | None = None

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record lies in it."""
        return entry.at is not None and self.has(entry.at)

    def has(self, at: datetime) -> bool:
        """Say whether an instant lies in it."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


class Not(Struct, frozen=True):
    """A term that the record must not match."""

    term: Term

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record does not match."""
        return not self.term.accepts(entry)


class AnyOf(Struct, frozen=True):
    """Terms of which one is enough."""

    terms: tuple[Term, ...]

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record matches one of them."""
        return any(term.accepts(entry) for term in self.terms)


class AllOf(Struct, frozen=True):
    """Terms that must all match."""

    terms: tuple[Term, ...]

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether the record matches all of them."""
        return all(term.accepts(entry) for term in self.terms)


Term = Words | Pattern | Party | Label | Period | Not | AnyOf | AllOf


class Query(Struct, frozen=True):
    """What was typed, and the term that it means."""

    text: str
    term: AllOf

    def accepts(self, entry: SearchEntry) -> bool:
        """Say whether a record is a hit."""
        return self.term.accepts(entry)

    def may_match(self, text: str) -> bool:
        """Say whether a record with this folded text can be a hit: a quick look before anything else of it is read."""
        return all(term.folded in text for term in self.term.terms if isinstance(term, Words))

    @property
    def period(self) -> Period:
        """Return the time outside of which no record can be a hit: archives elsewhere need not be opened."""
        periods = [term for term in self.term.terms if isinstance(term, Period)]
        starts = [each.start for each in periods if each.start]
        ends = [each.end for each in periods if each.end]
        return Period(max(starts, default=None), min(ends, default=None))

    def names(self, field: Operator) -> frozenset[str] | None:
        """Return the folded streams, sources or datasets that hits must be of; None for all of them."""
        wanted: frozenset[str] | None = None
        for term in self.term.terms:
            found = _labels(term, field)
            if found is not None:
                wanted = found if wanted is None else wanted & found
        return wanted

    @property
    def words(self) -> tuple[str, ...]:
        """Return the folded words and phrases that a hit may contain, to be marked where it is shown."""
        return tuple(dict.fromkeys(_words(self.term)))


def _labels(term: Term, field: Operator) -> frozenset[str] | None:
    if isinstance(term, Label):
        return frozenset({term.folded}) if term.field is field else None
    if isinstance(term, AnyOf):
        parts = [_labels(each, field) for each in term.terms]
        return None if any(part is None for part in parts) else frozenset().union(*(part or () for part in parts))
    return None


def _words(term: Term) -> Iterator[str]:
    if isinstance(term, Words):
        yield term.folded
    elif isinstance(term, AllOf | AnyOf):
        for each in term.terms:
            yield from _words(each)
