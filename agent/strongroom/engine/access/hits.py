"""What a search finds: one hit for each record, with the version that each archive has."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from strongroom.formats.records import record_name
from strongroom.model.archive import Archive
from strongroom.providers.search_fields import NO_FIELDS, search_fields
from strongroom.search.entry import OwnFields, SearchEntry, texts_in


class Hit(Struct, frozen=True, gc=False):
    """One record that matches."""

    entry: SearchEntry
    archive: Archive
    dataset: str
    place: int  # the number of the record within its dataset, in the order of the archive, from 0
    number: int  # how many records of this id came up to it in its archive
    line: bytes = b""  # the record as JSON, as it was delivered; empty while it was not read
    content: bytes = b""  # digest of the record, equal for equal ones; empty while it was not read

    @property
    def at(self) -> datetime:
        """Return the record's time, or its window's start where it has none."""
        return self.entry.at or self.archive.spec.window.start


class Found(Struct, frozen=True, gc=False):
    """A hit, once, however many archives hold the record."""

    hits: tuple[Hit, ...]  # of each archive that holds it, the newest first

    @property
    def hit(self) -> Hit:
        """Return the hit of the newest archive."""
        return self.hits[0]

    @property
    def archives(self) -> tuple[str, ...]:
        """Return the ids of all archives that hold it, the newest first."""
        return tuple(dict.fromkeys(hit.archive.id for hit in self.hits))

    @property
    def versions(self) -> int:
        """Return how many different contents the archives have; 1 where all agree. Right once it was opened."""
        return len({hit.content for hit in self.hits})


def gather(hits: Iterable[Hit]) -> list[Found]:
    """Put the versions of each record together, in the order of time."""
    groups: dict[tuple[object, ...], list[Hit]] = {}
    for hit in hits:
        name = hit.entry.id or hit.content
        groups.setdefault((hit.entry.source, hit.entry.dataset, name, hit.number), []).append(hit)
    by_age = operator.attrgetter("archive.verified_at", "archive.id")
    found = [
        Found(tuple(sorted(group, key=by_age, reverse=True)) if len(group) > 1 else (group[0],))
        for group in groups.values()
    ]
    return sorted(found, key=lambda each: (each.hit.at, each.hit.archive.id, each.hit.number))


def delivered_parties(hit: Hit, own: OwnFields = NO_FIELDS) -> tuple[list[str], list[str], list[str]]:
    """Return the senders, recipients and other parties of a record as it was delivered, not folded."""
    record, fields = json.loads(hit.line), search_fields(hit.archive.provider, hit.dataset, own)
    senders, recipients, parties = (
        [text for name in names for text in texts_in(record.get(name)) if text]
        for names in (fields.senders, fields.recipients, fields.parties)
    )
    return senders, recipients, parties


def delivered_id(hit: Hit) -> str:
    """Return the id of a record that was read, as it was delivered; empty where it has none."""
    shape = next(each for each in hit.archive.expectation.datasets if each.name == hit.dataset)
    return record_name(json.loads(hit.line), shape)
