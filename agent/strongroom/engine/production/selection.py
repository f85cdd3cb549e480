"""The records of a production: read archive by archive, each once, in an order that never changes.

The order is that of the archives' windows, then of the records in each file, so that equal selections are numbered
equally. Records of one source and dataset with the same id and time are versions of one record; without an id, those
with equal content. The version of the newest archive is produced. Archives that share no time are never compared, so
that the memory this takes depends on how much overlaps, not on how much there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.records import reach_of, record_digest, records_of
from strongroom.engine.access.search import choose_archives
from strongroom.engine.retention.holds import archives_under
from strongroom.formats.exact_json import Delivered
from strongroom.formats.record_checks import read_time
from strongroom.formats.records import record_name
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import UsageError
from strongroom.model.plan import DatasetShape
from strongroom.model.window import Window
from strongroom.providers.search_fields import search_fields
from strongroom.search.entry import Place, make_entry, party_texts, searched_text
from strongroom.search.terms import Period, Query
from strongroom.search.text import fold
from strongroom.vault.streams import present_streams
from strongroom.vault.vault import Vault

Superseded = Mapping[tuple[str, str], bytearray]
"""By archive and dataset: a 1 for each record that a newer archive has as well."""


class SelectedRecord(Struct, frozen=True):
    """One record that was selected."""

    archive: Archive
    dataset: str
    place: int  # its number within the dataset, in the order of the archive, from 0
    id: str  # as delivered; empty where it has none
    at: datetime | None
    delivered: Delivered
    superseded: bool = False  # a newer archive has it as well
    redactions: tuple[str, ...] = ()  # the rules that changed it
    original: str = ""  # where it was changed: HMAC-SHA256(salt of the archive, SHA-256 of what was delivered), hex


class Selection(Struct, frozen=True):
    """What to produce: records of these archives, all of them or those that match."""

    archives: Sequence[Archive]
    query: Query | None = None


def select_archives(vault: Vault, query: Query | None, archives: Sequence[Archive] = (), matter: str = "") -> Selection:
    """Return what to produce: of the archives that are named or under a matter, otherwise of all that may match.

    Raises UsageError for a matter without an active hold, and for an archive in quarantine.
    """
    chosen = archives_under(vault, matter) if matter else list(archives)
    if not chosen and query is not None:
        chosen = choose_archives(vault, query)
    for archive in archives:
        if archive.holding is not Holding.HELD:
            raise UsageError(
                f"archive {archive.id} is in quarantine: its file is not valid, so its records cannot be counted",
                hint="hand the file over as it is: strongroom package",
            )
    return Selection([each for each in chosen if each.holding is Holding.HELD], query)


def read_selection(
    vault: Vault, selection: Selection, identities: Sequence[X25519Identity]
) -> Iterator[SelectedRecord]:
    """Yield the selected records, those that are superseded as well.

    Raises SealError and ContentRefused for an archive that is not what it was: a production leaves nothing out.
    """
    archives = sorted(selection.archives, key=_order)
    reader = _Reader(vault, selection.query, present_streams(vault.catalogue), identities)
    superseded = _find_superseded(reader, archives)
    for archive in archives:
        for record in reader.read(archive):
            flags = superseded.get((archive.id, record.dataset))
            if flags is not None and record.place < len(flags) and flags[record.place]:
                yield SelectedRecord(
                    archive, record.dataset, record.place, record.id, record.at, record.delivered, superseded=True
                )
            else:
                yield record


def earliest_from(archives: Sequence[Archive]) -> dict[str, datetime]:
    """Return for each archive the earliest time that its records, and those of the archives after it, can have."""
    found, earliest = {}, datetime.max.replace(tzinfo=UTC)
    for archive in sorted(archives, key=_order, reverse=True):
        earliest = min(earliest, reach_of(archive).start)
        found[archive.id] = earliest
    return found


def _order(archive: Archive) -> tuple[datetime, str, str, datetime, str]:
    return archive.spec.window.start, archive.source, archive.stream, archive.verified_at, archive.id


class _Reader(Struct, frozen=True):
    """Reads the records of archives that match."""

    vault: Vault
    query: Query | None
    streams: Mapping[str, str]  # the present name of each
    identities: Sequence[X25519Identity]

    def read(self, archive: Archive) -> Iterator[SelectedRecord]:
        for shape in archive.expectation.datasets:
            stream = self.streams.get(archive.stream, archive.stream)
            fields = search_fields(archive.provider, shape.name)
            place = Place(fold(shape.name), fold(stream), fold(archive.source), fields)
            for number, record in enumerate(records_of(self.vault, archive, shape, self.identities)):
                name, at = record_name(record.fields, shape), read_time(record.time)
                if self.query is None or _matches(self.query, place, record, name, at):
                    yield SelectedRecord(archive, shape.name, number, name, at, record)


def _matches(query: Query, place: Place, record: Delivered, name: str, at: datetime | None) -> bool:
    """Say whether a record matches; its time is looked at first, since nothing of the text is needed for that."""
    terms = query.term.terms
    periods = [term for term in terms if isinstance(term, Period)]
    if any(at is None or not term.has(at) for term in periods):
        return False
    if len(periods) == len(terms):
        return True
    text = searched_text(record.fields)
    if not query.may_match(text):
        return False
    texts = party_texts(record.fields, place.fields)
    return query.accepts(make_entry(texts, place, name=fold(name), at=at, text=text))


def _find_superseded(reader: _Reader, archives: Sequence[Archive]) -> Superseded:
    """Compare the archives that may hold the same records, in the order of the time that their records reach.

    What was read is remembered until no later archive reaches back to it.
    """
    flags: dict[tuple[str, str], bytearray] = {}
    live: list[_Remembered] = []
    for archive in sorted(_contested(archives), key=lambda each: (reach_of(each).start, each.id)):
        live = [each for each in live if each.timeless or each.reach.end > reach_of(archive).start]
        fresh = _Remembered(archive, reach_of(archive), {}, timeless=_is_timeless(archive))
        rivals = [each for each in live if _may_share(each.archive, archive)]
        older: list[bytes] = []  # kept to the end of the archive, where an equal record is another one
        for record in reader.read(archive):
            key = _key(record, fresh.places)
            fresh.places[key] = (record.dataset, record.place)
            if _settle(flags, fresh, rivals, key):
                older.append(key)
        for key in older:
            del fresh.places[key]
        live.append(fresh)
    return flags


class _Remembered(Struct, frozen=True):
    """The records of one archive, by what they have in common with their other versions."""

    archive: Archive
    reach: Window
    places: dict[bytes, tuple[str, int]]
    timeless: bool

    @property
    def age(self) -> tuple[datetime, str]:
        return self.archive.verified_at, self.archive.id


def _settle(
    flags: dict[tuple[str, str], bytearray], fresh: _Remembered, rivals: Sequence[_Remembered], key: bytes
) -> bool:
    """Flag all versions of a record but the newest; say whether that is not the one of the fresh archive."""
    for rival in rivals:
        if key in rival.places:
            older = min(rival, fresh, key=lambda each: each.age)
            dataset, place = older.places[key]
            _flag(flags.setdefault((older.archive.id, dataset), bytearray()), place)
            if older is fresh:
                return True
            del rival.places[key]
    return False


def _flag(flags: bytearray, place: int) -> None:
    if place >= len(flags):
        flags.extend(bytes(place + 1 - len(flags)))
    flags[place] = 1


def _key(record: SelectedRecord, taken: Mapping[bytes, object]) -> bytes:
    """Return what the versions of a record share. Equal ones of one archive are numbered in its order."""
    name = record.id.encode(errors="surrogatepass") if record.id else record_digest(record.delivered)
    at = str(record.at).encode() if record.id else b""
    parts = [fold(record.archive.source).encode(), record.dataset.encode(), name, at]
    key = hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()
    while key in taken:
        key = hashlib.blake2b(key, digest_size=16).digest()
    return key


def _contested(archives: Sequence[Archive]) -> Iterable[Archive]:
    """Yield the archives that may hold a record which another one holds too."""
    by_source: dict[str, list[Archive]] = {}
    for archive in archives:
        by_source.setdefault(archive.source, []).append(archive)
    for group in by_source.values():
        found: set[str] = set()
        ends: list[Archive] = []
        for archive in sorted(group, key=lambda each: reach_of(each).start):
            ends = [each for each in ends if _is_timeless(each) or reach_of(each).end > reach_of(archive).start]
            shared = [each.id for each in ends if _may_share(each, archive)]
            found.update(shared, [archive.id] if shared else [])
            ends.append(archive)
        yield from (archive for archive in group if archive.id in found)


def _may_share(one: Archive, other: Archive) -> bool:
    if one.source != other.source or not {*_names(one)} & {*_names(other)}:
        return False
    timeless = _is_timeless(one) and _is_timeless(other)
    return timeless or reach_of(one).overlaps(reach_of(other))


def _names(archive: Archive) -> list[str]:
    return [shape.name for shape in archive.expectation.datasets]


def _is_timeless(archive: Archive) -> bool:
    """Say whether an archive has a dataset whose records have no time, such as a copy of a contact list."""
    return any(not _has_time(shape) for shape in archive.expectation.datasets)


def _has_time(shape: DatasetShape) -> bool:
    return bool(shape.time_field)
