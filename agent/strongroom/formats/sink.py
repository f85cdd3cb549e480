"""Where the bytes of members go: read one after another, here or in another process, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from strongroom.formats.csv_table import CsvReader
from strongroom.formats.document import DocumentReader, PlainReader
from strongroom.formats.json_array import JsonArrayReader, MemberReader, NdjsonReader, ParseVerdict, pour
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container


class RecordSink(Protocol):
    """Takes members strictly in turn: begin, any number of feeds, end."""

    def begin(self, member: str) -> None:
        """Start a member by its name in the container."""

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes of any length; they are not kept beyond the call."""

    def end(self, *, whole: bool) -> ParseVerdict:
        """Return what was found. `whole` says that the bytes came to their end and with the right CRC."""


def choose_reader(member: str, expectation: Expectation, caps: Caps) -> MemberReader:
    """Return the reader that suits the container and the member's role: dataset, companion, or unexpected."""
    if expectation.container is Container.BUNDLE:
        held = {file.name: (file.dataset, file.container) for file in expectation.files}
        dataset, container = held.get(member, ("", expectation.container))
        shape = next((each for each in expectation.datasets if each.name == dataset), None)
    else:
        shape = next((each for each in expectation.datasets if each.member == member), None)
        container = expectation.container
    if shape is not None and container in _READERS:
        return _READERS[container](member, shape, expectation, caps)
    if member in expectation.companions:
        return DocumentReader(member, caps, [each.name for each in expectation.datasets])
    return PlainReader(member)


_READERS: Mapping[Container, Callable[[str, DatasetShape, Expectation, Caps], MemberReader]] = MappingProxyType(
    {
        Container.ZIP_OF_JSON: JsonArrayReader,
        Container.JSON_ARRAY: JsonArrayReader,
        Container.NDJSON: NdjsonReader,
        Container.CSV: CsvReader,
    }
)


class InlineSink:
    """Reads in this process."""

    def __init__(self, expectation: Expectation, caps: Caps) -> None:
        self._expectation = expectation
        self._caps = caps
        self._reader: MemberReader = PlainReader("")

    def begin(self, member: str) -> None:
        """Choose the member's reader."""
        self._reader = choose_reader(member, self._expectation, self._caps)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Give the bytes to the reader."""
        pour(self._reader, data)

    def end(self, *, whole: bool) -> ParseVerdict:
        """Return what the reader found, and forget the reader's memory."""
        reader, self._reader = self._reader, PlainReader("")
        return reader.finish(whole=whole)
