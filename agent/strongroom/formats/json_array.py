"""Read a member that is a JSON array of objects, or NDJSON: count every record, in the memory of one batch.

The parser is strict about grammar and UTF-8. What only the slow reader accepts is accepted and noted. A field that a
record names twice is accepted with a warning; which of its values the time is taken from is not defined. After a fault
the remaining bytes are only counted, so that the caller can still check the CRC.

NDJSON has one JSON object on each line. Blank lines are skipped and the last line may have no end. Each line is parsed
by itself, so nothing can run from one line into the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import simdjson
from msgspec import Struct

from strongroom.formats.exact_json import decode_exact
from strongroom.formats.json_splitter import BATCH, Splitter
from strongroom.formats.plaintext import FindingLog, Unreadable, printable
from strongroom.formats.record_checks import DateTally, FieldWatch
from strongroom.formats.slow_json import Decoded, SubstitutedText, decode_records
from strongroom.model.inspection import Caps, Expectation, Finding, MemberReport, Severity
from strongroom.model.plan import DatasetShape
from strongroom.model.text import clause

ROOM = 256 * 1024  # bytes
_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_array = msgspec.json.Decoder(list[dict[str, Any]]).decode


class RecordWatcher(Protocol):
    """Sees every record of a member that is inspected, decoded, with what its time is read from."""

    def watch(self, records: Sequence[dict[str, Any]], times: Sequence[Any]) -> None:
        """See the next records. They are not kept beyond the call by the reader."""

    def close(self) -> None:
        """Take note that the member has ended."""


class RecordTaker(Protocol):
    """Takes what was read."""

    def take_decoded(self, decoded: Decoded) -> None:
        """Take the records of some lines."""


class LineSplitter:
    """Give it bytes through `room` and `advance`, then `finish`; it gives records to the taker.

    Raise Unreadable where a line is certainly no JSON object, or passes `max_record` bytes.
    """

    def __init__(self, taker: RecordTaker, *, max_record: int, batch: int = ROOM) -> None:
        self._taker = taker
        self._limit = max_record
        self._view = memoryview(bytearray(batch))
        self._rest = bytearray()  # the beginning of a line whose end has not come
        self._lines = 0
        self._begun = False

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty. The view is good until `advance`."""
        return self._view

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room."""
        head, newline, tail = bytes(self._view[:count]).rpartition(b"\n")
        if newline:
            self._take(bytes(self._rest) + head)
            self._rest = bytearray()
        self._rest += tail
        if len(self._rest) > self._limit:
            raise _too_large(self._lines + 1, self._limit)

    def finish(self) -> None:
        """Take the last line, which may have no end."""
        self._take(bytes(self._rest))
        self._rest = bytearray()

    def _take(self, block: bytes) -> None:
        found = Decoded()
        lines = block.split(b"\n")
        if not self._begun and block:
            self._begun = True
            lines[0] = lines[0].removeprefix(_BOM)
        try:
            for line in lines:
                self._lines += 1
                self._read(line, found)
        finally:
            self._taker.take_decoded(found)

    def _read(self, line: bytes, found: Decoded) -> None:
        if not line.strip():
            return
        if len(line) > self._limit:
            raise _too_large(self._lines, self._limit)
        try:
            found.records.append(_decode(line))
            found.texts.append(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._read_again(line, found)

    def _read_again(self, line: bytes, found: Decoded) -> None:
        again = decode_records(line + b"]", first=False, final=True)
        if again.fault is not None or len(again.records) != 1:
            why = again.fault or Unreadable("json-malformed", "it holds other than one object")
            raise Unreadable(
                _CODES.get(why.code, why.code), f"line {self._lines:,} is not one JSON object: {why.message}"
            )
        found.records += again.records
        found.texts += again.texts
        found.surrogates += again.surrogates
        found.numbers += again.numbers


_CODES = {"json-trailing-bytes": "json-malformed", "json-not-array": "json-malformed"}
"""Words of the reader of arrays that mean something else for a line."""


def _too_large(line: int, limit: int) -> Unreadable:
    return Unreadable("json-record-too-large", f"line {line:,} has more than {limit:,} bytes, or no line ends")


class ParseVerdict(Struct, frozen=True):
    """What reading one member gave."""

    report: MemberReport
    findings: tuple[Finding, ...]


class MemberReader(Protocol):
    """Reads one member's bytes as they come. Nothing is raised for their content; `finish` reports it."""

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty, good until `advance`."""

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room."""

    def finish(self, *, whole: bool) -> ParseVerdict:
        """Return what was found. `whole` says that the bytes arrived to their end and with the right CRC."""


class JsonArrayReader:
    """Counts, dates and watches the records of one dataset."""

    def __init__(
        self,
        member: str,
        shape: DatasetShape,
        expectation: Expectation,
        caps: Caps,
        watcher: RecordWatcher | None = None,
        *,
        batch: int = BATCH,
    ) -> None:
        self._watcher = watcher
        self._member = printable(member)
        self._shape = shape
        self._log = FindingLog(caps.max_findings)
        self._dates = DateTally(
            expectation.window, end_inclusive=expectation.end_inclusive, overlap=expectation.overlap
        )
        self._fields = FieldWatch(shape, caps.max_fields)
        self._announced_rows, self._announced_size = expectation.announced(member)
        self._splitter = self._make_splitter(caps, batch)
        self._parser = simdjson.Parser()
        self._size = self._records = self._surrogates = self._numbers = 0
        self._spare: memoryview | None = None  # after a fault: where bytes go that are only counted

    def _make_splitter(self, caps: Caps, batch: int) -> Splitter | LineSplitter:
        return Splitter(self, max_record=caps.max_record, batch=batch)

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty, good until `advance`."""
        return self._splitter.room() if self._spare is None else self._spare

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room; after a fault they are only counted."""
        self._size += count
        if self._spare is not None:
            return
        try:
            self._splitter.advance(count)
        except Unreadable as fault:
            self._break(fault)

    def finish(self, *, whole: bool) -> ParseVerdict:
        """Read the last batch where the bytes are whole, and return what was found."""
        if whole and self._spare is None:
            try:
                self._splitter.finish()
                self._require_proof()
            except Unreadable as fault:
                self._break(fault)
        if self._watcher is not None:
            self._watcher.close()
        self._report_slow()
        self._dates.report(self._log, self._member)
        self._fields.report(self._log, self._member)
        return ParseVerdict(self._summarise(empty=whole and self._spare is None), self._log.close())

    def _require_proof(self) -> None:
        """Refuse a file without records that does not show that it has none; a closed array does."""

    def take_batch(self, text: memoryview) -> bool:
        """Parse and count one array of whole records; return False where the fast parser refuses it."""
        array = self._parse(text)
        if array is None:
            return False
        self._absorb(array)
        if self._watcher is not None:
            self._show(_decode_again(text, array))
        return True

    def take_decoded(self, decoded: Decoded) -> None:
        """Count records that the slow reader read."""
        self._surrogates += decoded.surrogates
        self._numbers += decoded.numbers
        self._absorb(decoded.records)
        self._show(decoded.records)

    def take_substituted(self, substituted: SubstitutedText, record: bytes) -> bool:
        """Count one large record; return False where it is not JSON."""
        array = self._parse(memoryview(substituted.text))
        if array is None:
            return False
        self._absorb(array)
        if self._watcher is not None:
            self._show([decode_exact(record)])
        self._surrogates += bool(substituted.surrogates)
        self._numbers += substituted.numbers
        return True

    def _parse(self, text: memoryview) -> list[Any] | None:
        try:
            array: Any = self._parser.parse(text)
        except (ValueError, RuntimeError):  # the parser's own words for every kind of refusal
            return None
        return list(array)

    def _show(self, records: Sequence[dict[str, Any]]) -> None:
        if self._watcher is not None and records:
            name = self._shape.time_field
            self._watcher.watch(records, [record.get(name) if name else None for record in records])

    def _absorb(self, records: Sequence[Mapping[str, Any]]) -> None:
        if not records:
            return
        times = self._pick_times(records)
        self._records += len(records)
        self._dates.add(times)
        self._fields.see(records)

    def _pick_times(self, records: Sequence[Mapping[str, Any]]) -> list[Any]:
        name = self._shape.time_field
        try:
            return [record[name] for record in records]
        except (KeyError, TypeError):  # a record without a time, or something that is no record
            require_objects(records)
            # not record.get: the parser would throw and catch an exception for each missing field
            return [record[name] if name in list(record) else None for record in records]

    def _break(self, fault: Unreadable) -> None:
        self._spare = memoryview(bytearray(BATCH))
        words = f"{fault.message} ({self._records:,} records were read before)"
        self._log.add(Severity.FAULT, fault.code, words, self._member)

    def _report_slow(self) -> None:
        if self._surrogates:
            words = clause(self._surrogates, "record holds", "records hold")
            words += " half of a surrogate pair: valid JSON, but no valid text"
            self._log.add(Severity.NOTE, "json-lone-surrogate", words, self._member)
        if self._numbers:
            words = clause(self._numbers, "number does not fit", "numbers do not fit")
            words += " 64 bits: valid JSON, but many readers round them"
            self._log.add(Severity.NOTE, "json-wide-number", words, self._member)

    def _summarise(self, *, empty: bool) -> MemberReport:
        dates = self._dates
        return MemberReport(
            member=self._member,
            dataset=self._shape.name,
            size=self._size,
            records=self._records,
            in_window=dates.in_window,
            undated=dates.undated,
            earliest=dates.earliest,
            latest=dates.latest,
            fields_unknown=self._fields.unknown,
            fields_vanished=self._fields.vanished,
            empty=None if self._records else empty,
        )


class NdjsonReader(JsonArrayReader):
    """The same for a member that has one JSON object a line. Names that a record gives twice are not noticed."""

    def _make_splitter(self, caps: Caps, batch: int) -> LineSplitter:
        return LineSplitter(self, max_record=caps.max_record, batch=batch)

    def _require_proof(self) -> None:
        """Refuse a file without a line unless the provider announced that: an empty file may be one cut short."""
        if not self._records and self._announced_rows != 0 and self._announced_size != self._size:
            raise Unreadable("ndjson-empty", "the file has no line, so it does not show that there are no records")


def _decode_again(text: memoryview, array: list[Any]) -> list[dict[str, Any]]:
    """Return the records of an array that was parsed, by the reader that makes Python's objects in less time."""
    try:
        return _decode_array(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [each.as_dict() for each in array]


def require_objects(records: Sequence[Any]) -> None:
    """Raise Unreadable (json-not-object) unless all are JSON objects."""
    if not set(map(type, records)) <= {dict, simdjson.Object}:
        raise Unreadable("json-not-object", "the array holds something that is not an object; records are objects")


def pour(reader: MemberReader | Splitter | LineSplitter, data: bytes | bytearray | memoryview) -> None:
    """Copy a buffer of any size into a reader."""
    view = memoryview(data)
    while view:
        room = reader.room()
        count = min(len(room), len(view))
        room[:count] = view[:count]
        reader.advance(count)
        view = view[count:]
