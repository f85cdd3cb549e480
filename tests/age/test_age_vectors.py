"""The official vectors, through the sequential and the seekable reader, and back through the writer."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from itertools import cycle

import pytest

from kit.age_vectors import ABSENT, FOLDER, Vector, load_vectors
from strongroom.age.header import Header, find_end, parse_header
from strongroom.age.keys import X25519Identity
from strongroom.age.reader import PAYLOAD_NONCE, SealedReader, open_stream
from strongroom.age.stanza import HeaderRefused, KeyRefused, MacMismatch, NoMatch, PayloadDamaged
from strongroom.age.writer import SealedWriter
from strongroom.model.errors import SealError

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)

VECTORS = load_vectors()
OURS = [vector for vector in VECTORS if vector.implemented]
OTHERS = [vector for vector in VECTORS if not vector.implemented]
SOUND = [vector for vector in OURS if vector.expect == "success"]
REFUSALS: dict[str, type[SealError]] = {
    "header failure": HeaderRefused,
    "no match": NoMatch,
    "HMAC failure": MacMismatch,
    "payload failure": PayloadDamaged,
}
Outcome = tuple[bytes, type[SealError] | None]


class Trickle(io.RawIOBase):
    """A pipe: no seeking, and reads of odd sizes."""

    def __init__(self, data: bytes, sizes: tuple[int, ...] = (1, 7, 4097, 30_011)) -> None:
        self._data, self._sizes = io.BytesIO(data), cycle(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        return self._data.readinto(memoryview(buffer)[: next(self._sizes)])


def collect(pieces: Callable[[], Iterator[bytes]]) -> Outcome:
    released = bytearray()
    try:
        for piece in pieces():
            released += piece
    except SealError as error:
        return bytes(released), type(error)
    return bytes(released), None


def read_in_order(vector: Vector) -> Outcome:
    return collect(lambda: open_stream(io.BytesIO(vector.file), vector.open_with()))


def read_seekable(vector: Vector, step: int) -> Outcome:
    def pieces() -> Iterator[bytes]:
        reader = SealedReader(io.BytesIO(vector.file), vector.open_with())
        yield from iter(lambda: reader.read(step) or b"", b"")

    return collect(pieces)


def names(vectors: list[Vector]) -> list[str]:
    return [vector.name for vector in vectors]


def head_of(vector: Vector) -> tuple[Header, bytes]:
    end = find_end(vector.file)
    assert end is not None
    return parse_header(vector.file[:end]), vector.file[end:]


def test_only_armor_and_hybrid_vectors_are_left_out() -> None:
    assert OTHERS
    assert names(OTHERS) == [name for name in names(VECTORS) if name.startswith(("armor_", "hybrid"))]
    families = {name.split("_")[0] for name in names(OURS)}
    assert families == {"empty", "header", "hmac", "scrypt", "stanza", "stream", "version", "x25519"}


@pytest.mark.parametrize("vector", OURS, ids=names(OURS))
def test_sequential_reading_releases_what_the_vector_says(vector: Vector) -> None:
    released, refusal = read_in_order(vector)
    assert refusal is REFUSALS.get(vector.expect)
    if vector.payload:
        assert hashlib.sha256(released).hexdigest() == vector.payload
    else:
        assert released == b""


@pytest.mark.parametrize("vector", OURS, ids=names(OURS))
def test_a_pipe_of_short_reads_makes_no_difference(vector: Vector) -> None:
    assert collect(lambda: open_stream(Trickle(vector.file), vector.open_with())) == read_in_order(vector)


@pytest.mark.parametrize("step", [50_000, 1 << 20])
@pytest.mark.parametrize("vector", OURS, ids=names(OURS))
def test_seekable_reading_agrees_and_releases_no_more(vector: Vector, step: int) -> None:
    in_order, _ = read_in_order(vector)
    released, refusal = read_seekable(vector, step)
    assert refusal is REFUSALS.get(vector.expect)
    assert released == in_order if refusal is None else in_order.startswith(released)


@pytest.mark.parametrize("vector", SOUND, ids=names(SOUND))
def test_the_size_is_known_at_opening(vector: Vector) -> None:
    assert SealedReader(io.BytesIO(vector.file), vector.open_with()).size == len(read_in_order(vector)[0])


PARSED = [
    vector for vector in VECTORS if vector.expect not in {"header failure", "armor failure"} and not vector.armored
]


@pytest.mark.parametrize("vector", PARSED, ids=names(PARSED))
def test_a_parsed_header_is_written_back_to_the_byte(vector: Vector) -> None:
    header, _ = head_of(vector)
    lines = b"".join(stanza.encode() for stanza in header.stanzas)
    assert b"age-encryption.org/v1\n" + lines + b"---" == header.covered


@pytest.mark.parametrize("vector", SOUND, ids=names(SOUND))
def test_the_writer_makes_the_same_payload_from_the_same_chance(vector: Vector, identity: X25519Identity) -> None:
    _, payload = head_of(vector)
    draws = iter([vector.file_key, bytes(range(32)), payload[:PAYLOAD_NONCE]])
    sink = io.BytesIO()
    writer = SealedWriter(sink, [identity.recipient], lambda count: next(draws))
    writer.write(read_in_order(vector)[0])
    writer.finish()
    assert sink.getvalue().endswith(payload)
    assert writer.sealed_size == len(sink.getvalue())


@pytest.mark.parametrize("vector", OTHERS, ids=names(OTHERS))
def test_formats_not_implemented_are_refused_in_words(vector: Vector, stranger: X25519Identity) -> None:
    if vector.armored:
        with pytest.raises(HeaderRefused):
            open_stream(io.BytesIO(vector.file), [stranger])
        return
    with pytest.raises(KeyRefused):
        vector.open_with()
    with pytest.raises((NoMatch, HeaderRefused)):
        open_stream(io.BytesIO(vector.file), [stranger])
