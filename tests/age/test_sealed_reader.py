"""The seekable reader: only the chunks asked for, nothing unauthenticated, and the manners of a file."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from strongroom.age.keys import X25519Identity
from strongroom.age.reader import CHUNK, SEALED_CHUNK, SealedReader
from strongroom.age.stanza import NoMatch, PayloadDamaged
from strongroom.age.writer import seal_bytes
from strongroom.model.times import Chance

DATA = random.Random(5).randbytes(6 * CHUNK + 100)


class Watched(io.BytesIO):
    taken = 0

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self.taken += count
        return count


class Stumbling(io.BytesIO):
    """Told so, takes a few bytes and then fails once."""

    stumbles = False

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if self.stumbles:
            self.stumbles = False
            self.read(100)
            raise OSError("stumbled")
        return super().readinto(buffer)


@pytest.fixture
def sealed(identity: X25519Identity, random_bytes: Chance) -> bytes:
    return seal_bytes(DATA, [identity.recipient], random_bytes)


def damage(sealed: bytes, chunk: int) -> bytes:
    """Flip one bit in the middle of a chunk, counted from 0."""
    begin = len(sealed) - (len(DATA) + 7 * 16) + chunk * SEALED_CHUNK
    return sealed[: begin + 50] + bytes([sealed[begin + 50] ^ 1]) + sealed[begin + 51 :]


def test_opening_reads_the_header_and_the_last_chunk_alone(sealed: bytes, identity: X25519Identity) -> None:
    file = Watched(sealed)
    reader = SealedReader(file, [identity])
    assert reader.size == len(DATA)
    assert file.taken <= 4096 + 116


def test_a_read_takes_only_its_chunks_and_takes_each_once(sealed: bytes, identity: X25519Identity) -> None:
    file = Watched(sealed)
    reader = SealedReader(file, [identity])
    file.taken = 0
    reader.seek(3 * CHUNK + 10)
    pieces = [reader.read(10) for _ in range(100)]
    assert b"".join(pieces) == DATA[3 * CHUNK + 10 : 3 * CHUNK + 1010]
    assert file.taken == SEALED_CHUNK


def test_damage_stops_the_reader_before_it_and_only_there(sealed: bytes, identity: X25519Identity) -> None:
    reader = SealedReader(io.BytesIO(damage(sealed, 2)), [identity])
    assert reader.read(5 * CHUNK) == DATA[: 2 * CHUNK]
    for _ in range(2):
        with pytest.raises(PayloadDamaged, match="chunk 3 of 7"):
            reader.read(1)
    assert reader.tell() == 2 * CHUNK
    reader.seek(3 * CHUNK)
    assert reader.read(CHUNK) == DATA[3 * CHUNK : 4 * CHUNK]
    reader.seek(0)
    with pytest.raises(PayloadDamaged):
        reader.readall()


def test_unauthenticated_text_is_wiped_from_the_callers_buffer(sealed: bytes, identity: X25519Identity) -> None:
    reader = SealedReader(io.BytesIO(damage(sealed, 0)), [identity])
    buffer = bytearray(b"x" * CHUNK)
    with pytest.raises(PayloadDamaged):
        reader.readinto(buffer)
    assert buffer == bytes(CHUNK)


def test_unauthenticated_text_is_wiped_from_the_readers_buffer(sealed: bytes, identity: X25519Identity) -> None:
    reader = SealedReader(io.BytesIO(damage(sealed, 0)), [identity])
    buffer = bytearray(b"x" * 100)
    with pytest.raises(PayloadDamaged):
        reader.readinto(buffer)
    assert buffer == b"x" * 100
    assert bytes(reader._plain) == bytes(CHUNK)


def test_a_chunk_held_is_not_mistaken_for_one_wiped(sealed: bytes, identity: X25519Identity) -> None:
    reader = SealedReader(io.BytesIO(damage(sealed, 1)), [identity])
    assert reader.read(10) == DATA[:10]
    reader.seek(CHUNK)
    with pytest.raises(PayloadDamaged):
        reader.read(10)
    reader.seek(0)
    assert reader.read(10) == DATA[:10]


def test_a_read_that_failed_on_the_way_can_be_tried_again(sealed: bytes, identity: X25519Identity) -> None:
    file = Stumbling(sealed)
    reader = SealedReader(file, [identity])
    assert reader.read(CHUNK) == DATA[:CHUNK]
    file.stumbles = True
    with pytest.raises(OSError, match="stumbled"):
        reader.read(CHUNK)
    assert reader.read(CHUNK) == DATA[CHUNK : 2 * CHUNK]


def test_a_damaged_last_chunk_is_refused_at_the_door(sealed: bytes, identity: X25519Identity) -> None:
    with pytest.raises(PayloadDamaged):
        SealedReader(io.BytesIO(damage(sealed, 6)), [identity])


def test_a_file_that_shrinks_while_open_is_refused(sealed: bytes, identity: X25519Identity) -> None:
    file = io.BytesIO(sealed)
    reader = SealedReader(file, [identity])
    file.truncate(len(sealed) - 2 * CHUNK)
    reader.seek(5 * CHUNK)
    with pytest.raises(PayloadDamaged, match="shorter"):
        reader.read(1)


def test_it_behaves_as_a_file(sealed: bytes, identity: X25519Identity) -> None:
    file = io.BytesIO(sealed)
    reader = SealedReader(file, [identity])
    assert (reader.readable(), reader.seekable(), reader.writable()) == (True, True, False)
    assert reader.seek(10, io.SEEK_END) == len(DATA) + 10
    assert (reader.read(5), reader.readall()) == (b"", b"")
    for offset, whence in ((-1, io.SEEK_SET), (-len(DATA) - 1, io.SEEK_END), (0, 9)):
        with pytest.raises(ValueError, match="seek"):
            reader.seek(offset, whence)
    assert io.BufferedReader(reader, 1 << 20).peek(1) == b""
    reader.close()
    assert not file.closed
    assert not any(reader._plain)
    for act in (lambda: reader.read(1), reader.tell, lambda: reader.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            act()


def test_it_serves_a_zip_from_the_disk(tmp_path: Path, identity: X25519Identity, random_bytes: Chance) -> None:
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("data.json", DATA)
        archive.writestr("metadata.json", b"{}")
    path = tmp_path / "export.age"
    path.write_bytes(seal_bytes(plain.getvalue(), [identity.recipient], random_bytes))
    with path.open("rb", buffering=0) as file, zipfile.ZipFile(SealedReader(file, [identity])) as archive:
        assert archive.testzip() is None
        assert archive.read("data.json") == DATA


def test_a_stranger_gets_nothing(sealed: bytes, stranger: X25519Identity) -> None:
    for identities in ([stranger], []):
        with pytest.raises(NoMatch, match="X25519"):
            SealedReader(io.BytesIO(sealed), identities)
