"""Writes the selected records: each is counted and then produced, left out as a version, or withheld."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from strongroom.engine.production.contacts import Contacts, read_contacts
from strongroom.engine.production.load_file import RELATIVITY, profile_of
from strongroom.engine.production.output import close_flushed, create_new
from strongroom.engine.production.redacting import Redactor
from strongroom.engine.production.request import ProductionRequest, ProductionSource
from strongroom.engine.production.selection import SelectedRecord, earliest_from, read_selection
from strongroom.engine.production.withholding import WITHHELD, Withholding, privileged_in, withheld_line
from strongroom.engine.production.writers import WRITERS, ProductionWriter, WriterOptions
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.production import WITH_PEOPLE, Numbering, RecordCount
from strongroom.model.times import format_instant

INDEX = "index.jsonl"


class IndexLine(Struct, frozen=True, omit_defaults=True):
    """What the index says of one record, in this order; the last two only where something is redacted."""

    number: str
    archive: str
    dataset: str
    place: int
    id: str
    at: str
    sha256: str  # of the record's bytes as delivered, without line breaks; of the redacted ones where they are
    file: str
    text: str
    text_sha256: str
    redactions: tuple[str, ...] = ()  # the rules that changed it
    original: str = ""  # HMAC-SHA256(salt of the archive, SHA-256 of the bytes as delivered)


class ArchiveCounts:
    """How many records each archive has in the production, the files with several, and whose contacts name people."""

    def __init__(self, archives: Sequence[Archive]) -> None:
        self.of = {archive.id: RecordCount() for archive in archives}
        self.files: list[str] = []
        self.contacts: Sequence[Archive] = ()

    @property
    def total(self) -> RecordCount:
        """Return the sum over all archives."""
        total = RecordCount()
        for each in self.of.values():
            total.add(each)
        return total


class _Recorder:
    """Counts each record and puts it where it belongs."""

    def __init__(
        self,
        request: ProductionRequest,
        folder: Path,
        redactor: Redactor,
        withholding: Withholding,
        counts: ArchiveCounts,
        names: Mapping[str, str],
    ) -> None:
        self._numbering, self._redactor, self._withholding = request.numbering, redactor, withholding
        self._counts, self._place = counts, 0
        self.writer: ProductionWriter = WRITERS[request.format](folder, _options(request, names))
        self._index = create_new(folder / INDEX)
        self._withheld: BinaryIO | None = create_new(folder / WITHHELD) if request.case else None

    def put(self, record: SelectedRecord) -> None:
        """Take in one record."""
        count = self._counts.of[record.archive.id]
        count.matched += 1
        decision = self._withholding.find(record)
        shown = self._redactor.redact(record)
        if record.superseded:
            count.doubles += 1
            if decision is None:
                self.writer.put_older(shown)
        elif decision is not None and self._withheld is not None:
            count.withheld += 1
            self._withheld.write(withheld_line(shown, decision, shown.id))
        else:
            count.records += 1
            count.redacted += bool(shown.redactions)
            self._produce(shown)

    def _produce(self, record: SelectedRecord) -> None:
        number, line = _number(self._numbering, self._place), record.delivered.line
        sha256 = hashlib.sha256(line).hexdigest()
        written = self.writer.put(self._place, number, sha256, record)
        self._index.write(_index_line(number, sha256, record, written.file, written.text, written.text_sha256))
        self._place += 1

    def close(self) -> list[str]:
        """Flush and close the files; return those that hold more than one record."""
        close_flushed(self._index)
        if self._withheld is not None:
            close_flushed(self._withheld)
        return [INDEX, *([WITHHELD] if self._withheld is not None else []), *self.writer.close()]


def put_records(source: ProductionSource, request: ProductionRequest, folder: Path) -> ArchiveCounts:
    """Write the records, the index and the log of what is withheld. Raises UsageError where nothing is produced."""
    selection, counts = request.selection, ArchiveCounts(request.selection.archives)
    redactor = Redactor(source.vault, source.identities, request.rules)
    withholding, contacts = privileged_in(source.vault, request.case), _contacts(source, request)
    counts.contacts = contacts.archives
    recorder = _Recorder(request, folder, redactor, withholding, counts, contacts.names)
    done, earliest = set[str](), earliest_from(selection.archives)
    try:
        for record in read_selection(source.vault, selection, source.identities):
            if record.archive.id not in done:
                done.add(record.archive.id)
                source.watch(len(done), len(selection.archives))
                recorder.writer.settle(earliest[record.archive.id])
            recorder.put(record)
    finally:
        counts.files = recorder.close()
    if not (total := counts.total).records:
        held = "every record that matches is withheld" if total.withheld else "no record matches"
        raise UsageError(f"{held}, so there is nothing to produce", hint="try it: strongroom search")
    return counts


def _options(request: ProductionRequest, names: Mapping[str, str]) -> WriterOptions:
    profile = profile_of(request.profile) if request.profile else RELATIVITY
    return WriterOptions(request.slice_length, names, profile)


def _contacts(source: ProductionSource, request: ProductionRequest) -> Contacts:
    if request.resolve_names and request.format in WITH_PEOPLE:
        return read_contacts(source.vault, source.identities, request.rules)
    return Contacts()


def _number(numbering: Numbering, place: int) -> str:
    try:
        return numbering.number(place)
    except ValueError as error:
        raise UsageError(f"there are more records than numbers: {error}", hint="give more digits: --width") from None


def _index_line(number: str, sha256: str, record: SelectedRecord, file: str, text: str, text_sha256: str) -> bytes:
    name = record.id.encode("utf-8", "replace").decode()
    at = format_instant(record.at) if record.at else ""
    line = IndexLine(
        number,
        record.archive.id,
        record.dataset,
        record.place,
        name,
        at,
        sha256,
        file,
        text,
        text_sha256,
        record.redactions,
        record.original,
    )
    return _encode(line) + b"\n"


_encode = msgspec.json.Encoder().encode
