"""Search a vault: open each archive that may have a hit, and compare every record in it with the query.

Archives are chosen by stream, source, dataset and time before any is opened. A record that several archives hold, from
windows that overlap or from a second pass, is one hit: that of the newest archive, which knows how many versions of it
there are. An id alone names no record within one archive, since attempts at one message may share it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.age.reader import SealedReader
from strongroom.engine.access.records import record_digest
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.evidence.line import Entry, Fact
from strongroom.formats.record_checks import read_time
from strongroom.formats.records import read_delivered, record_id
from strongroom.model.archive import Archive, Sort
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError
from strongroom.model.inspection import Caps
from strongroom.model.names import pick_name
from strongroom.model.plan import DatasetShape
from strongroom.model.times import Chance
from strongroom.providers.search_fields import search_fields
from strongroom.search.entry import Place, SearchEntry, make_entry, searched_text, texts_in
from strongroom.search.query import Names
from strongroom.search.terms import Operator, Period, Query
from strongroom.search.text import fold
from strongroom.vault.listing import list_archives
from strongroom.vault.log import add_entry
from strongroom.vault.streams import present_streams
from strongroom.vault.vault import Vault

_PAGE = 500  # archives read from the catalogue at once


class Hit(Struct, frozen=True):
    """One record that matches."""

    entry: SearchEntry
    archive: Archive
    dataset: str
    line: bytes  # the record as JSON, as it was delivered
    content: bytes  # digest of the record, equal for equal ones
    number: int  # how many records of this id came before it in its archive

    @property
    def at(self) -> datetime:
        """Return the record's time, or its window's start where it has none."""
        return self.entry.at or self.archive.spec.window.start


class Found(Struct, frozen=True):
    """A hit, once, however many archives hold the record."""

    hit: Hit  # as the newest archive has it
    versions: int  # different contents among the archives; 1 where all agree
    archives: tuple[str, ...]  # ids of all that hold it, the newest first


class SearchProgress(Struct):
    """How far a search came."""

    archives: int = 0  # to look through
    done: int = 0
    records: int = 0  # compared
    stopped: bool = False  # by a person, before the end
    unread: dict[str, str] = {}


def known_names(vault: Vault, streams: Iterable[str], sources: Iterable[str]) -> Names:
    """Return what finds the present name of a stream, source or dataset, among those configured and archived."""
    archived = _pages(vault)
    datasets = {shape.name for archive in archived for shape in archive.expectation.datasets}
    known = {
        Operator.STREAM: {*streams, *(archive.stream for archive in archived)},
        Operator.SOURCE: {*sources, *(archive.source for archive in archived)},
        Operator.DATASET: datasets,
    }
    present = present_streams(vault.catalogue)

    def find(field: Operator, name: str) -> str:
        found = pick_name(field.value, name, known[field], "the configuration or the vault")
        return present.get(found, found) if field is Operator.STREAM else found

    return find


def choose_archives(vault: Vault, query: Query) -> list[Archive]:
    """Return the archives that may have a hit, in the order of their windows."""
    present = present_streams(vault.catalogue)
    return [each for each in _pages(vault) if _may_match(each, present.get(each.stream, each.stream), query)]


def _pages(vault: Vault) -> list[Archive]:
    """Return every archive that is not in quarantine, in the order of windows."""
    found: list[Archive] = []
    before: Archive | None = None
    while page := list_archives(vault.catalogue, holding="held", sort=Sort.WINDOW, before=before, most=_PAGE):
        found += page
        before = page[-1]
    return found[::-1]


def search(
    vault: Vault,
    archives: Iterable[Archive],
    query: Query,
    identities: Sequence[X25519Identity],
    progress: SearchProgress,
) -> Iterator[Hit]:
    """Yield each record that matches, archive by archive; `progress` counts along.

    An archive that cannot be read is named in `progress.unread`, and the search continues.
    """
    datasets = query.names(Operator.DATASET)
    for archive in archives:
        try:
            for shape in archive.expectation.datasets:
                if datasets is None or fold(shape.name) in datasets:
                    yield from _of_dataset(vault, archive, shape, query, identities, progress)
        except (StrongroomError, OSError) as error:
            progress.unread[archive.id] = str(error)
        progress.done += 1


def gather(hits: Iterable[Hit]) -> list[Found]:
    """Put the versions of each record together, in the order of time."""
    groups: dict[tuple[object, ...], list[Hit]] = {}
    for hit in hits:
        name = hit.entry.id or hit.content
        groups.setdefault((hit.entry.source, hit.entry.dataset, name, hit.number), []).append(hit)
    found = [_found(group) for group in groups.values()]
    return sorted(found, key=lambda each: (each.hit.at, each.hit.archive.id, each.hit.number))


def delivered_parties(hit: Hit) -> tuple[list[str], list[str], list[str]]:
    """Return the senders, recipients and other parties of a record as it was delivered, not folded."""
    record, fields = json.loads(hit.line), search_fields(hit.archive.provider, hit.dataset)
    senders, recipients, parties = (
        [text for name in names for text in texts_in(record.get(name)) if text]
        for names in (fields.senders, fields.recipients, fields.parties)
    )
    return senders, recipients, parties


def note_search(
    vault: Vault, query: Query, progress: SearchProgress, hits: int, person: Person, now: datetime, random_bytes: Chance
) -> None:
    """Log that a person searched: who, how much, and a salted digest of the query, which nobody can read back."""
    salt = random_bytes(16)
    digest = hashlib.sha256(salt + query.text.encode("utf-8", "surrogatepass")).hexdigest()
    counts: dict[str, Fact] = {"archives": progress.done, "records": progress.records, "hits": hits}
    facts: dict[str, Fact] = {"by": person.uid, "salt": salt.hex(), "query_sha256": digest, **counts}
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(EntryKind.SEARCH_MADE, now, facts=facts))
    vault.write_log()


def _may_match(archive: Archive, stream: str, query: Query) -> bool:
    streams, sources = query.names(Operator.STREAM), query.names(Operator.SOURCE)
    datasets, period = query.names(Operator.DATASET), query.period
    if streams is not None and fold(stream) not in streams:
        return False
    if sources is not None and fold(archive.source) not in sources:
        return False
    if datasets is not None and not any(fold(shape.name) in datasets for shape in archive.expectation.datasets):
        return False
    first, last = archive.inspection.earliest, archive.inspection.latest
    if first is None or last is None:
        return period == Period()  # a record without a time is in no period
    return (period.start is None or last >= period.start) and (period.end is None or first < period.end)


def _of_dataset(
    vault: Vault,
    archive: Archive,
    shape: DatasetShape,
    query: Query,
    identities: Sequence[X25519Identity],
    progress: SearchProgress,
) -> Iterator[Hit]:
    key, expected, numbers = unlock(vault, archive, identities), archive.expectation, Counter[str]()
    stream = present_streams(vault.catalogue).get(archive.stream, archive.stream)
    fields = search_fields(archive.provider, shape.name)
    place = Place(fold(shape.name), fold(stream), fold(archive.source), fields)
    with vault.open_payload(archive) as sealed:
        clear = open_clear(SealedReader(sealed, [key.identity]), archive.seal)
        for record in read_delivered(clear, shape, Caps(), expected.container, expected.files):
            progress.records += 1
            found = record_id(record.fields, shape)
            name = "" if found is None else str(found)
            numbers[name] += 1
            text = searched_text(record.fields)
            if not query.may_match(text):
                continue
            entry = make_entry(record.fields, place, name=name, at=read_time(record.time), text=text)
            if query.accepts(entry):
                yield Hit(entry, archive, shape.name, record.line, record_digest(record), numbers[name])


def _found(group: list[Hit]) -> Found:
    newest = sorted(group, key=lambda hit: (hit.archive.verified_at, hit.archive.id), reverse=True)
    archives = tuple(dict.fromkeys(hit.archive.id for hit in newest))
    return Found(newest[0], len({hit.content for hit in newest}), archives)
