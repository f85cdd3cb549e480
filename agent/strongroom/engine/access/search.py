"""Search a vault: open the segment of each archive that may have a hit, or read the archive where it has none.

Archives are chosen by stream, source, dataset and time before any is opened. A record that several archives hold, from
windows that overlap or from a second pass, is one hit: that of the newest archive. An id alone names no record within
one archive, since attempts at one message may share it. A segment does not have the records as they were delivered:
`open_found` reads those of the hits that are shown, and tells how many versions there are of each.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.config.manifest import ManifestFile
from strongroom.engine.access.hits import Found, Hit
from strongroom.engine.access.opened_segments import OpenedSegments
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.access.records import record_digest
from strongroom.engine.access.segments import SegmentUnusable, open_chunks
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import open_clear
from strongroom.evidence.line import Entry, Fact
from strongroom.formats.exact_json import Delivered
from strongroom.formats.record_checks import read_time
from strongroom.formats.records import read_delivered, record_name
from strongroom.model.archive import Archive, Segment, Sort
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError
from strongroom.model.inspection import Caps
from strongroom.model.names import pick_name
from strongroom.model.plan import DatasetShape
from strongroom.model.times import Chance
from strongroom.providers.search_fields import NO_FIELDS, fields_of_manifest, search_fields
from strongroom.search.chunk import Chunk, IdCounter
from strongroom.search.entry import (
    OwnFields,
    Place,
    make_entry,
    party_texts,
    searched_text,
)
from strongroom.search.query import Names
from strongroom.search.scan import Scan
from strongroom.search.terms import Operator, Period, Query
from strongroom.search.text import fold
from strongroom.vault.listing import list_archives
from strongroom.vault.log import add_entry
from strongroom.vault.segments import segment_of
from strongroom.vault.streams import present_streams
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault

_PAGE = 500  # archives read from the catalogue at once


class SearchProgress(Struct):
    """How far a search came."""

    archives: int = 0  # to look through
    done: int = 0
    records: int = 0  # compared
    read: int = 0  # archives that were read for want of a segment
    stopped: bool = False  # by a person, before the end
    unread: dict[str, str] = field(default_factory=dict)  # archives that cannot be read, and why
    unusable: dict[str, str] = field(default_factory=dict)  # archives that were read because their segment is damaged


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


def described_fields(manifests: Mapping[str, ManifestFile]) -> OwnFields:
    """Return the fields that are searched in the datasets of providers that manifests describe."""
    own = (fields_of_manifest(provider, each.manifest) for provider, each in manifests.items())
    return {key: fields for each in own for key, fields in each.items()}


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
    fields: OwnFields = NO_FIELDS,
    opened: OpenedSegments | None = None,
) -> Iterator[Hit]:
    """Yield each record that matches, archive by archive; `progress` counts along, `fields` are those of manifests.

    An archive that cannot be read is named in `progress.unread`, and the search continues. It ends soon after another
    thread sets `progress.stopped`. Segments are taken from `opened`, and kept there.
    """
    if opened is not None:
        opened.keep_only({each for each in opened if get_tombstone(vault.catalogue, each) is None})
    looking = _Looking(
        vault, query, Scan(query, read_time), present_streams(vault.catalogue), progress, identities, fields, opened
    )
    for archive in archives:
        if progress.stopped:
            return
        try:
            yield from looking.look_at(archive)
        except (StrongroomError, OSError) as error:
            progress.unread[archive.id] = str(error)
        progress.done += not progress.stopped


class _Looking(Struct, frozen=True):
    """One search: what stays the same from archive to archive."""

    vault: Vault
    query: Query
    scan: Scan
    streams: Mapping[str, str]  # the present name of each
    progress: SearchProgress
    identities: Sequence[X25519Identity]
    fields: OwnFields  # of providers that a manifest describes
    opened: OpenedSegments | None

    def look_at(self, archive: Archive) -> Iterator[Hit]:
        """Yield the hits of one archive."""
        wanted = self.query.names(Operator.DATASET)
        shapes = [each for each in archive.expectation.datasets if wanted is None or fold(each.name) in wanted]
        segment, before = segment_of(self.vault.catalogue, archive), self.progress.records
        kept = self.opened.find(archive, segment) if self.opened is not None and segment is not None else None
        if kept is not None:
            hits = list(self._scan(archive, shapes, kept))
            key = unlock(self.vault, archive, self.identities) if _any_nameless(hits) else None
            yield from _named(self.vault, key, hits) if key is not None else hits
            return
        key = unlock(self.vault, archive, self.identities)
        if segment is not None:
            try:
                chunks = self._open(archive, segment, key)
                hits = list(self._scan(archive, shapes, chunks))  # all of it, before anything is believed
                yield from _named(self.vault, key, [] if self.progress.stopped else hits)
                return
            except SegmentUnusable as error:
                self.progress.unusable[archive.id] = str(error)
                self.progress.records = before
        self.progress.read += 1
        for shape in shapes:
            yield from self._read(archive, shape, key)

    def _open(self, archive: Archive, segment: Segment, key: ArchiveKey) -> Iterator[Chunk]:
        """Yield the chunks of a segment, and keep them once the last one was seen."""
        if self.opened is None:
            yield from open_chunks(self.vault, archive, segment, key)
            return
        turn, chunks = self.opened.turn, []
        for chunk in open_chunks(self.vault, archive, segment, key):
            chunks.append(chunk.fresh())
            yield chunk
        self.opened.keep(archive, segment, tuple(chunks), turn)

    def _scan(self, archive: Archive, shapes: Sequence[DatasetShape], chunks: Iterable[Chunk]) -> Iterator[Hit]:
        places = {shape.name: self._place(archive, shape) for shape in shapes}
        numbers: dict[str, IdCounter] = defaultdict(IdCounter)
        passed: Counter[str] = Counter()
        for chunk in chunks:
            if self.progress.stopped:
                return
            dataset = chunk.head.dataset
            if dataset in places:
                self.progress.records += chunk.rows
                matches = dict(self.scan.find(chunk, places[dataset]))
                for row, number in numbers[dataset].count(chunk, matches):
                    yield Hit(matches[row], archive, dataset, passed[dataset] + row, number)
                passed[dataset] += chunk.rows

    def _read(self, archive: Archive, shape: DatasetShape, key: ArchiveKey) -> Iterator[Hit]:
        place, numbers = self._place(archive, shape), Counter[str]()
        for row, record in enumerate(_records(self.vault, archive, shape, key)):
            if self.progress.stopped:
                return
            self.progress.records += 1
            name = fold(record_name(record.fields, shape))
            numbers[name] += 1
            text = searched_text(record.fields)
            if not self.query.may_match(text):
                continue
            texts = party_texts(record.fields, place.fields)
            entry = make_entry(texts, place, name=name, at=read_time(record.time), text=text)
            if self.query.accepts(entry):
                yield _opened(Hit(entry, archive, shape.name, row, numbers[name]), record)

    def _place(self, archive: Archive, shape: DatasetShape) -> Place:
        stream = self.streams.get(archive.stream, archive.stream)
        fields = search_fields(archive.provider, shape.name, self.fields)
        return Place(fold(shape.name), fold(stream), fold(archive.source), fields)


def _any_nameless(hits: Sequence[Hit]) -> bool:
    return any(not hit.entry.id for hit in hits)


def _named(vault: Vault, key: ArchiveKey, hits: Sequence[Hit]) -> Sequence[Hit]:
    """Read the hits that have no id: the content of a record is its name then."""
    nameless = [hit for hit in hits if not hit.entry.id]
    if not nameless:
        return hits
    read = {(hit.dataset, hit.place): hit for hit in _open_hits(vault, key, nameless)}
    return [read.get((hit.dataset, hit.place), hit) for hit in hits]


def _open_hits(vault: Vault, key: ArchiveKey, hits: Sequence[Hit]) -> list[Hit]:
    """Read the records of hits in one archive, as they were delivered."""
    archive = hits[0].archive
    opened: dict[tuple[str, int], Hit] = {}
    for shape in archive.expectation.datasets:
        wanted = {hit.place: hit for hit in hits if hit.dataset == shape.name}
        if wanted:
            for row, record in enumerate(_records(vault, archive, shape, key)):
                if row in wanted:
                    opened[shape.name, row] = _opened(wanted.pop(row), record)
                if not wanted:
                    break
    return [opened.get((hit.dataset, hit.place), hit) for hit in hits]


def _opened(hit: Hit, record: Delivered) -> Hit:
    return replace(hit, line=record.line, content=record_digest(record))


def _records(vault: Vault, archive: Archive, shape: DatasetShape, key: ArchiveKey) -> Iterator[Delivered]:
    expected = archive.expectation
    with open_sealed(vault, archive, key) as sealed:
        clear = open_clear(sealed, archive.seal)
        yield from read_delivered(clear, shape, Caps(), expected.container, expected.files)


def open_found(
    vault: Vault, found: Sequence[Found], identities: Sequence[X25519Identity], progress: SearchProgress
) -> list[Found]:
    """Read the records of these hits that were not read yet; each archive is read once.

    One that cannot be read is named in `progress.unread`, and its hits are left out.
    """
    missing: dict[str, list[Hit]] = defaultdict(list)
    for hit in (hit for each in found for hit in each.hits if not hit.content):
        missing[hit.archive.id].append(hit)
    opened: dict[tuple[str, str, int], Hit] = {}
    for name, hits in missing.items():
        try:
            read = _open_hits(vault, unlock(vault, hits[0].archive, identities), hits)
            opened |= {(name, hit.dataset, hit.place): hit for hit in read}
        except (StrongroomError, OSError) as error:
            progress.unread[name] = str(error)
    whole = (tuple(opened.get((hit.archive.id, hit.dataset, hit.place), hit) for hit in each.hits) for each in found)
    read_ones = (tuple(hit for hit in hits if hit.content) for hits in whole)
    return [Found(hits) for hits in read_ones if hits]


def note_search(
    vault: Vault,
    query: Query,
    progress: SearchProgress,
    hits: int,
    person: Person,
    now: datetime,
    random_bytes: Chance,
    *,
    clear: bool = False,
) -> None:
    """Log who searched, how much, and a salted digest of the query; with `clear` the query as well."""
    salt = random_bytes(16)
    digest = hashlib.sha256(salt + query.text.encode("utf-8", "surrogatepass")).hexdigest()
    facts: dict[str, Fact] = {"by": person.uid, "salt": salt.hex(), "query_sha256": digest}
    facts |= {"archives": progress.done, "records": progress.records, "hits": hits}
    if clear:
        facts["query"] = query.text.encode("utf-8", "replace").decode()
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
