"""What is reported of a file with a content coding, and how its announced size is checked: it may be of either form.

Undo a content coding (gzip, deflate; RFC 9110 section 8.4.1): in order, or from any place, in bounded memory.

A coded file is hostile like any other: the output of every step is bounded, a bomb ends early, and only a file whose
coding ends exactly at its last byte is whole. Several gzip members after one another are one file (RFC 1952).
"""

from __future__ import annotations

import copy
import hashlib
import io
import os
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from strongroom.formats.plaintext import PlaintextReader, Unreadable, fill_from
from strongroom.model.content_coding import OPENING, UNDOING, Coding, detect_coding
from strongroom.model.inspection import Caps, Finding, Inspection, Severity

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def judge_coded(
    found: Inspection, announced: int | None, coded: int, decoded: int | None, coding: str = Coding.GZIP
) -> Inspection:
    """Return the inspection with the findings about the whole file's coding."""
    return replace(found, findings=(*found.findings, *coding_findings(announced, coded, decoded, coding=coding)))


def coding_findings(
    announced: int | None, coded: int, decoded: int | None, member: str = "", *, coding: str = Coding.GZIP
) -> Iterator[Finding]:
    """Tell that a file came coded, and hold its size in bytes against the announced one, in either form.

    `decoded` is None where the coding could not be undone, which is a finding of its own.
    """
    if decoded is None:
        return
    code = "gzip-coded" if coding == Coding.GZIP else "deflate-coded"
    words = f"the file came {coding}-coded: {coded:,} bytes hold {decoded:,}"
    if announced is None:
        yield Finding(Severity.NOTE, code, words, member)
    elif announced in (coded, decoded):
        form = "decoded" if announced == decoded else "coded"
        yield Finding(Severity.NOTE, code, f"{words}; the provider announced the size of the {form} file", member)
    else:
        words = f"{words}; the provider announced {announced:,}, which is the size of neither form"
        yield Finding(Severity.FAULT, "size-mismatch", words, member)


STEP_IN = 16 * 1024  # bytes; small, since what follows the end of a member is copied
STEP_OUT = 256 * 1024
_STRIDE = 1 << 20  # decoded bytes between two places that reading can resume from
_PLACES = 256  # at most; each keeps about 40 KiB


class _Codes(Struct, frozen=True):
    """A coding's name for people, and the codes of its findings."""

    name: str
    truncated: str
    damaged: str
    trailing: str
    bomb: str


_GZIP = _Codes("gzip", "gzip-truncated", "gzip-damaged", "gzip-trailing-bytes", "gzip-bomb")
_DEFLATE = _Codes("deflate", "deflate-truncated", "deflate-damaged", "deflate-trailing-bytes", "deflate-bomb")


class Gunzip:
    """Takes coded bytes in order and gives decoded ones. Raises Unreadable for what is not whole and sound."""

    def __init__(self, caps: Caps, coding: Coding = Coding.GZIP) -> None:
        self._caps = caps
        self._wbits = UNDOING[coding].wbits
        self._several = coding is Coding.GZIP  # members may follow one another
        self._codes = _GZIP if coding is Coding.GZIP else _DEFLATE
        self._name = self._codes.name
        self._machine = zlib.decompressobj(self._wbits)
        self._members = 1
        self._in_member = 0  # decoded bytes of the present member
        self.consumed = 0
        self.produced = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next coded bytes decode to, in pieces of at most 256 KiB."""
        while data:
            if self._machine.eof:
                self._begin_member()
            piece = self._inflate(data)
            rest = self._machine.unused_data if self._machine.eof else self._machine.unconsumed_tail
            self.consumed += len(data) - len(rest)
            data = rest
            if piece:
                yield self._count(piece)

    def finish(self) -> Iterator[bytes]:
        """Yield what is left. Raises Unreadable (gzip-truncated) where the coded file is not complete."""
        while not self._machine.eof and (piece := self._inflate(b"")):
            yield self._count(piece)
        if not self._machine.eof:
            words = f"the {self._name}-coded file ends at byte {self.consumed:,}, before its end"
            raise Unreadable(self._codes.truncated, words)

    def copy(self) -> Gunzip:
        """Return a decoder that goes on from here."""
        twin = copy.copy(self)
        twin._machine = self._machine.copy()
        return twin

    def _begin_member(self) -> None:
        if not self._several:
            raise self._trailing()
        self._machine = zlib.decompressobj(self._wbits)
        self._members += 1
        self._in_member = 0

    def _inflate(self, data: bytes) -> bytes:
        try:
            return self._machine.decompress(data, STEP_OUT)
        except zlib.error:
            words = f"the {self._name} coding of the file is damaged at about byte {self.consumed:,}"
        if self._members > 1 and not self._in_member:
            raise self._trailing()
        raise Unreadable(self._codes.damaged, words)

    def _trailing(self) -> Unreadable:
        words = (
            f"what follows the end of the {self._name}-coded file at about byte {self.consumed:,} is not {self._name}"
        )
        return Unreadable(self._codes.trailing, words)

    def _count(self, piece: bytes) -> bytes:
        self.produced += len(piece)
        self._in_member += len(piece)
        caps = self._caps
        if self.produced > caps.max_total:
            raise self._bomb(f"the {self._name}-coded file decodes to more than {caps.max_total:,} bytes")
        if self.produced > caps.ratio_floor and self.produced > caps.max_ratio * max(self.consumed, 1):
            words = f"{self.consumed:,} bytes decode to more than {caps.max_ratio} times as many"
            raise self._bomb(f"the {self._name}-coded file is a bomb: {words}")
        return piece

    def _bomb(self, words: str) -> Unreadable:
        return Unreadable(self._codes.bomb, words)


def gunzip(pieces: Iterable[bytes], caps: Caps, coding: Coding = Coding.GZIP) -> Iterator[bytes]:
    """Yield the decoded bytes of a whole coded file."""
    machine = Gunzip(caps, coding)
    for piece in pieces:
        for start in range(0, len(piece), STEP_IN):
            yield from machine.decode(piece[start : start + STEP_IN])
    yield from machine.finish()


def decode_if_coded(pieces: Iterable[bytes], caps: Caps) -> tuple[str, Iterator[bytes]]:
    """Return a file's content coding and its decoded bytes; without a coding an empty string and the bytes as given."""
    source = iter(pieces)
    opening = b""
    while len(opening) < OPENING and (piece := next(source, b"")):
        opening += piece
    whole = _chain(opening, source)
    coding = detect_coding(opening)
    return coding, gunzip(whole, caps, Coding(coding)) if coding else whole


def _chain(opening: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    if opening:
        yield opening
    yield from source


class _Place(Struct, frozen=True):
    """A place that decoding can resume from."""

    at: int  # decoded bytes before it
    coded_at: int  # coded bytes before it
    machine: Gunzip


class Gunzipped(io.RawIOBase):
    """The decoded bytes of a coded file, as a file that can be read anywhere. Not for two threads at once.

    The first reading to the end checks the whole file; `seek` to the end does that, too. After it `size` and `sha256`
    are those of the decoded bytes. The coded file must be at its beginning. Raises Unreadable where the coded bytes
    are unsound, and what their reader raises.
    """

    def __init__(self, coded: PlaintextReader, caps: Caps, coding: Coding = Coding.GZIP) -> None:
        super().__init__()
        self._coded = coded
        self._coded_at = 0
        self._stride = _STRIDE
        self._places = [_Place(0, 0, Gunzip(caps, coding))]
        self._block = memoryview(bytearray(STEP_IN))
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._wanted = 0  # the reader's position
        self._fault: Unreadable | None = None
        self.size: int | None = None
        self._resume(self._places[0])

    @property
    def sha256(self) -> bytes:
        """The digest of all decoded bytes, empty until the end was seen."""
        return self._hash.digest() if self.size is not None else b""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer from the present position and return the number of bytes: 0 only at the end."""
        view = memoryview(buffer).cast("B")
        if not view or not self._reach(self._wanted):
            return 0
        piece = self._piece[self._wanted - self._piece_at :][: len(view)]
        view[: len(piece)] = piece
        self._wanted += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, counted from the start or the end, and return the new position from the start."""
        if whence == os.SEEK_END:
            self._find_end()
        elif whence != os.SEEK_SET:
            raise io.UnsupportedOperation("seek from the start or the end")
        self._wanted = offset + (self.size or 0 if whence == os.SEEK_END else 0)
        if self._wanted < 0:
            raise ValueError(f"cannot seek to {self._wanted}")
        return self._wanted

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def read_to_end(self) -> None:
        """Decode what was not read, so that all of the file is checked."""
        self._find_end()

    def _find_end(self) -> None:
        while self.size is None:
            self._advance()

    def _reach(self, place: int) -> bool:
        """Decode until the present piece holds the place; say no where the file ends before it."""
        if place < self._piece_at:
            self._resume(self._places[bisect_right(self._places, place, key=lambda each: each.at) - 1])
        while place >= self._piece_at + len(self._piece):
            if self.size is not None and place >= self.size:
                return False
            self._advance()
        return True

    def _resume(self, place: _Place) -> None:
        self._machine = place.machine.copy()
        self._pieces: Iterator[bytes] = iter(())
        self._piece, self._piece_at = b"", place.at
        self._next_coded = place.coded_at
        self._ending = False

    def _advance(self) -> None:
        """Decode the next piece; at the end set the size."""
        if self._fault is not None:
            raise self._fault
        try:
            piece = next(self._pieces, None)
        except Unreadable as fault:
            self._fault = fault  # nothing behind it can be believed
            raise
        if piece is not None:
            self._take(piece)
        elif self._ending:
            self._piece, self._piece_at = b"", self._machine.produced
            self.size = self._machine.produced
        else:
            self._keep_place()
            block = self._read_coded()
            self._ending = not block
            self._pieces = self._machine.decode(block) if block else self._machine.finish()

    def _take(self, piece: bytes) -> None:
        self._piece, self._piece_at = piece, self._machine.produced - len(piece)
        end = self._machine.produced
        if self._piece_at <= self._hashed < end:
            self._hash.update(memoryview(piece)[self._hashed - self._piece_at :])
            self._hashed = end

    def _keep_place(self) -> None:
        at = self._machine.produced
        if at < self._places[-1].at + self._stride:
            return
        self._places.append(_Place(at, self._next_coded, self._machine.copy()))
        if len(self._places) > _PLACES:
            self._places, self._stride = self._places[::2], self._stride * 2

    def _read_coded(self) -> bytes:
        if self._coded_at != self._next_coded:
            self._coded.seek(self._next_coded)
            self._coded_at = self._next_coded
        count = fill_from(self._coded, self._block)
        self._coded_at += count
        self._next_coded += count
        return bytes(self._block[:count])
