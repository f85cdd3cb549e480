"""Export files as ZIPs of JSON arrays, with faults where a test asks for them.

One `<dataType>.json` for each dataset and a `metadata.json`, as the vendor's guide shows. Building streams: memory
does not grow with the size of the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from strongroom_sandbox.encoders import ENCRYPTED, ZipWriter
from strongroom_sandbox.faults import FaultKind, InjectedFault, first
from strongroom_sandbox.options import ZipStyle
from strongroom_sandbox.records import DAY, micros
from strongroom_sandbox.storage import Counted, FileContent, FileStore, trailing_bytes
from strongroom_sandbox.zavu_records import RecordSource, json_array, stamp

METADATA = "metadata.json"
_LARGE = 3 << 30
"""Bytes of JSON from which a ZIP is written with 64-bit fields."""


class ZipContent(FileContent, frozen=True, kw_only=True):
    """What one ZIP holds."""

    datasets: tuple[str, ...]


class ZipStore(FileStore[ZipContent]):
    """Builds ZIPs in `folder`."""

    suffix = ".zip"
    media_type = "application/zip"

    def __init__(self, folder: Path, source: RecordSource, style: ZipStyle) -> None:
        super().__init__(folder)
        self._source = source
        self._style = style

    def fill(self, file: BinaryIO, content: ZipContent) -> int:
        """Write the ZIP and return how many records are in it."""
        options = self._source.options
        large = (options.target_bytes or 0) > _LARGE
        style = self._style
        writer = ZipWriter(file, level=options.zlib_level, zip64=style.zip64 or large, descriptors=style.descriptors)
        faults = _FileFaults(content)
        counts: dict[str, int] = {}
        for dataset in content.datasets:
            self._add_dataset(writer, faults, content, dataset, counts)
        if first(content.faults, FaultKind.MISSING_METADATA) is None:
            faults.add(writer, METADATA, [_metadata(content, counts)])
        faults.add_extras(writer)
        writer.close()
        file.write(trailing_bytes(content.faults))
        return sum(counts.values())

    def _add_dataset(
        self, writer: ZipWriter, faults: _FileFaults, content: ZipContent, dataset: str, counts: dict[str, int]
    ) -> None:
        member = f"{dataset}.json"
        records = Counted(iter(()) if faults.leaves_out(member) else self._source.records(dataset, content.span))
        head = next(records, None)
        if head is None and self._style.empty_absent:
            counts[dataset] = 0
            return
        whole = chain(() if head is None else (head,), records)
        faults.add(writer, member, self.watched(faults.array(member, whole)))
        counts[dataset] = records.count


class _FileFaults:
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

    def array(self, name: str, records: Iterator[bytes]) -> Iterator[bytes]:
        """Return the member's text."""
        for kind, change in _RECORD_FAULTS.items():
            fault = self._hit(kind, name)
            if fault:
                records = change(records, fault, self._content)
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
