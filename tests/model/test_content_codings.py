"""A content coding is recognized by a file's first bytes, and text or a ZIP never as one."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Callable

import pytest

from strongroom.model.content_coding import OPENING, Coding, begins_export, detect_coding, peek, undo_command, undoing

TEXT = b"".join(b"%d;2026-03-01T10:00:00Z;some text\r\n" % number for number in range(400))


def zipped(text: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("messages.json", text)
    return whole.getvalue()


def deflate(level: int, wbits: int, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> Callable[[bytes], bytes]:
    def encode(data: bytes) -> bytes:
        machine = zlib.compressobj(level, zlib.DEFLATED, wbits, 8, strategy)
        return machine.compress(data) + machine.flush()

    return encode


FILES = {
    "text": TEXT,
    "one row": b"id,at\r\n1,2026-03-01\r\n",
    "zip": zipped(TEXT),
    "utf-16": TEXT.decode().encode("utf-16"),
    "latin-1": "città;è\r\n".encode("latin-1") * 90,
    "json": b'[{"id": 1}, {"id": 2}]',
}
ENCODERS: dict[str, tuple[Coding, Callable[[bytes], bytes]]] = {
    "gzip": (Coding.GZIP, gzip.compress),
    **{f"zlib {level}": (Coding.DEFLATE, deflate(level, 15)) for level in (0, 1, 4, 6, 9)},
    "zlib, small window": (Coding.DEFLATE, deflate(6, 9)),
    **{f"raw {level}": (Coding.RAW_DEFLATE, deflate(level, -15)) for level in (0, 1, 6, 9)},
    "raw, fixed codes": (Coding.RAW_DEFLATE, deflate(6, -15, zlib.Z_FIXED)),
}


@pytest.mark.parametrize("name", FILES)
def test_every_coding_is_recognized_and_its_file_is_not_taken_for_one(name: str) -> None:
    data = FILES[name]
    assert detect_coding(data) == ""
    assert begins_export(data)
    for label, (coding, encode) in ENCODERS.items():
        packed = encode(data)
        assert detect_coding(packed) == detect_coding(packed[:OPENING]) == coding, label
        assert begins_export(peek(packed, coding)), label
        known = undoing(coding)
        assert known is not None
        assert zlib.decompress(packed, known.wbits) == data
        assert undo_command(coding)


def test_no_opening_of_a_text_is_a_coding() -> None:
    """Also where it begins as deflate would, at every length, with a character that is cut in two."""
    starts = ("x^", "x\x01", "hC", "cb", "b;", "id", "s\r", "xœ", "K,", "messageId", "channel", "\ufeffid")
    random_bytes = random.Random(5)
    for start in starts:
        for end in range(1, 80):
            text = (start + ";".join(random_bytes.choice(("name", "è", "x^", "\t", "€1")) for _ in range(40)))[:end]
            for codec in ("utf-8", "cp1252"):
                assert detect_coding(text.encode(codec, "replace")) == "", (text, codec)
    for end in range(60):
        assert detect_coding(("x^" + "è€" * 30).encode()[:end]) == ""


def test_bytes_by_chance_are_no_coding() -> None:
    random_bytes = random.Random(6)
    for _ in range(3_000):
        head = random_bytes.randbytes(random_bytes.choice((64, 200, OPENING)))
        assert detect_coding(b"\0" + head) == ""
        assert detect_coding(b"x\x9c" + head) == ""


def test_an_unknown_coding_is_not_undone() -> None:
    assert undoing("br") is None
    assert undo_command("") == undo_command("br") == ""
    assert peek(b"abc", "br") == b""
