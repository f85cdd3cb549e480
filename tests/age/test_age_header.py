"""Headers: one way to write them, and caps on what is read before anything is authenticated."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.age.header import HEADER_CAP, VERSION, find_end, parse_header, unlock_header, write_header
from strongroom.age.keys import X25519Identity
from strongroom.age.reader import open_stream
from strongroom.age.stanza import HeaderRefused, MacMismatch, Stanza, decode_base64, encode_base64, parse_stanzas
from strongroom.model.times import Chance

FILE_KEY = bytes(range(16))
END = b"--- " + b"A" * 43 + b"\n"
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


class Endless(io.RawIOBase):
    """Says one thing for ever and counts how much of it was taken."""

    def __init__(self, line: bytes) -> None:
        self._line, self.taken = line, 0

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        view[:] = (self._line * (len(view) // len(self._line) + 1))[: len(view)]
        if not self.taken:
            view[: len(VERSION)] = VERSION
        self.taken += len(view)
        return len(view)


@given(kind=words, args=st.lists(words, max_size=4), body=st.binary(max_size=200))
def test_a_stanza_is_read_as_it_was_written(kind: str, args: list[str], body: bytes) -> None:
    stanza = Stanza(kind, tuple(args), body)
    lines = stanza.encode().split(b"\n")
    assert lines.pop() == b""
    assert len(lines[-1]) < 64
    assert all(len(line) == 64 for line in lines[1:-1])
    assert parse_stanzas(lines * 2) == (stanza, stanza)


@given(data=st.binary(max_size=100))
def test_base64_has_one_writing(data: bytes) -> None:
    text = encode_base64(data)
    assert decode_base64(text) == data
    for other in (
        text + b"=",
        text + b"\n",
        b" " + text,
        text[:1] + b"-" + text[1:],
        text + b"A" * (5 - len(text) % 4),
    ):
        with pytest.raises(HeaderRefused):
            decode_base64(other)


def test_spare_bits_are_refused() -> None:
    assert decode_base64(b"AA") == b"\0"
    with pytest.raises(HeaderRefused, match="canonical"):
        decode_base64(b"AB")


@pytest.mark.parametrize(
    ("middle", "words"),
    [
        (b"", "1 to 256 recipients"),
        (b"-> X25519 abc\n\n-> scrypt a 1\n\n", "not alone"),
        (b"-> grease\n\n" * 257, "1 to 256 recipients"),
        (b"-> " + b"a" * 4096 + b"\n\n", "longer than 4096"),
        (b"-> a\n" + b"A" * 65 + b"\n\n", "longer than 64"),
        (b"-> a\n" + b"A" * 64 + b"\n", "no last line"),
        (b"->  a\n\n", "does not begin"),
        (b"-> a \n\n", "does not begin"),
        (b"-> a\tb\n\n", "does not begin"),
        ("-> é\n\n".encode(), "does not begin"),
        (b"->a\n\n", "does not begin"),
        (b"-> a\nAA==\n", "not canonical|not base64"),
        (b"-> a\r\n\r\n", "does not begin"),
        (b"\n", "does not begin"),
    ],
)
def test_malformed_headers_say_what_is_wrong(middle: bytes, words: str) -> None:
    with pytest.raises(HeaderRefused, match=words) as error:
        parse_header(VERSION + middle + END)
    assert error.value.hint


@pytest.mark.parametrize(
    "end",
    [b"---\n", b"---" + END[4:], b"---  " + END[4:], END[:-1], END[:-2] + b"\n", END[:-1] + b"=\n", END[:-1] + b" \n"],
)
def test_malformed_ends_are_refused(end: bytes) -> None:
    with pytest.raises(HeaderRefused):
        parse_header(VERSION + b"-> a\n\n" + end)


@pytest.mark.parametrize("line", [b"x", b"-> grease abc\n\n"])
def test_an_endless_header_is_given_up_at_the_cap(line: bytes, identity: X25519Identity) -> None:
    source = Endless(line)
    with pytest.raises(HeaderRefused, match="does not end within"):
        open_stream(source, [identity])
    assert HEADER_CAP < source.taken <= HEADER_CAP + 2 * 4096


@pytest.mark.parametrize(
    "start", [b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"PK\3\4", b"age-encryption.org/v2\n", b"x"]
)
def test_other_files_are_told_at_once(start: bytes) -> None:
    with pytest.raises(HeaderRefused, match="not a binary age v1 file") as error:
        find_end(start)
    assert ("armored" in error.value.hint) == start.startswith(b"-----")


def test_the_end_is_found_only_when_it_is_there(identity: X25519Identity, random_bytes: Chance) -> None:
    header = write_header(FILE_KEY, [identity.recipient], random_bytes)
    assert all(find_end(header[:size]) is None for size in range(len(header)))
    assert find_end(header) == find_end(header + b"\n--- more\n") == len(header)


def test_the_most_recipients_fit_under_the_cap(identity: X25519Identity, random_bytes: Chance) -> None:
    header = write_header(FILE_KEY, [identity.recipient] * 256, random_bytes)
    assert len(header) < HEADER_CAP
    assert unlock_header(parse_header(header), [identity]) == FILE_KEY


def test_the_mac_is_under_the_file_key(identity: X25519Identity, random_bytes: Chance) -> None:
    header = parse_header(write_header(FILE_KEY, [identity.recipient], random_bytes))
    header.verify(FILE_KEY)
    with pytest.raises(MacMismatch):
        header.verify(random.Random(0).randbytes(16))
