"""Whatever is sealed comes back, however it was written and read."""

from __future__ import annotations

import io
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.age.header import find_end
from strongroom.age.keys import Identity, Recipient, ScryptIdentity, ScryptRecipient, X25519Identity
from strongroom.age.reader import CHUNK, SealedReader, sealed_payload_size
from strongroom.age.writer import SealedWriter, open_bytes, seal_bytes
from strongroom.model.times import Chance

EDGES = (
    0,
    1,
    15,
    16,
    17,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK - 1,
    2 * CHUNK,
    2 * CHUNK + 1,
    4 * CHUNK,
    5 * CHUNK + 9,
)
sizes = st.sampled_from(EDGES) | st.integers(0, 3 * CHUNK)


def text_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", EDGES)
def test_edges_of_the_chunks(size: int, identity: X25519Identity, random_bytes: Chance) -> None:
    data = text_of(size)
    sealed = seal_bytes(data, [identity.recipient], random_bytes)
    assert open_bytes(sealed, [identity]) == data
    reader = SealedReader(io.BytesIO(sealed), [identity])
    assert (reader.size, reader.read()) == (size, data)
    assert len(sealed) == (find_end(sealed) or 0) + sealed_payload_size(size)


@given(size=sizes, cuts=st.lists(st.integers(0, 5 * CHUNK + 9), max_size=6), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_any_split_of_the_writes_gives_the_same_file(
    size: int, cuts: list[int], seed: int, identity: X25519Identity
) -> None:
    data = text_of(size)
    sink = io.BytesIO()
    writer = SealedWriter(sink, [identity.recipient], random.Random(seed).randbytes)
    places = [0, *sorted(min(cut, size) for cut in cuts), size]
    for begin, end in pairwise(places):
        assert writer.write(memoryview(data)[begin:end]) == end - begin
    writer.finish()
    assert (writer.size, writer.sealed_size) == (size, len(sink.getvalue()))
    assert sink.getvalue() == seal_bytes(data, [identity.recipient], random.Random(seed).randbytes)


steps = st.lists(
    st.tuples(st.sampled_from((io.SEEK_SET, io.SEEK_CUR, io.SEEK_END)), st.integers(-CHUNK, 6 * CHUNK), sizes),
    max_size=12,
)


@given(size=sizes, moves=steps)
@settings(deadline=None, max_examples=60)
def test_random_access_reads_like_plain_bytes(
    size: int, moves: list[tuple[int, int, int]], identity: X25519Identity
) -> None:
    data = text_of(size)
    oracle = io.BytesIO(data)
    with SealedReader(
        io.BytesIO(seal_bytes(data, [identity.recipient], random.Random(0).randbytes)), [identity]
    ) as reader:
        for whence, offset, count in moves:
            base = {io.SEEK_SET: 0, io.SEEK_CUR: oracle.tell(), io.SEEK_END: size}[whence]
            place = max(0, base + offset)
            assert reader.seek(place - base, whence) == oracle.seek(place) == reader.tell()
            assert reader.read(count) == oracle.read(count)
        reader.seek(0)
        assert reader.read() == data


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_can_be_written(
    kind: type[bytes] | type[bytearray] | type[memoryview], identity: X25519Identity, random_bytes: Chance
) -> None:
    sink = io.BytesIO()
    writer = SealedWriter(sink, [identity.recipient], random_bytes)
    writer.write(kind(b"some words"))
    writer.write(memoryview(b"\1\0\2\0").cast("H"))
    writer.finish()
    assert open_bytes(sink.getvalue(), [identity]) == b"some words\1\0\2\0"


def test_each_of_several_recipients_opens_it(
    identity: X25519Identity, stranger: X25519Identity, random_bytes: Chance
) -> None:
    third = X25519Identity.generate(random_bytes)
    sealed = seal_bytes(b"for two", [identity.recipient, third.recipient], random_bytes)
    door = ScryptIdentity("a wrong door")
    openings: list[list[Identity]] = [[identity], [third], [stranger, third], [door, identity]]
    for identities in openings:
        assert open_bytes(sealed, identities) == b"for two"


@pytest.mark.parametrize("passphrase", ["correct horse", "pässwörd ✓", " "])
def test_a_passphrase_opens_it(passphrase: str, identity: X25519Identity, random_bytes: Chance) -> None:
    sealed = seal_bytes(b"hidden", [ScryptRecipient(passphrase, 4)], random_bytes)
    opening: list[Identity] = [identity, ScryptIdentity(passphrase)]
    assert open_bytes(sealed, opening) == b"hidden"


@pytest.mark.parametrize("make", ["key", "passphrase"])
def test_nothing_repeats_between_two_files(make: str, identity: X25519Identity, random_bytes: Chance) -> None:
    recipient: Recipient = identity.recipient if make == "key" else ScryptRecipient("again and again", 2)
    first, second = (seal_bytes(b"same", [recipient], random_bytes) for _ in range(2))
    lines = [set(sealed.split(b"\n")[1:]) for sealed in (first, second)]
    assert not lines[0] & lines[1]
