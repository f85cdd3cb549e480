"""Choose the reader for each member, and pass it the member's bytes in this process.

Members without records have readers here too: a companion such as metadata.json must be one JSON document; any other
member is only measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import simdjson

from strongroom.formats.csv_table import CsvReader
from strongroom.formats.json_array import JsonArrayReader, MemberReader, NdjsonReader, ParseVerdict, RecordWatcher, pour
from strongroom.formats.json_page import PageReader
from strongroom.formats.plaintext import Unreadable, printable
from strongroom.formats.slow_json import MAX_BYTES, decode_document, tame
from strongroom.model.inspection import Caps, Expectation, Finding, MemberReport
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

_ROOM = 256 * 1024
_BOM = b"\xef\xbb\xbf"
_COUNTS = ("count", "recordCount", "records", "rows", "total")
_DEPTH, _WIDTH = 3, 1_000  # objects within objects, and how many of one level, are looked at for counts


class PlainReader:
    """Counts bytes and looks at nothing."""

    def __init__(self, member: str) -> None:
        self._member = printable(member)
        self._room = memoryview(bytearray(_ROOM))
        self._size = 0

    def room(self) -> memoryview:
        """Return where the next bytes go."""
        return self._room

    def advance(self, count: int) -> None:
        """Count the bytes."""
        self._size += count

    def finish(self, *, whole: bool) -> ParseVerdict:  # noqa: ARG002  # nothing depends on the end
        """Return the size."""
        return _measure(self._member, self._size, ())


class DocumentReader:
    """Collects one JSON document of any type, of at most `Caps.max_record` bytes, and parses it strictly."""

    def __init__(self, member: str, caps: Caps, datasets: Sequence[str] = ()) -> None:
        self._member = printable(member)
        self._datasets = datasets
        self._counts: tuple[tuple[str, int], ...] = ()  # what the document says about these datasets
        self._limit = caps.max_record
        self._text = bytearray()
        self._room = memoryview(bytearray(_ROOM))
        self._size = 0

    def room(self) -> memoryview:
        """Return where the next bytes go."""
        return self._room

    def advance(self, count: int) -> None:
        """Keep the bytes, unless the document is already too large."""
        self._size += count
        if self._size <= self._limit:
            self._text += self._room[:count]

    def finish(self, *, whole: bool) -> ParseVerdict:
        """Parse the document where it is whole."""
        try:
            if whole:
                self._parse()
        except Unreadable as fault:
            return _measure(self._member, self._size, (fault.as_finding(self._member),))
        return _measure(self._member, self._size, (), self._counts)

    def _parse(self) -> None:
        if self._size > self._limit:
            words = f"the document has {self._size:,} bytes; at most {self._limit:,} are read"
            raise Unreadable("json-record-too-large", words)
        text = self._text.removeprefix(_BOM)
        try:
            self._counts = _find_counts(simdjson.Parser().parse(text, recursive=True), self._datasets)
            return
        except (ValueError, RuntimeError):  # the parser's own words for every kind of refusal
            pass
        if len(text) <= MAX_BYTES:
            decode_document(bytes(text))
        elif not _is_json(tame(bytes(text)).text):
            raise Unreadable("json-malformed", "the document is not JSON")


def _is_json(text: bytes | bytearray) -> bool:
    try:
        simdjson.Parser().parse(text)
    except (ValueError, RuntimeError):  # the parser's own words for every kind of refusal
        return False
    return True


def _find_counts(document: object, datasets: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return what the document says of each dataset: its name with a number, or with an object that has one count.

    The provider documents none of its fields. What is said twice and differently is not said.
    """
    stated: dict[str, set[int]] = {name: set() for name in datasets}
    levels = [document]
    for _depth in range(_DEPTH):
        objects = [each for each in levels if isinstance(each, dict)][:_WIDTH]
        for each in objects:
            for name in stated.keys() & each.keys():
                stated[name].update(_count(each[name]))
        levels = [inner for each in objects for inner in each.values()]
    return tuple((name, counts.pop()) for name, counts in stated.items() if len(counts) == 1)


def _count(value: object) -> set[int]:
    values = [value.get(name) for name in _COUNTS] if isinstance(value, dict) else [value]
    return {each for each in values if type(each) is int and each >= 0}


def _measure(
    member: str, size: int, findings: tuple[Finding, ...], counts: tuple[tuple[str, int], ...] = ()
) -> ParseVerdict:
    report = MemberReport(
        member, "", size, records=0, in_window=0, undated=0, earliest=None, latest=None, counts=counts
    )
    return ParseVerdict(report, findings)


class RecordSink(Protocol):
    """Takes members strictly in turn: begin, any number of feeds, end."""

    def begin(self, member: str) -> None:
        """Start a member by its name in the container."""

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes of any length; they are not kept beyond the call."""

    def end(self, *, whole: bool) -> ParseVerdict:
        """Return what was found. `whole` says that the bytes came to their end and with the right CRC."""


MakeWatcher = Callable[[DatasetShape], RecordWatcher | None]


def watch_nothing(_shape: DatasetShape) -> None:
    """Watch the records of no dataset."""


def choose_reader(
    member: str, expectation: Expectation, caps: Caps, watch: MakeWatcher = watch_nothing
) -> MemberReader:
    """Return the reader that suits the container and the member's role: dataset, companion, or unexpected.

    `watch` makes what sees the records of a dataset.
    """
    if expectation.container is Container.BUNDLE:
        file = next((each for each in expectation.files if each.name == member), None)
        dataset, container = (file.dataset, file.container) if file else ("", expectation.container)
        shape = next((each for each in expectation.datasets if each.name == dataset), None)
        if file is not None and shape is not None and container is Container.JSON_PAGE:
            return PageReader(member, shape, expectation, caps, watch(shape), file.records)
    else:
        shape = next((each for each in expectation.datasets if each.member == member), None)
        container = expectation.container
    if shape is not None and container in _READERS:
        return _READERS[container](member, shape, expectation, caps, watch(shape))
    if member in expectation.companions:
        return DocumentReader(member, caps, [each.name for each in expectation.datasets])
    return PlainReader(member)


_READERS: Mapping[Container, Callable[[str, DatasetShape, Expectation, Caps, RecordWatcher | None], MemberReader]] = (
    MappingProxyType(
        {
            Container.ZIP_OF_JSON: JsonArrayReader,
            Container.JSON_ARRAY: JsonArrayReader,
            Container.NDJSON: NdjsonReader,
            Container.CSV: CsvReader,
        }
    )
)


class InlineSink:
    """Reads in this process."""

    def __init__(self, expectation: Expectation, caps: Caps, watch: MakeWatcher = watch_nothing) -> None:
        self._expectation = expectation
        self._caps = caps
        self._watch = watch
        self._reader: MemberReader = PlainReader("")

    def begin(self, member: str) -> None:
        """Choose the member's reader."""
        self._reader = choose_reader(member, self._expectation, self._caps, self._watch)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Give the bytes to the reader."""
        pour(self._reader, data)

    def end(self, *, whole: bool) -> ParseVerdict:
        """Return what the reader found, and forget the reader's memory."""
        reader, self._reader = self._reader, PlainReader("")
        return reader.finish(whole=whole)
