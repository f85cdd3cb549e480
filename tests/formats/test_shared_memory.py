"""What crosses over in shared memory arrives whole and in order, and a parser that misbehaves is noticed."""

from __future__ import annotations

import io
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kit.zip_files import CAPS, EXPECTED, Part, build_zip, dump, inspect_bytes, record, sound_zip
from strongroom.formats.inspect import inspect_container
from strongroom.formats.pipe import ParserLost, PipedSink, serve_records
from strongroom.formats.slots import SLOT, SLOTS, share_memory
from strongroom.model.errors import WorldError

SAMPLES = {
    "sound": sound_zip(3_000),
    "many slots": build_zip([
        Part(data=dump([record(n, blob="x" * 3_000) for n in range(1_000)])),
        Part(name=b"metadata.json", data=b"{}"),
    ]),
    "bad json": build_zip([Part(data=b'[{"id":1},]'), Part(name=b"metadata.json", data=b"{")]),
    "bad crc": build_zip([Part(data=dump([record(1)]), crc=5), Part(name=b"metadata.json", data=b"{}")]),
    "empty member": build_zip([Part(data=b""), Part(name=b"metadata.json", data=b"{}")]),
}  # fmt: skip
BEGIN = struct.pack("!BL", 1, 13) + b"messages.json"


@contextmanager
def parser_thread() -> Iterator[PipedSink]:
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    shared = memoryview(share_memory())
    thread = threading.Thread(target=serve_records, args=(feed_out, answer_in, EXPECTED, CAPS, shared))
    thread.start()
    try:
        yield PipedSink(feed_in, answer_out, shared)
    finally:
        os.close(feed_in)
        thread.join()
        for descriptor in (feed_out, answer_out, answer_in):
            os.close(descriptor)


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_shared_and_inline_agree(data: bytes) -> None:
    with parser_thread() as sink:
        assert inspect_container(io.BytesIO(data), EXPECTED, CAPS, sink) == inspect_bytes(data)


@pytest.mark.parametrize("piece", [1_000, SLOT - 1, SLOT, SLOT + 1, 3 * SLOT + 7, 10 * SLOT])
def test_pieces_of_any_size_arrive_in_order(piece: int) -> None:
    text = dump([record(n, blob=str(n) * 50) for n in range(12_000)])
    assert len(text) > 2 * SLOT * SLOTS
    with parser_thread() as sink:
        for _ in range(2):  # a second member goes on with the slot behind the first one's last
            sink.begin("messages.json")
            for at in range(0, len(text), piece):
                sink.feed(text[at : at + piece])
            verdict = sink.end(whole=True)
            assert (verdict.report.records, verdict.report.size) == (12_000, len(text))
            assert [finding.code for finding in verdict.findings] == ["field-unknown"]


def test_the_fork_sees_what_is_written_after_it() -> None:
    memory = share_memory()
    told_out, told_in = os.pipe()
    child = os.fork()
    if not child:
        os.close(told_in)
        os.read(told_out, 1)
        os._exit(0 if memory[:5] == b"after" else 1)
    os.close(told_out)
    memory[:5] = b"after"
    os.close(told_in)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("frame", [struct.pack("!BL", 4, SLOT + 1), struct.pack("!BL", 4, 0xFFFFFFFF)])
def test_a_slot_larger_than_slots_are_is_refused(frame: bytes) -> None:
    feed_out, feed_in = os.pipe()
    os.write(feed_in, BEGIN + frame)
    os.close(feed_in)
    with pytest.raises(WorldError):
        serve_records(feed_out, -1, EXPECTED, CAPS, memoryview(share_memory()))
    os.close(feed_out)


def test_a_slot_without_shared_memory_is_refused() -> None:
    feed_out, feed_in = os.pipe()
    os.write(feed_in, BEGIN + struct.pack("!BL", 4, 1))
    os.close(feed_in)
    with pytest.raises(WorldError):
        serve_records(feed_out, -1, EXPECTED, CAPS)
    os.close(feed_out)


def test_a_parser_that_never_gives_a_slot_back_and_ends_is_noticed() -> None:
    feed_out, feed_in = os.pipe()
    answer_out, answer_in = os.pipe()
    sink = PipedSink(feed_in, answer_out, memoryview(share_memory()))
    sink.begin("messages.json")
    sink.feed(bytes(SLOT * SLOTS))
    os.close(answer_in)
    with pytest.raises(ParserLost):
        sink.feed(b"[")
    for descriptor in (feed_out, feed_in, answer_out):
        os.close(descriptor)
