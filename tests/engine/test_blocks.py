"""Blocks hold every byte in order, and none changes when the next is read."""

from __future__ import annotations

import io

import pytest

from strongroom.engine.reading.blocks import BLOCK, read_blocks


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
