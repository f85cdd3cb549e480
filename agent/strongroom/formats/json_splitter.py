"""Cut one endless JSON array into batches of whole records, without reading any of it twice.

Bytes collect in a window whose byte 0 is always `[`. To cut, the comma before some record is overwritten with `]`, so
that window[0:cut+1] is an array by itself, and the parser is asked. Why this is sound: the state of a JSON reader at a
cut depends only on the bytes before it, and `[` + bytes + `]` is JSON only if that state is "behind a value in the
outermost array". So a wrong guess is always refused, and guessing affects speed alone. Places to cut are guessed by
looking backwards for the way the first record of the window begins, such as `{"id"`, and passing over objects whose
second key is another one, since those are likely to be nested in a record.

Where no guess holds, the slow reader takes the records one by one; where not even one is whole, the window doubles.
"""

from __future__ import annotations

import re
from typing import Protocol

from strongroom.formats.plaintext import Unreadable
from strongroom.formats.slow_json import MAX_BYTES, Decoded, SubstitutedText, decode_records, find_end, tame

BATCH = 256 * 1024  # bytes
GUESSES = 12  # batches offered to the parser for one cut
LOOKS = 2_000  # places looked at for one cut; most are passed over without asking the parser

_BLANK = b" \t\n\r"
_BOM = b"\xef\xbb\xbf"
_OPEN, _CLOSE, _COMMA = b"[],"
_SPACE = rb"[ \t\n\r]{0,64}+"  # possessive and short: no guess is worth looking at the same blanks twice
_KEY = rb'"(?:[^"\\]|\\.){0,200}"'
_SCALAR = rb'(?:"(?:[^"\\]|\\.){0,300}"|[^"\[\]{}, \t\n\r][^"\[\]{},]{0,59})'
_BLANKS = re.compile(_SPACE)
_START = re.compile(rb"\[%b(\{(?:%b%b)?)" % (_SPACE, _SPACE, _KEY), re.DOTALL)
_SECOND = re.compile(rb"%b:%b%b,%b(%b)" % (_SPACE, _SPACE, _SCALAR, _SPACE, _KEY), re.DOTALL)
_LONGEST_GAP = 4_096  # bytes of white space before a record that a guess looks across


class BatchTaker(Protocol):
    """Takes what was cut. What it takes must not be kept beyond the call."""

    def take_batch(self, text: memoryview) -> bool:
        """Parse one array of whole records; return False, with nothing counted, where it is refused."""

    def take_decoded(self, decoded: Decoded) -> None:
        """Take records that the slow reader read."""

    def take_substituted(self, substituted: SubstitutedText, record: bytes) -> bool:
        """Take one large record, given as an array and as it was delivered; return False where it is refused."""


class Splitter:
    """Give it bytes through `room` and `advance`, then `finish`; it gives batches to the taker.

    Raise Unreadable where the text is certainly no array of objects, or where one record passes `max_record` bytes.
    """

    def __init__(self, taker: BatchTaker, *, max_record: int, batch: int = BATCH) -> None:
        self._taker = taker
        self._limit = max_record
        self._window = bytearray(min(batch, max_record))
        self._view = memoryview(self._window)
        self._fill = 0
        self._hint = b""  # how a record begins, up to its first key
        self._second = b""  # its second key, or empty
        self._started = False  # the byte-order mark, if any, is behind us
        self._opened = False
        self._closed = False
        self._first = True  # no record was cut yet, so the array may be empty

    def room(self) -> memoryview:
        """Return where the next bytes go; never empty. The view is good until `advance`."""
        return self._view[self._fill :]

    def advance(self, count: int) -> None:
        """Take note that `count` bytes were written into the room."""
        self._fill += count
        if not self._opened:
            self._open()
        if self._fill == len(self._window):
            self._make_room()

    def finish(self) -> None:
        """Take the last batch; raise Unreadable unless the array has ended and nothing follows."""
        if not self._opened:
            raise Unreadable("json-not-array", "the text is empty; a JSON array was expected")
        if self._closed:
            self._require_blank()
        elif not self._taker.take_batch(self._view[: self._fill]):
            self._ask_slow_reader(final=True)
        self._closed, self._fill = True, 0

    def _open(self) -> None:
        head = bytes(self._view[: self._fill])
        if not self._started:
            if len(head) < len(_BOM) and _BOM.startswith(head):
                return
            head, self._started = head.removeprefix(_BOM), True
        head = head.lstrip(_BLANK)
        self._view[: len(head)] = head
        self._fill = len(head)
        if head:
            self._opened = True
            if head[0] != _OPEN:
                what = "an object" if head[:1] == b"{" else "something else"
                raise Unreadable("json-not-array", f"a JSON array of records was expected, but the text is {what}")

    def _make_room(self) -> None:
        if self._closed:
            self._require_blank()
            self._fill = 0
            return
        cut = self._guess_cut()
        if cut:
            self._drop(cut)
        elif not self._ask_slow_reader(final=False):
            self._grow()

    def _guess_cut(self) -> int:
        """Return the index of the comma behind the batch that the parser took, or 0."""
        cut = self._try_cuts() if self._hint else 0
        if cut:
            return cut
        start = _START.match(self._window, 0, self._fill)
        hint = start[1] if start else b""
        if not hint or hint == self._hint:
            return 0
        self._hint = bytes(hint)
        second = _SECOND.match(self._window, start.end() if start else 0, self._fill)
        self._second = bytes(second[1]) if second else b""
        return self._try_cuts()

    def _try_cuts(self) -> int:
        start, guesses = self._fill, 0
        for _ in range(LOOKS):
            start = self._window.rfind(self._hint, 1, start)
            if start < 0 or guesses == GUESSES:
                return 0
            comma = self._find_comma(start) if self._looks_right(start) else 0
            if comma:
                guesses += 1
                if self._offer(comma):
                    return comma
        return 0

    def _looks_right(self, start: int) -> bool:
        second = _SECOND.match(self._window, start + len(self._hint), self._fill) if self._second else None
        return not self._second or (second is not None and second[1] == self._second)

    def _find_comma(self, start: int) -> int:
        before = self._window[max(1, start - _LONGEST_GAP) : start].rstrip(_BLANK)
        return max(1, start - _LONGEST_GAP) + len(before) - 1 if before.endswith(b",") else 0

    def _offer(self, comma: int) -> bool:
        self._window[comma] = _CLOSE
        taken = self._taker.take_batch(self._view[: comma + 1])
        self._window[comma] = _COMMA
        return taken

    def _drop(self, comma: int) -> None:
        """Forget the window up to the comma, and let a new array begin in its place."""
        rest = self._fill - comma
        self._window[:rest] = self._window[comma : self._fill]
        self._window[0] = _OPEN
        self._fill = rest
        self._first = False

    def _ask_slow_reader(self, *, final: bool) -> bool:
        if self._fill > MAX_BYTES:
            return self._take_large(final=final)
        decoded = decode_records(self._view[1 : self._fill], first=self._first, final=final)
        self._taker.take_decoded(decoded)
        if decoded.fault:
            raise decoded.fault
        if decoded.closed:
            self._closed, self._fill = True, 0
        elif decoded.used:
            self._drop(1 + decoded.used)
        return decoded.closed or bool(decoded.used)

    def _take_large(self, *, final: bool) -> bool:
        """Take the whole records of a window that is too large for the slow reader; say whether there was one."""
        at, comma = self._skip_blank(1), 0
        if self._first and self._window[at : at + 1] == b"]" and at < self._fill:
            return self._close(at)
        while after := self._end_of_record(at):
            behind = self._skip_blank(after)
            mark = self._window[behind : behind + 1] if behind < self._fill else b""
            if mark not in (b"", b",", b"]"):
                raise Unreadable("json-malformed", "a comma or the array's end is missing behind a record")
            if not mark:
                break
            self._take_one(bytes(self._view[at:after]))
            if mark == b"]":
                return self._close(behind)
            comma, at = behind, self._skip_blank(behind + 1)
        if final:
            raise Unreadable("json-truncated", "the JSON array ends before its closing bracket")
        if comma:
            self._drop(comma)
        return bool(comma)

    def _end_of_record(self, at: int) -> int:
        if at >= self._fill:
            return 0
        if self._window[at] == _CLOSE:
            raise Unreadable("json-malformed", "a comma is followed by the array's end; a record was expected")
        if self._window[at : at + 1] != b"{":
            raise Unreadable("json-not-object", "the array holds something that is not an object; records are objects")
        return find_end(self._window, at, self._fill)

    def _take_one(self, record: bytes) -> None:
        substituted = tame(b"[%b]" % record)
        if not self._taker.take_substituted(substituted, record):
            raise Unreadable("json-malformed", f"a record of {len(record):,} bytes is not JSON")

    def _skip_blank(self, at: int) -> int:
        found = _BLANKS.match(self._window, at, self._fill)
        return found.end() if found else at

    def _close(self, bracket: int) -> bool:
        if self._skip_blank(bracket + 1) < self._fill:
            raise Unreadable("json-trailing-bytes", "text follows the end of the JSON array; none was expected")
        self._closed, self._fill = True, 0
        return True

    def _grow(self) -> None:
        size = len(self._window)
        if size >= self._limit:
            words = f"a record has more than {self._limit:,} bytes, or is not JSON"
            raise Unreadable("json-record-too-large", words)
        wider = bytearray(min(2 * size, self._limit))
        wider[:size] = self._window
        self._window, self._view = wider, memoryview(wider)

    def _require_blank(self) -> None:
        if self._window[: self._fill].strip(_BLANK):
            raise Unreadable("json-trailing-bytes", "text follows the end of the JSON array; none was expected")
