"""Only finish() makes a file; whatever else happens leaves one that no reader opens."""

from __future__ import annotations

import io

import pytest

from strongroom.age.keys import Recipient, ScryptRecipient, X25519Identity
from strongroom.age.reader import CHUNK, SealedReader
from strongroom.age.stanza import KeyRefused
from strongroom.age.writer import SealedWriter, open_bytes
from strongroom.model.errors import SealError
from strongroom.model.times import Chance


class Reluctant(io.BytesIO):
    """Takes a little at a time, and after `room` bytes raises or takes nothing."""

    def __init__(self, room: int, *, full: Exception | None = None) -> None:
        super().__init__()
        self.room, self.full = room, full

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        if not self.room and self.full:
            raise self.full
        count = super().write(memoryview(data)[: min(self.room, 1000)])
        self.room -= count
        return count


def assert_refused(sealed: bytes, identity: X25519Identity) -> None:
    with pytest.raises(SealError):
        SealedReader(io.BytesIO(sealed), [identity])
    with pytest.raises(SealError):
        open_bytes(sealed, [identity])


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5])
def test_an_unfinished_file_is_refused_by_every_reader(
    size: int, identity: X25519Identity, random_bytes: Chance
) -> None:
    sink = io.BytesIO()
    writer = SealedWriter(sink, [identity.recipient], random_bytes)
    writer.write(bytes(size))
    assert_refused(sink.getvalue(), identity)
    writer.abandon()
    assert_refused(sink.getvalue(), identity)


def test_leaving_by_an_exception_never_finishes(identity: X25519Identity, random_bytes: Chance) -> None:
    sink = io.BytesIO()
    with pytest.raises(KeyError, match="away"), SealedWriter(sink, [identity.recipient], random_bytes) as writer:
        writer.write(bytes(CHUNK + 1))
        raise KeyError("away")
    assert_refused(sink.getvalue(), identity)
    with pytest.raises(ValueError, match="abandoned"):
        writer.finish()
    assert_refused(sink.getvalue(), identity)


def test_leaving_without_finish_is_told(identity: X25519Identity, random_bytes: Chance) -> None:
    sink = io.BytesIO()
    with (
        pytest.raises(ValueError, match="without finish"),
        SealedWriter(sink, [identity.recipient], random_bytes) as writer,
    ):
        writer.write(b"forgotten")
    assert_refused(sink.getvalue(), identity)


def test_leaving_after_finish_is_fine(identity: X25519Identity, random_bytes: Chance) -> None:
    sink = io.BytesIO()
    with SealedWriter(sink, [identity.recipient], random_bytes) as writer:
        writer.write(b"whole")
        writer.finish()
    assert open_bytes(sink.getvalue(), [identity]) == b"whole"


def test_nothing_follows_finish(identity: X25519Identity, random_bytes: Chance) -> None:
    sink = io.BytesIO()
    writer = SealedWriter(sink, [identity.recipient], random_bytes)
    writer.finish()
    whole = sink.getvalue()
    for act in (writer.finish, lambda: writer.write(b"more")):
        with pytest.raises(ValueError, match="finished"):
            act()
    assert sink.getvalue() == whole


def test_short_writes_are_healed(identity: X25519Identity, random_bytes: Chance) -> None:
    sink = Reluctant(1 << 30)
    writer = SealedWriter(sink, [identity.recipient], random_bytes)
    writer.write(bytes(3 * CHUNK))
    writer.finish()
    assert open_bytes(sink.getvalue(), [identity]) == bytes(3 * CHUNK)


@pytest.mark.parametrize("full", [OSError(28, "No space left on device"), KeyboardInterrupt(), None])
def test_a_failing_sink_kills_the_writer(
    full: Exception | None, identity: X25519Identity, random_bytes: Chance
) -> None:
    sink = Reluctant(CHUNK + 2000, full=full)
    writer = SealedWriter(sink, [identity.recipient], random_bytes)
    with pytest.raises(type(full) if full else BlockingIOError):
        writer.write(bytes(4 * CHUNK))
    sink.room = 1 << 30
    for act in (writer.finish, lambda: writer.write(b"again")):
        with pytest.raises(ValueError, match="abandoned"):
            act()
    assert_refused(sink.getvalue(), identity)


def test_a_sink_that_fails_the_last_chunk_leaves_no_file(identity: X25519Identity, random_bytes: Chance) -> None:
    sink = Reluctant(300, full=OSError(28, "No space left on device"))
    writer = SealedWriter(sink, [identity.recipient], random_bytes)
    writer.write(bytes(1000))
    with pytest.raises(OSError, match="space"):
        writer.finish()
    sink.room = 1 << 30
    with pytest.raises(ValueError, match="abandoned"):
        writer.finish()
    assert_refused(sink.getvalue(), identity)


def test_recipients_are_required_and_a_passphrase_stands_alone(identity: X25519Identity, random_bytes: Chance) -> None:
    passphrase = ScryptRecipient("one", 1)
    key = identity.recipient
    refused: list[list[Recipient]] = [[], [passphrase, key], [key, passphrase], [passphrase] * 2, [key] * 257]
    for recipients in refused:
        sink = io.BytesIO()
        with pytest.raises(KeyRefused):
            SealedWriter(sink, recipients, random_bytes)
        assert sink.getvalue() == b""


def test_a_source_of_chance_that_gives_too_little_is_refused(identity: X25519Identity) -> None:
    with pytest.raises(ValueError, match="random source"):
        SealedWriter(io.BytesIO(), [identity.recipient], lambda count: bytes(count - 1))


def test_the_clear_text_held_is_overwritten(identity: X25519Identity, random_bytes: Chance) -> None:
    writer = SealedWriter(io.BytesIO(), [identity.recipient], random_bytes)
    writer.write(b"canary" * 1000)
    assert b"canary" in bytes(writer._held)
    writer.finish()
    assert not any(writer._held)
