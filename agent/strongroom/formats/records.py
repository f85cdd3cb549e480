"""Read the records of a container one after another, each once: windows may overlap, and readers want no doubles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import simdjson

from strongroom.formats.compression import decode_if_coded
from strongroom.formats.csv_rows import RowSplitter
from strongroom.formats.csv_table import RowCollector
from strongroom.formats.exact_json import Delivered, Number, Record, decode_exact
from strongroom.formats.inspect import read_container
from strongroom.formats.json_array import LineSplitter, require_objects
from strongroom.formats.json_page import cut_records
from strongroom.formats.json_splitter import Splitter
from strongroom.formats.plaintext import PlaintextReader, Unreadable, printable
from strongroom.formats.slow_json import Decoded, SubstitutedText, decode_records
from strongroom.formats.zip_directory import Member
from strongroom.formats.zip_members import inflate_member
from strongroom.model.inspection import Bundled, Caps
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

_slices = msgspec.json.Decoder(list[msgspec.Raw])
_STEP = 256 * 1024  # bytes


def read_records(
    reader: PlaintextReader,
    shape: DatasetShape,
    caps: Caps,
    *,
    seen: set[str | int] | None = None,
    container: Container = Container.ZIP_OF_JSON,
    files: Sequence[Bundled] = (),
) -> Iterator[Record]:
    """Yield the dataset's records in the order of the file; raise Unreadable where the member is missing or unsound.

    A record whose `id_field` holds a text or integer that was seen before is left out. Pass one `seen` for several
    containers of the same dataset; it grows by one entry for each record. Records without an id are all yielded. Since
    the CRC comes last, a damaged member raises only after its records were yielded: use files that were verified.
    """
    taken = seen if seen is not None else set()
    for record in read_all_records(reader, shape, caps, container, files):
        name = record_id(record, shape)
        if name is not None:
            if name in taken:
                continue
            taken.add(name)
        yield record


def read_all_records(
    reader: PlaintextReader, shape: DatasetShape, caps: Caps, container: Container, files: Sequence[Bundled] = ()
) -> Iterator[Record]:
    """Yield the fields of `read_delivered`; a number beyond 64 bits or a double may be rounded in them."""
    return (each.fields for each in read_delivered(reader, shape, caps, container, files))


def read_delivered(
    reader: PlaintextReader, shape: DatasetShape, caps: Caps, container: Container, files: Sequence[Bundled] = ()
) -> Iterator[Delivered]:
    """Yield the dataset's records in the order of the file, doubles included; a bare file from the present place on.

    `files` are those of a bundle; the records of each that holds the dataset follow those of the one before.
    """
    if container is Container.BUNDLE:
        return _read_bundle(reader, shape, caps, files)
    if container is Container.ZIP_OF_JSON and not _holds(reader, shape.member, caps):
        return iter(())  # left out, as inspection allowed
    if container is Container.ZIP_OF_JSON:
        return _read_member(reader, _find_member(reader, shape, shape.member, caps), shape, caps, container)
    return _parse(_read_pieces(reader), shape, caps, container)


def record_id(record: Record, shape: DatasetShape) -> str | int | None:
    """Return what names the record; None where no such field is documented or the field holds no name.

    A fraction is no name, whichever reader took the record: most read it as a float.
    """
    name = record.get(shape.id_field) if shape.id_field else None
    if isinstance(name, Number):
        return name.whole
    return name if isinstance(name, str | int) and not isinstance(name, bool) and name != "" else None


def record_name(record: Record, shape: DatasetShape) -> str:
    """Return what names the record as text, empty where `record_id` finds nothing."""
    name = record_id(record, shape)
    return "" if name is None else str(name)


def record_names(records: Sequence[Record], shape: DatasetShape) -> list[str]:
    """Return `record_name` of each record."""
    if not shape.id_field:
        return [""] * len(records)
    found: list[Any] = [record.get(shape.id_field) for record in records]
    return found if set(map(type, found)) <= {str} else [record_name(record, shape) for record in records]


def _read_bundle(
    reader: PlaintextReader, shape: DatasetShape, caps: Caps, files: Sequence[Bundled]
) -> Iterator[Delivered]:
    for file in files:
        if file.dataset == shape.name:
            member = _find_member(reader, shape, file.name, caps)
            yield from _read_member(reader, member, shape, caps, file.container, bundled=True, where=file.records)


def _holds(reader: PlaintextReader, name: str, caps: Caps) -> bool:
    return any(member.name == name for member in read_container(reader, caps).members)


def _find_member(reader: PlaintextReader, shape: DatasetShape, name: str, caps: Caps) -> Member:
    found = [member for member in read_container(reader, caps).members if member.name == name]
    if len(found) == 1 and found[0].readable:
        return found[0]
    state = "cannot be read" if found else "is not in the ZIP"
    raise Unreadable("member-missing", f"{printable(name)} {state}; it should hold the dataset {shape.name}")


def _read_member(
    reader: PlaintextReader,
    member: Member,
    shape: DatasetShape,
    caps: Caps,
    container: Container,
    *,
    bundled: bool = False,
    where: str = "",
) -> Iterator[Delivered]:
    """Yield a member's records; a file of a bundle may be coded, and a page has them at `where`."""
    try:
        pieces = inflate_member(reader, member, caps)
        if bundled:
            _coded, pieces = decode_if_coded(pieces, caps)
        if container is Container.JSON_PAGE:
            pieces, container = iter([cut_records(_gather(pieces, caps), where)]), Container.JSON_ARRAY
        yield from _parse(pieces, shape, caps, container)
    except Unreadable as fault:
        raise Unreadable(fault.code, fault.message, member=member.shown) from fault


def _gather(pieces: Iterable[bytes | memoryview], caps: Caps) -> bytes:
    page = bytearray()
    for piece in pieces:
        page += piece
        if len(page) > caps.max_record:
            raise Unreadable("json-record-too-large", f"the page has more than {caps.max_record:,} bytes")
    return bytes(page)


def _parse(
    pieces: Iterable[bytes | memoryview], shape: DatasetShape, caps: Caps, container: Container
) -> Iterator[Delivered]:
    if container is Container.CSV:
        rows = RowCollector(shape.time_field)
        return _drain(pieces, RowSplitter(rows, (shape.id_field, shape.time_field), max_row=caps.max_record), rows)
    collector = _Collector(shape)
    lines = container is Container.NDJSON
    splitter = (LineSplitter if lines else Splitter)(collector, max_record=caps.max_record)
    return _drain(pieces, splitter, collector)


def _drain(
    pieces: Iterable[bytes | memoryview],
    splitter: Splitter | LineSplitter | RowSplitter,
    collector: _Collector | RowCollector,
) -> Iterator[Delivered]:
    for piece in pieces:
        view = memoryview(piece)
        while view:
            room = splitter.room()
            count = min(len(room), len(view))
            room[:count] = view[:count]
            splitter.advance(count)
            view = view[count:]
            yield from collector.drain()
    splitter.finish()
    yield from collector.drain()


def _read_pieces(reader: PlaintextReader) -> Iterator[memoryview]:
    """Yield a bare file from the present position on; a piece is valid until the next one is read."""
    view = memoryview(bytearray(_STEP))
    while count := reader.readinto(view):
        yield view[:count]


class _Collector:
    """Turns batches into records; the last of several values that a record gives one field is kept."""

    def __init__(self, shape: DatasetShape) -> None:
        self._parser = simdjson.Parser()
        self._time = shape.time_field
        self._ready: list[Delivered] = []

    def take_batch(self, text: memoryview) -> bool:
        try:
            records: Any = self._parser.parse(text, recursive=True)
        except (ValueError, RuntimeError):  # the parser's own words for every kind of refusal
            return False
        require_objects(records)
        self._add(records, _cut(text))
        return True

    def take_decoded(self, decoded: Decoded) -> None:
        self._add(decoded.records, decoded.texts)

    def take_substituted(self, substituted: SubstitutedText, record: bytes) -> bool:
        try:
            self._parser.parse(substituted.text)
        except (ValueError, RuntimeError):  # the parser's own words for every kind of refusal
            return False
        self._add([decode_exact(record)], [record])
        return True

    def drain(self) -> Sequence[Delivered]:
        ready, self._ready = self._ready, []
        return ready

    def _add(self, records: Sequence[Record], texts: Sequence[bytes]) -> None:
        name = self._time
        self._ready += [
            Delivered(record, record.get(name) if name else None, bytes(text).translate(None, b"\r\n"))
            for record, text in zip(records, texts, strict=True)
        ]


def _cut(text: memoryview) -> Sequence[bytes]:
    """Cut an array that was parsed into the texts of its records."""
    try:
        return [bytes(each) for each in _slices.decode(text)]
    except (msgspec.DecodeError, UnicodeError, RecursionError):  # what only the other parser takes
        decoded = decode_records(text[1:], first=True, final=True)
        if decoded.fault is not None:
            raise decoded.fault from None
        return decoded.texts
