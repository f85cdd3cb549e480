"""A gzip-coded file is read from any place, and only one that is whole and sound is believed."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random

import pytest
from msgspec.structs import replace

from kit.growth import assert_linear
from strongroom.formats import compression as module
from strongroom.formats.compression import Gunzipped, decode_if_coded, gunzip
from strongroom.formats.plaintext import Unreadable
from strongroom.model.inspection import Caps

CAPS = Caps()
TEXT = b"".join(b"%d;2026-03-01T10:00:00Z;some text\r\n" % number for number in range(20_000))
LARGE = TEXT + os.urandom(300_000) + bytes(2_000_000)
MEMBERS = b"".join(gzip.compress(LARGE[at : at + 900_000], 1) for at in range(0, len(LARGE), 900_000))
NAMED = io.BytesIO()
with gzip.GzipFile("export.csv", "wb", 9, NAMED) as file:
    file.write(TEXT)


class Trickle(io.BytesIO):
    """Gives few bytes at a time."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(buffer[:1000])


def code_of(coded: bytes, caps: Caps = CAPS) -> str:
    with pytest.raises(Unreadable) as caught:
        b"".join(gunzip([coded], caps))
    reader = Gunzipped(io.BytesIO(coded), caps)
    for _twice in range(2):  # what is behind a fault is never given out, on no second try either
        with pytest.raises(Unreadable) as again:
            reader.seek(0, os.SEEK_END)
        assert again.value.code == caught.value.code
    assert (reader.size, reader.sha256) == (None, b"")
    return caught.value.code


FORMS = {
    "one": lambda: gzip.compress(LARGE, 1),
    "many": lambda: MEMBERS,
    "an empty one": lambda: gzip.compress(b"") + gzip.compress(LARGE, 0),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("make", [io.BytesIO, Trickle])
def test_it_is_read_from_any_place(form: str, make: type[io.BytesIO]) -> None:
    reader = Gunzipped(make(FORMS[form]()), CAPS)
    assert reader.read(3) == LARGE[:3]
    assert reader.seek(0, os.SEEK_END) == len(LARGE) == reader.size
    random_bytes = random.Random(5)
    for _ in range(60):
        at, length = random_bytes.randrange(len(LARGE)), random_bytes.randrange(1, 70_000)
        reader.seek(at)
        view = memoryview(bytearray(length))
        done = 0
        while done < length and (count := reader.readinto(view[done:])):
            done += count
        assert bytes(view[:done]) == LARGE[at : at + length]
    assert reader.sha256.hex() == hashlib.sha256(LARGE).hexdigest()
    reader.seek(len(LARGE) + 5)
    assert reader.read(1) == b""


def test_the_parts_of_a_header_are_skipped() -> None:
    assert b"".join(gunzip([NAMED.getvalue()], CAPS)) == TEXT


@pytest.mark.parametrize("opening", [b"", b"\x1f", b"id,at\r\n", b"PK\x03\x04"], ids=range(4))
def test_what_is_not_coded_stays_as_it_is(opening: bytes) -> None:
    coded, pieces = decode_if_coded([opening[:1], opening[1:], b"x"] if opening else [], CAPS)
    assert not coded
    assert b"".join(pieces) == (opening + b"x" if opening else b"")


def test_a_file_that_is_cut_at_any_byte_is_never_whole() -> None:
    coded = gzip.compress(b"id,at\r\n1,2026\r\n") + gzip.compress(b"2,2026\r\n")
    first = len(gzip.compress(b"id,at\r\n1,2026\r\n"))
    for end in range(2, len(coded)):
        if end != first:  # a whole member: nothing in the bytes tells that another one is missing
            assert code_of(coded[:end]) == "gzip-truncated"


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"x", "gzip-truncated"),
        (bytes(30), "gzip-trailing-bytes"),
        (b"id,at\r\n" * 9, "gzip-trailing-bytes"),
        (b"\x1f\x8b\x07garbage", "gzip-trailing-bytes"),
    ],
    ids=["one", "zeros", "text", "half a header"],
)
def test_bytes_behind_its_end_are_a_fault(tail: bytes, code: str) -> None:
    told = code_of(gzip.compress(TEXT) + tail)
    assert told in (code, "gzip-trailing-bytes")


@pytest.mark.parametrize("at", [4000, -8, -1])
def test_a_flipped_byte_is_a_fault(at: int) -> None:
    coded = bytearray(gzip.compress(TEXT))
    coded[at] ^= 0xFF
    assert code_of(bytes(coded)) == "gzip-damaged"
    assert code_of(b"\x1f\x8b\x08\xe0" + bytes(40)) == "gzip-damaged"


def test_a_bomb_ends_early() -> None:
    bomb = gzip.compress(bytes(1 << 26))
    assert code_of(bomb) == "gzip-bomb"
    assert code_of(gzip.compress(TEXT), replace(CAPS, max_total=1000)) == "gzip-bomb"
    produced = 0
    with pytest.raises(Unreadable):
        for piece in gunzip([bomb], CAPS):
            produced += len(piece)
    assert produced <= CAPS.ratio_floor + (1 << 20)


def test_the_places_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PLACES", 8)
    monkeypatch.setattr(module, "_STRIDE", 1 << 12)
    reader = Gunzipped(io.BytesIO(gzip.compress(LARGE, 1)), CAPS)
    assert reader.seek(0, os.SEEK_END) == len(LARGE)
    assert 4 <= len(reader._places) <= 8
    for at in (0, 1_000_000, 10, len(LARGE) - 3):
        reader.seek(at)
        assert reader.read(3) == LARGE[at : at + 3]


@pytest.mark.parametrize(
    "make",
    [
        lambda size: gzip.compress(b"") * size,
        lambda size: gzip.compress(bytes(size * 64), 1) * 3,
        lambda size: gzip.compress(os.urandom(size * 64), 1),
        lambda size: b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (size * 64),
    ],
    ids=["empty members", "zeros", "noise", "an endless name"],
)
def test_it_takes_time_in_proportion(make: object) -> None:
    def read(coded: bytes) -> None:
        try:
            for _piece in gunzip([coded], CAPS):
                pass
        except Unreadable:
            return

    assert_linear(make, read)  # type: ignore[arg-type]
