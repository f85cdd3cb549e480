"""No change to a sealed file goes unnoticed, wherever it is and whichever reader looks."""

from __future__ import annotations

import io
import random
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.age.header import find_end
from strongroom.age.keys import Identity, ScryptIdentity, ScryptRecipient, X25519Identity
from strongroom.age.reader import CHUNK, PAYLOAD_NONCE, SEALED_CHUNK, SealedReader
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.model.errors import SealError

DATA = random.Random(8).randbytes(2 * CHUNK + 77)
KEY = X25519Identity.generate(random.Random(9).randbytes)
LARGE = seal_bytes(DATA, [KEY.recipient], random.Random(10).randbytes)
SMALL = seal_bytes(b"a few words", [KEY.recipient], random.Random(11).randbytes)


def assert_refused(sealed: bytes, identity: Identity = KEY) -> None:
    with pytest.raises(SealError) as sequential:
        open_bytes(sealed, [identity])
    with pytest.raises(SealError) as seekable:
        SealedReader(io.BytesIO(sealed), [identity]).readall()
    assert sequential.type is seekable.type
    assert sequential.value.hint
    assert seekable.value.hint


def chunks_of(sealed: bytes) -> tuple[bytes, list[bytes]]:
    start = (find_end(sealed) or 0) + PAYLOAD_NONCE
    return sealed[:start], [sealed[at : at + SEALED_CHUNK] for at in range(start, len(sealed), SEALED_CHUNK)]


def test_every_bit_of_a_small_file_counts() -> None:
    for place in range(len(SMALL)):
        for bit in (1 << place % 8, 0x80):
            assert_refused(SMALL[:place] + bytes([SMALL[place] ^ bit]) + SMALL[place + 1 :])


@given(place=st.integers(0, len(LARGE) - 1), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=80)
def test_any_bit_of_a_large_file_counts(place: int, bit: int) -> None:
    assert_refused(LARGE[:place] + bytes([LARGE[place] ^ 1 << bit]) + LARGE[place + 1 :])


def test_every_truncation_of_a_small_file_is_refused() -> None:
    for size in range(len(SMALL)):
        assert_refused(SMALL[:size])


@given(size=st.integers(0, len(LARGE) - 1))
@settings(deadline=None, max_examples=60)
def test_any_truncation_of_a_large_file_is_refused(size: int) -> None:
    assert_refused(LARGE[:size])


@given(tail=st.binary(min_size=1, max_size=100) | st.just(bytes(SEALED_CHUNK)) | st.just(LARGE))
@settings(deadline=None, max_examples=30)
def test_anything_after_the_end_is_refused(tail: bytes) -> None:
    assert_refused(SMALL + tail)
    assert_refused(LARGE + tail)


def test_chunks_cannot_be_moved_dropped_or_repeated() -> None:
    head, chunks = chunks_of(LARGE)
    assert len(chunks) == 3
    assert open_bytes(head + b"".join(chunks), [KEY]) == DATA
    arrangements = [order for count in range(5) for order in permutations([0, 1, 2, 2, 0], count)]
    for order in {tuple(order) for order in arrangements} - {(0, 1, 2)}:
        assert_refused(head + b"".join(chunks[index] for index in order))


def test_a_payload_cannot_change_its_header() -> None:
    other = seal_bytes(DATA, [KEY.recipient], random.Random(12).randbytes)
    head, _ = chunks_of(other)
    _, chunks = chunks_of(LARGE)
    assert_refused(head + b"".join(chunks))


def test_a_recipient_cannot_be_added_without_the_file_key(stranger: X25519Identity) -> None:
    extra = stranger.recipient.wrap(bytes(16), random.Random(13).randbytes).encode()
    assert_refused(SMALL.replace(b"\n---", b"\n" + extra.rstrip(b"\n") + b"\n---", 1))


def test_every_byte_of_a_passphrase_file_counts() -> None:
    identity = ScryptIdentity("a long passphrase", max_work_factor=4)
    sealed = seal_bytes(b"words", [ScryptRecipient("a long passphrase", 2)], random.Random(14).randbytes)
    assert open_bytes(sealed, [identity]) == b"words"
    for place in range(len(sealed)):
        assert_refused(sealed[:place] + bytes([sealed[place] ^ 1 << place % 7]) + sealed[place + 1 :], identity)


@given(junk=st.binary(max_size=300))
def test_junk_is_refused_and_never_crashes(junk: bytes) -> None:
    assert_refused(junk)
    assert_refused(b"age-encryption.org/v1\n" + junk)
