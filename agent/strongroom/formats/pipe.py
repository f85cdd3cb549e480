"""A sink in another process: inflate here, parse there, one pipe each way.

To the parser go frames: one byte of kind, four of length (big-endian), the payload. BEGIN carries a member's name, DATA
bytes of it, END one byte: 1 where the member is whole. After each END the parser answers with four bytes of length and
a JSON document of one Verdict. The end of the stream ends the service. The answer is bounded and checked against its
types, since the process that parses hostile bytes is the one that may have been taken over.

Where the two share memory, SLOT frames announce bytes that lie there; they have no payload in the pipe, and the parser
answers each with one byte once it has copied them.

A parser that serves any process that starts it is first sent a START frame: what to expect, as JSON. After a WATCH
frame the records of the members that follow are shown to a watcher, too.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

import msgspec

from strongroom.formats.json_array import MemberReader, ParseVerdict, pour
from strongroom.formats.peer import READABLE, WRITABLE, Allowance, PeerLate, wait_for, widen_pipe
from strongroom.formats.sink import MakeWatcher, choose_reader, watch_nothing
from strongroom.formats.slots import SLOT, SlotFeeder, SlotReader
from strongroom.model.errors import WorldError
from strongroom.model.inspection import Caps, Expectation

MAX_FRAME = 1 << 20
MAX_START = 64 << 20  # bytes; an expectation names a thousand files at most
MAX_ANSWER = 4 << 20

_BEGIN, _DATA, _END, _SLOT, _START, _WATCH = 1, 2, 3, 4, 5, 6
_FRAME = struct.Struct("!BL")
_LENGTH = struct.Struct("!L")
_REQUESTS = msgspec.json.Decoder(tuple[Expectation, Caps])
_VERDICTS = msgspec.json.Decoder(ParseVerdict)  # made by the import: see the rule in tests/layers/test_decoders.py


_ADVICE = "if this happens again with the same file, report the file's size and format to the project"


class ParserLost(WorldError):
    """The process that parses ended, gave no answer in time, or answered something that is no answer."""


class PipedSink:
    """Sends members to `serve_records` at the other end of two descriptors, which the caller opens and closes."""

    def __init__(
        self,
        to_parser: int,
        from_parser: int,
        shared: memoryview | None = None,
        given: Callable[[int], None] = lambda _size: None,
        allowance: Allowance | None = None,
    ) -> None:
        """`shared` is memory that the parser has too, from `share_memory`; `given` gets the number of bytes passed on.

        `allowance` bounds how long the parser may keep us waiting.
        """
        self._to = to_parser
        self._from = from_parser
        self._given = given
        self._allowance = allowance or Allowance()
        os.set_blocking(to_parser, False)
        self._slots = SlotFeeder(shared) if shared is not None else None
        widen_pipe(to_parser)

    def start(self, expectation: Expectation, caps: Caps) -> None:
        """Send what to expect, once, to a parser that calls `read_start`."""
        self._send(_START, msgspec.json.encode((expectation, caps)))

    def watch(self) -> None:
        """Have the parser show the records of the members that follow to its watcher."""
        self._send(_WATCH, b"")

    def begin(self, member: str) -> None:
        """Send the name."""
        self._send(_BEGIN, member.encode("utf-8", "surrogateescape"))

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Send the bytes, through the shared memory where there is some."""
        view, slots = memoryview(data), self._slots
        self._given(len(view))
        self._allowance.earn(len(view))
        step = MAX_FRAME if slots is None else SLOT
        for at in range(0, len(view), step):
            if slots is None:
                self._send(_DATA, view[at : at + step])
            else:
                self._share(slots, view[at : at + step])

    def end(self, *, whole: bool) -> ParseVerdict:
        """Send the end and wait for the answer."""
        self._send(_END, b"\x01" if whole else b"\x00")
        if self._slots is not None:
            self._take_back(self._slots, self._slots.out)
        (length,) = _LENGTH.unpack(self._receive(_LENGTH.size))
        if length > MAX_ANSWER:
            raise ParserLost(f"the parsing process announced an answer of {length:,} bytes, over {MAX_ANSWER:,}")
        try:
            return _VERDICTS.decode(self._receive(length))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParserLost("the parsing process answered something that is not an answer") from error

    def _share(self, slots: SlotFeeder, piece: memoryview) -> None:
        if slots.full:
            self._take_back(slots, 1)
        slots.fill(piece)
        self._write(_FRAME.pack(_SLOT, len(piece)), b"")

    def _take_back(self, slots: SlotFeeder, count: int) -> None:
        """Wait until the parser has given back so many slots."""
        slots.out -= len(self._receive(count))

    def _send(self, kind: int, payload: bytes | memoryview) -> None:
        self._write(_FRAME.pack(kind, len(payload)), payload)

    def _write(self, head: bytes, payload: bytes | memoryview) -> None:
        try:
            sent = self._try([head, payload])
            if sent < len(head) + len(payload):
                self._write_rest(memoryview(head + bytes(payload))[sent:])
        except BrokenPipeError as error:
            raise ParserLost("the parsing process ended before it had read everything") from error

    def _write_rest(self, view: memoryview) -> None:
        while view:
            self._wait(self._to, WRITABLE)
            view = view[self._try([view]) :]

    def _try(self, blocks: list[bytes | memoryview]) -> int:
        """Write what the pipe takes now."""
        try:
            return os.writev(self._to, blocks)
        except BlockingIOError:
            return 0

    def _receive(self, length: int) -> bytearray:
        block = bytearray(length)
        view = memoryview(block)
        while view:
            self._wait(self._from, READABLE)
            count = os.readv(self._from, [view])
            if not count:
                raise ParserLost("the parsing process ended before it had answered")
            view = view[count:]
        return block

    def _wait(self, descriptor: int, event: int) -> None:
        try:
            wait_for(descriptor, event, self._allowance)
        except PeerLate as late:
            raise ParserLost(f"the parsing process kept the file waiting for {late}", hint=_ADVICE) from None


def read_start(from_feeder: int) -> tuple[Expectation, Caps]:
    """Return what `PipedSink.start` sent. Raises WorldError for anything else."""
    kind, length = _FRAME.unpack(_read_payload(from_feeder, _FRAME.size))
    if kind != _START or length > MAX_START:
        raise WorldError("the stream of members to parse is out of step")
    return _REQUESTS.decode(_read_payload(from_feeder, length))


def serve_records(
    from_feeder: int,
    to_feeder: int,
    expectation: Expectation,
    caps: Caps,
    shared: memoryview | None = None,
    watch: MakeWatcher = watch_nothing,
    *,
    taken: Callable[[int], None] = lambda _size: None,
) -> None:
    """Parse what a PipedSink sends until it closes its end; raise WorldError for a broken or senseless stream.

    `watch` makes what sees the records, once the feeder wants that. `taken` is called with the size of each block in
    bytes, before it is parsed.
    """
    reader: MemberReader | None = None
    wanted: MakeWatcher = watch_nothing
    slots = SlotReader(shared) if shared is not None else None
    head = memoryview(bytearray(_FRAME.size))
    while _fill(from_feeder, head):
        kind, length = _FRAME.unpack(head)
        if kind == _SLOT and reader and slots and length <= SLOT:
            taken(length)
            pour(reader, slots.take(length))
            os.write(to_feeder, b"\0")
        elif kind == _DATA and reader and length <= MAX_FRAME:
            taken(length)
            _read_data(from_feeder, length, reader)
        elif kind == _BEGIN and not reader and length <= MAX_FRAME:
            name = _read_payload(from_feeder, length).decode("utf-8", "surrogateescape")
            reader = choose_reader(name, expectation, caps, wanted)
        elif kind == _WATCH and not reader and length == 0:
            wanted = watch
        elif kind == _END and reader and length == 1:
            verdict = reader.finish(whole=_read_payload(from_feeder, 1) == b"\x01")
            reader = None
            answer = msgspec.json.encode(verdict)
            _write_rest(to_feeder, _LENGTH.pack(len(answer)) + answer, 0)
        else:
            raise WorldError("the stream of members to parse is out of step")
    if reader:
        raise _cut_short()


def _read_data(descriptor: int, length: int, reader: MemberReader) -> None:
    while length:
        count = os.readv(descriptor, [reader.room()[:length]])
        if not count:
            raise _cut_short()
        reader.advance(count)
        length -= count


def _read_payload(descriptor: int, length: int) -> bytes:
    block = bytearray(length)
    if not _fill(descriptor, memoryview(block)):
        raise _cut_short()
    return bytes(block)


def _fill(descriptor: int, view: memoryview) -> bool:
    """Fill the view; return False where the stream ends before it begins or within it."""
    while view:
        count = os.readv(descriptor, [view])
        if not count:
            return False
        view = view[count:]
    return True


def _write_rest(descriptor: int, block: bytes, sent: int) -> None:
    view = memoryview(block)[sent:]
    while view:
        view = view[os.write(descriptor, view) :]


def _cut_short() -> WorldError:
    return WorldError("the stream of members to parse ended within a member")
