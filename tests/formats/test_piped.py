"""Parsing in another process gives the same as parsing here, in bounded memory, and its end is noticed."""

from __future__ import annotations

import io
import os
import select
import struct
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kit.zip_files import CAPS, EXPECTED, Part, build_zip, dump, inspect_bytes, record, sound_zip
from strongroom.formats import peer
from strongroom.formats.inspect import inspect_container
from strongroom.formats.peer import Allowance, PeerLate, wait_for
from strongroom.formats.pipe import MAX_ANSWER, ParserLost, PipedSink, serve_records
from strongroom.formats.sink import InlineSink
from strongroom.model.errors import WorldError
from strongroom.model.inspection import Inspection


@contextmanager
def parser_thread() -> Iterator[PipedSink]:
    """Serve at the other end of two real pipes."""
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    thread = threading.Thread(target=serve_records, args=(feed_out, answer_in, EXPECTED, CAPS))
    thread.start()
    try:
        yield PipedSink(feed_in, answer_out)
    finally:
        os.close(feed_in)
        thread.join()
        for descriptor in (feed_out, answer_out, answer_in):
            os.close(descriptor)


def inspect_piped(data: bytes) -> Inspection:
    with parser_thread() as sink:
        return inspect_container(io.BytesIO(data), EXPECTED, CAPS, sink)


SAMPLES = {
    "sound": sound_zip(3_000),
    "drift": build_zip([Part(data=dump([record(n, extra="\u202e") for n in range(9)])), Part(name=b"x", data=b"?")]),
    "dates": build_zip([Part(data=dump([{"id": 1, "createdAt": "2020-01-01T00:00:00.123456Z"}, {"id": "\udc00"}]))]),
    "bad json": build_zip([Part(data=b'[{"id":1},]'), Part(name=b"metadata.json", data=b"{")]),
    "bad crc": build_zip([Part(data=dump([record(1)]), crc=5), Part(name=b"metadata.json", data=b"{}")]),
    "html": b"<html>",
    "empty member": build_zip([Part(data=b""), Part(name=b"metadata.json", data=b"{}")]),
}


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_piped_and_inline_agree(data: bytes) -> None:
    assert inspect_piped(data) == inspect_bytes(data)


def test_a_forked_parser_agrees() -> None:
    data = SAMPLES["sound"]
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    child = os.fork()
    if not child:
        os.close(feed_in)
        try:
            serve_records(feed_out, answer_in, EXPECTED, CAPS)
        finally:
            os._exit(0)
    os.close(feed_out)
    os.close(answer_in)
    found = inspect_container(io.BytesIO(data), EXPECTED, CAPS, PipedSink(feed_in, answer_out))
    os.close(feed_in)
    assert os.waitpid(child, 0)[1] == 0
    os.close(answer_out)
    assert found == inspect_bytes(data)


def test_a_parser_that_is_gone_is_noticed() -> None:
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    os.close(feed_out)
    os.close(answer_in)
    with pytest.raises(ParserLost):
        PipedSink(feed_in, answer_out).begin("messages.json")
    os.close(feed_in)
    os.close(answer_out)


@pytest.mark.parametrize("answer", [
    b"",
    b"\0\0",
    struct.pack("!L", 9) + b"{}",
    struct.pack("!L", 2) + b"{}",
    struct.pack("!L", 3) + b"\xff\xff\xff",
    struct.pack("!L", 10) + b'{"size":-1',
    struct.pack("!L", MAX_ANSWER + 1),
])  # fmt: skip
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    os.write(answer_in, answer)
    os.close(answer_in)
    with pytest.raises(ParserLost):
        PipedSink(feed_in, answer_out).end(whole=True)
    for descriptor in (feed_out, feed_in, answer_out):
        os.close(descriptor)


BEGIN = struct.pack("!BL", 1, 1) + b"x"


@pytest.mark.parametrize("stream", [
    b"\x02\0\0\0\x01x",
    b"\x03\0\0\0\x01\x01",
    b"\x09\0\0\0\0",
    b"\x01\xff\xff\xff\xff",
    BEGIN,
    BEGIN + BEGIN,
    BEGIN + b"\x02\0\0\0\x05abc",
    BEGIN + b"\x03\0\0\0\x02\x01\x01",
    b"\x01\0\0\0\x05abc",
])  # fmt: skip
def test_a_stream_out_of_step_is_refused(stream: bytes) -> None:
    feed_out, feed_in = os.pipe()
    os.write(feed_in, stream)
    os.close(feed_in)
    with pytest.raises(WorldError):
        serve_records(feed_out, -1, EXPECTED, CAPS)
    os.close(feed_out)


def big_zip(size: int) -> bytes:
    """A ZIP whose dataset has about `size` bytes of JSON, written without holding them."""
    buffer = io.BytesIO()
    piece = b",".join([dump([record(n, blob="x" * 400)])[1:-1] for n in range(500)])
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("messages.json", "w") as file:
            file.write(b"[" + piece)
            for _ in range(size // len(piece)):
                file.write(b"," + piece)
            file.write(b"]")
        archive.writestr("metadata.json", b"{}")
    return buffer.getvalue()


def test_a_large_member_passes_in_the_memory_of_a_few_batches() -> None:
    data = big_zip(40_000_000)
    source, sink = io.BytesIO(data), InlineSink(EXPECTED, CAPS)
    tracemalloc.start()
    try:
        found = inspect_container(source, EXPECTED, CAPS, sink)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.sound
    assert found.members[0].size > 39_000_000
    assert peak < 4_000_000


@pytest.mark.parametrize(("floor", "patience"), [(0.005, 0.05), (0.05, 0.005)])
def test_a_peer_is_waited_for_until_its_allowance_or_its_patience_is_used_up(
    monkeypatch: pytest.MonkeyPatch, floor: float, patience: float
) -> None:
    monkeypatch.setattr(peer, "SLICE", 0.001)
    allowance = Allowance(floor, 0.0, patience)
    out, into = os.pipe()
    try:
        with pytest.raises(PeerLate):
            wait_for(out, select.POLLIN, allowance)
    finally:
        os.close(out)
        os.close(into)
    assert (allowance._left <= 0) is (floor < patience)
