"""Everything that the vault has of one person: found by identifiers, over every archive, as `strongroom search` finds.

A search by what every spelling shares comes first; each record that it finds is then read and compared exactly. A
record counts if an identifier is in any of its fields, so that a number in a message's text is found as well.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.hits import Found, Hit, gather
from strongroom.engine.access.records import records_of
from strongroom.engine.access.search import SearchProgress, choose_archives, open_found, search
from strongroom.engine.retention.verdicts import verdict
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError
from strongroom.model.retention import Fate
from strongroom.providers.search_fields import NO_FIELDS, search_fields
from strongroom.search.entry import OwnFields, SearchFields, texts_in
from strongroom.search.masking import Person, names_in, places_in
from strongroom.search.person import Identifier, names_one, read_identifier, read_value
from strongroom.search.terms import AllOf, AnyOf, Pattern, Query
from strongroom.vault.vault import Vault


class SubjectRecord(Struct, frozen=True):
    """One record of the person: the newest version that has an identifier."""

    hit: Hit
    archives: tuple[str, ...]  # ids of all that hold it
    is_party: bool  # an identifier is a sender, recipient or other party, and not only mentioned

    @property
    def fields(self) -> dict[str, Any]:
        """Return the record as it was delivered."""
        found: dict[str, Any] = json.loads(self.hit.line)
        return found


class Proposal(Struct, frozen=True):
    """An identifier that may be of the same person."""

    text: str
    why: str  # in words: which dataset links it
    records: int


class Holding(Struct, frozen=True):
    """What one stream has of the person in one dataset."""

    source: str
    provider: str
    stream: str
    dataset: str
    records: int
    mentions: int  # of these: where an identifier is only in another field
    first: datetime | None
    last: datetime | None
    archives: tuple[str, ...]
    retained_until: datetime | None  # when the last period ends; None where nobody can say
    on_hold: int  # archives
    eligible: int  # archives whose period is over


class Finding(Struct, frozen=True):
    """What was found of one person."""

    identifiers: tuple[Identifier, ...]
    records: tuple[SubjectRecord, ...]  # in the order of time
    holdings: tuple[Holding, ...]
    proposals: tuple[Proposal, ...]
    spellings: Mapping[str, int]  # of the identifiers, as parties, and in how many records

    @property
    def archives(self) -> tuple[str, ...]:
        """Return the ids of every archive that has a record of the person."""
        return tuple(sorted({name for each in self.records for name in each.archives}))


def find_subject(
    vault: Vault,
    texts: Sequence[str],
    identities: Sequence[X25519Identity],
    now: datetime,
    progress: SearchProgress,
    fields: OwnFields = NO_FIELDS,
) -> Finding:
    """Return what there is of the person with these identifiers. Raises UsageError for one that says too little.

    An archive that cannot be read is named in `progress.unread`: then more may be there than was found.
    """
    identifiers = tuple(read_identifier(text) for text in texts)
    query = subject_query(identifiers)
    archives = choose_archives(vault, query)
    progress.archives = len(archives)
    hits = gather(search(vault, archives, query, identities, progress, fields))
    opened = open_found(vault, hits, identities, progress)
    records = [each for found in opened for each in _records(found, identifiers, fields)]
    spellings: Counter[str] = Counter()
    for record in records:
        own = {text for text in _parties(record, fields) if names_one(identifiers, text)}
        spellings.update(own)
    weak = [record for found in opened for record in _weak(found, identifiers, fields)]
    proposals = _proposals(records, weak, identifiers, fields)
    holdings = tuple(_holdings(vault, records, now))
    return Finding(identifiers, tuple(records), holdings, tuple(proposals), dict(spellings.most_common()))


def subject_query(identifiers: Sequence[Identifier]) -> Query:
    """Return the query that finds every record which may have one of the identifiers."""
    text = " OR ".join(each.text for each in identifiers)
    return Query(text, AllOf((AnyOf(tuple(Pattern(each.pattern) for each in identifiers)),)))


def known_people(
    vault: Vault, identities: Sequence[X25519Identity], progress: SearchProgress, fields: OwnFields = NO_FIELDS
) -> Iterator[Person]:
    """Yield the people in the newest archive of each dataset that describes people, such as a contact list."""
    newest: dict[tuple[str, str], Archive] = {}
    for archive in choose_archives(vault, Query("", AllOf(()))):
        for shape in archive.expectation.datasets:
            if _describes_people(search_fields(archive.provider, shape.name, fields)):
                newest[archive.stream, shape.name] = archive
    for (_stream, dataset), archive in newest.items():
        try:
            shape = next(each for each in archive.expectation.datasets if each.name == dataset)
            known = search_fields(archive.provider, dataset, fields)
            for record in records_of(vault, archive, shape, identities):
                yield described_person(record.fields, known)
        except (StrongroomError, OSError) as error:
            progress.unread[archive.id] = str(error)


def described_person(record: Mapping[str, Any], fields: SearchFields) -> Person:
    """Return whom a record of a contact list describes; a sender in it is an account of the organization."""
    names = [name for name in fields.parties if not _is_name(name) and not name.lower().startswith("sender")]
    values = [text for name in names for text in texts_in(record.get(name)) if text]
    return Person(tuple(values), names_in(record), places_in(record))


def describes_subject(record: SubjectRecord, fields: OwnFields = NO_FIELDS) -> bool:
    """Say whether a record describes the person, as one of a contact list does."""
    return record.is_party and _describes_people(_fields_of(record.hit, fields))


def party_fields(hit: Hit, own: OwnFields = NO_FIELDS) -> tuple[str, ...]:
    """Return the fields of a record that name people."""
    known = _fields_of(hit, own)
    named = known.senders + known.recipients + known.parties
    return tuple(name for name in named if "endpoint" not in name and "agent" not in name.lower())


def _records(found: Found, identifiers: Sequence[Identifier], own: OwnFields) -> Iterator[SubjectRecord]:
    """Yield the newest version that has an identifier."""
    for hit in found.hits:
        record = json.loads(hit.line)
        parties = [text for name in party_fields(hit, own) for text in texts_in(record.get(name))]
        is_party = any(names_one(identifiers, text) for text in parties)
        if is_party or any(each.is_in(text) for text in _all_texts(record) for each in identifiers):
            yield SubjectRecord(hit, found.archives, is_party)
            return


def _weak(found: Found, identifiers: Sequence[Identifier], own: OwnFields) -> Iterator[str]:
    record = json.loads(found.hit.line)
    for name in party_fields(found.hit, own):
        for text in texts_in(record.get(name)):
            if any(each.may_be(text) for each in identifiers):
                yield text


def _all_texts(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text of a record, names of inner fields as well."""
    for name, value in record.items():
        yield name
        if isinstance(value, Mapping):
            yield from _all_texts(value)
        elif isinstance(value, list):
            for each in value:
                yield from _all_texts({"": each})
        else:
            yield from texts_in(value)


def _parties(record: SubjectRecord, own: OwnFields) -> list[str]:
    fields = record.fields
    return [text for name in party_fields(record.hit, own) for text in texts_in(fields.get(name)) if text.strip()]


def _proposals(
    records: Iterable[SubjectRecord], weak: Iterable[str], identifiers: Sequence[Identifier], own: OwnFields
) -> Iterator[Proposal]:
    """Yield what contacts link with the person, and numbers that lack too many digits to be sure."""
    counts: Counter[tuple[str, str]] = Counter()
    for record in records:
        if describes_subject(record, own):
            person = described_person(record.fields, _fields_of(record.hit, own))
            for text in (*person.identifiers, *person.names[:1]):
                counts[text, f"in {record.hit.dataset} of {record.hit.archive.source}, with what you gave"] += 1
    counts.update((text, "a number that may lack its country or area code") for text in weak)
    given: list[Identifier] = list(identifiers)
    for (text, why), count in counts.most_common():
        value = read_value(text)
        if value is not None and not any(each.is_same(value) for each in given):
            given.append(value)
            yield Proposal(value.text, why, count)


def _holdings(vault: Vault, records: Sequence[SubjectRecord], now: datetime) -> Iterator[Holding]:
    groups: dict[tuple[str, str, str, str], list[SubjectRecord]] = {}
    for each in records:
        archive = each.hit.archive
        groups.setdefault((archive.source, archive.provider, archive.stream, each.hit.dataset), []).append(each)
    for (source, provider, stream, dataset), group in sorted(groups.items()):
        names = tuple(sorted({name for each in group for name in each.archives}))
        judged = [verdict(vault, name, now) for name in names]
        times = sorted(each.hit.entry.at for each in group if each.hit.entry.at is not None)
        ends = [each.until for each in judged if each.until is not None]
        yield Holding(
            source, provider, stream, dataset, len(group), sum(not each.is_party for each in group),
            times[0] if times else None, times[-1] if times else None, names,
            max(ends) if len(ends) == len(judged) else None,
            sum(each.fate is Fate.HELD for each in judged), sum(each.fate is Fate.DUE for each in judged),
        )  # fmt: skip


def _fields_of(hit: Hit, own: OwnFields) -> SearchFields:
    return search_fields(hit.archive.provider, hit.dataset, own)


def _describes_people(fields: SearchFields) -> bool:
    """Say whether records of a dataset are about one person each: they have parties, and nobody sends or receives."""
    plain = {name.lower() for name in fields.parties}
    return not fields.senders and not fields.recipients and bool(plain & {"email", "phonenumber", "phone"})


def _is_name(field: str) -> bool:
    return field.lower().endswith("name")
