"""Blocks hold every byte in order, and none changes when the next is read."""

from __future__ import annotations

import io

import pytest

from strongroom.engine.access.browse import BLOCK, WatchedReader, read_blocks
from strongroom.model.errors import Interrupted


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_blocks_hold_everything_in_order(size: int) -> None:
    content = bytes(i * 7 % 251 for i in range(size))
    kept = list(read_blocks(io.BytesIO(content)))
    assert b"".join(kept) == content
    assert all(0 < len(block) <= BLOCK for block in kept)


def test_reading_goes_on_from_where_the_reader_stands() -> None:
    reader = io.BytesIO(b"0123456789")
    reader.seek(4)
    assert b"".join(read_blocks(reader)) == b"456789"


def test_a_watched_reader_tells_of_every_reading_before_it_happens() -> None:
    seen: list[int] = []

    def watch(count: int) -> None:
        seen.append(count)
        if len(seen) == 3:
            raise Interrupted("a person asked for something else")

    inner = io.BytesIO(b"abcdef")
    reader, room = WatchedReader(inner, watch), memoryview(bytearray(2))
    assert [reader.readinto(room), reader.readinto(room)] == [2, 2]
    with pytest.raises(Interrupted):
        reader.readinto(room)
    assert (seen, inner.tell()) == ([0, 0, 0], 4)
