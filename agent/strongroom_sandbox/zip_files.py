"""Export files as ZIPs of JSON arrays, spoilt on request.

One `<dataType>.json` for each dataset and a `metadata.json`, as the vendor's guide shows. Building streams: memory
does not grow with the size of the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Self

from msgspec import Struct
from msgspec.structs import replace

from strongroom_sandbox.faults import FaultKind, InjectedFault, first
from strongroom_sandbox.files import FileStore
from strongroom_sandbox.records import DAY, RecordSource, SlotSpan, json_array, micros, stamp
from strongroom_sandbox.zip_writer import ENCRYPTED, ZipWriter

METADATA = "metadata.json"
_LARGE = 3 << 30
"""Bytes of JSON from which a ZIP is written with 64-bit fields."""


class ZipContent(Struct, frozen=True):
    """What one export file holds."""

    job: str
    datasets: tuple[str, ...]
    span: SlotSpan  # of records, both ends included
    made_at: datetime
    faults: tuple[InjectedFault, ...] = ()  # of the kinds that spoil files

    def spoilt_by(self, faults: tuple[InjectedFault, ...]) -> Self:
        """Return the same with further faults."""
        return replace(self, faults=self.faults + faults)


class ZipHabits(Struct, frozen=True):
    """How the provider writes its ZIPs; the vendor documents none of it."""

    empty_absent: bool = False  # a dataset without records has no member, rather than one with []
    descriptors: bool = False  # sizes and CRC behind the data, as streaming writers do
    zip64: bool = False  # 64-bit fields even where they are not needed


class ZipStore(FileStore[ZipContent]):
    """Builds ZIPs in `folder`."""

    suffix = ".zip"
    media_type = "application/zip"

    def __init__(self, folder: Path, source: RecordSource, habits: ZipHabits) -> None:
        super().__init__(folder)
        self._source = source
        self._habits = habits

    def fill(self, file: BinaryIO, content: ZipContent) -> int:
        """Write the ZIP and return how many records are in it."""
        options = self._source.options
        large = (options.target_bytes or 0) > _LARGE
        habits = self._habits
        writer = ZipWriter(file, level=options.zlib_level, zip64=habits.zip64 or large, descriptors=habits.descriptors)
        spoiler = _Spoiler(content)
        counts: dict[str, int] = {}
        for dataset in content.datasets:
            self._add_dataset(writer, spoiler, content, dataset, counts)
        if first(content.faults, FaultKind.MISSING_METADATA) is None:
            spoiler.add(writer, METADATA, [_metadata(content, counts)])
        spoiler.add_extras(writer)
        writer.close()
        file.write(spoiler.trailer())
        return sum(counts.values())

    def _add_dataset(
        self, writer: ZipWriter, spoiler: _Spoiler, content: ZipContent, dataset: str, counts: dict[str, int]
    ) -> None:
        member = f"{dataset}.json"
        records = _Counted(iter(()) if spoiler.leaves_out(member) else self._source.records(dataset, content.span))
        head = next(records, None)
        if head is None and self._habits.empty_absent:
            counts[dataset] = 0
            return
        whole = records.behind(head)
        spoiler.add(writer, member, self.watched(spoiler.array(member, whole)))
        counts[dataset] = records.count


class _Counted:
    """An iterator that counts what passes."""

    def __init__(self, records: Iterator[bytes]) -> None:
        self._records = records
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        record = next(self._records)
        self.count += 1
        return record

    def behind(self, head: bytes | None) -> Iterator[bytes]:
        """Yield a record that was taken already, then the rest."""
        if head is not None:
            yield head
            yield from self


class _Spoiler:
    """Applies the faults of one file, each to the member it names or to the first dataset's."""

    def __init__(self, content: ZipContent) -> None:
        self._content = content
        self._first = f"{content.datasets[0]}.json"

    def add(self, writer: ZipWriter, name: str, chunks: Iterable[bytes]) -> None:
        """Write one member, or not, or badly."""
        if self._hit(FaultKind.MISSING_MEMBER, name):
            return
        flags = ENCRYPTED if self._hit(FaultKind.ENCRYPTED_MEMBER, name) else 0
        mask = 0xDEADBEEF if self._hit(FaultKind.BAD_CRC, name) else 0
        writer.add(name, chunks, self._content.made_at, flags=flags, crc_mask=mask)
        if self._hit(FaultKind.DUPLICATE_MEMBER, name):
            writer.add(name, [b"[]"], self._content.made_at)

    def leaves_out(self, name: str) -> bool:
        """Say whether a member has no record: the one that is named, or every one."""
        return any(each.kind is FaultKind.NO_RECORDS and each.member in ("", name) for each in self._content.faults)

    def add_extras(self, writer: ZipWriter) -> None:
        """Write the members that should not be there."""
        evil = first(self._content.faults, FaultKind.TRAVERSAL_NAME)
        if evil:
            writer.add(evil.name or "../../outside.json", [b"[]"], self._content.made_at)

    def trailer(self) -> bytes:
        """Return what follows the end of the ZIP."""
        trailing = first(self._content.faults, FaultKind.TRAILING_BYTES)
        return b"\0" * trailing.by if trailing else b""

    def array(self, name: str, records: Iterator[bytes]) -> Iterator[bytes]:
        """Return the member's text."""
        for kind, bend in _RECORD_FAULTS.items():
            fault = self._hit(kind, name)
            if fault:
                records = bend(records, fault, self._content)
        chunks = json_array(records)
        bomb = self._hit(FaultKind.ZIP_BOMB, name)
        return _inflated(chunks, bomb.by) if bomb else chunks

    def _hit(self, kind: FaultKind, name: str) -> InjectedFault | None:
        for fault in self._content.faults:
            if fault.kind is kind and (fault.member or self._first) == name:
                return fault
        return None


def _inflated(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    yield next(chunks)
    blank = b" " * (1 << 20)
    for start in range(0, size, len(blank)):
        yield blank[: size - start]
    yield from chunks


def _malformed(records: Iterator[bytes], _fault: InjectedFault, _content: ZipContent) -> Iterator[bytes]:
    yield from _one_more(records, b'{"id":"rec_broken","text":}')


def _outside(records: Iterator[bytes], _fault: InjectedFault, content: ZipContent) -> Iterator[bytes]:
    early = stamp(content.span.first - DAY).decode()
    record = {"id": "msg_outside0000", "text": "from the day before", "status": "sent", "createdAt": early}
    yield from _one_more(records, json.dumps(record).encode())


def _one_more(records: Iterator[bytes], record: bytes) -> Iterator[bytes]:
    head = next(records, None)
    if head is not None:
        yield head
    yield record
    yield from records


def _with_field(records: Iterator[bytes], fault: InjectedFault, _content: ZipContent) -> Iterator[bytes]:
    addition = f',"{fault.name or "riskScore"}":0.5}}'.encode()
    for record in records:
        yield record[:-1] + addition


def _without_field(records: Iterator[bytes], fault: InjectedFault, _content: ZipContent) -> Iterator[bytes]:
    name = fault.name or "status"
    for record in records:
        fields = json.loads(record)
        fields.pop(name, None)
        yield json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


_RecordFault = Callable[[Iterator[bytes], InjectedFault, ZipContent], Iterator[bytes]]
_RECORD_FAULTS: dict[FaultKind, _RecordFault] = {
    FaultKind.UNKNOWN_FIELD: _with_field,
    FaultKind.VANISHED_FIELD: _without_field,
    FaultKind.OUTSIDE_WINDOW: _outside,
    FaultKind.MALFORMED_JSON: _malformed,
}


def _metadata(content: ZipContent, counts: dict[str, int]) -> bytes:
    """Return metadata.json; the vendor names the file and documents none of its fields."""
    facts = {
        "exportId": content.job,
        "generatedAt": stamp(micros(content.made_at)).decode(),
        "dataTypes": list(content.datasets),
        "recordCounts": counts,
    }
    return json.dumps(facts, indent=2).encode()
