"""A flush in the background changes nothing about what the last flush promises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.model.errors import WorldError
from strongroom.vault.durable import Flusher


@pytest.fixture
def unflushable() -> int:
    """A descriptor that the system refuses to flush."""
    reading, writing = os.pipe()
    yield writing
    os.close(reading)
    os.close(writing)


def test_a_failed_flush_is_told_at_the_end_and_stays_told(unflushable: int) -> None:
    with Flusher(unflushable, step=10) as flusher:
        flusher.wrote(10)
        for _ in range(2):
            with pytest.raises(WorldError):
                flusher.settle()


def test_a_later_good_flush_does_not_hide_a_failed_one(unflushable: int, tmp_path: Path) -> None:
    with Flusher(unflushable, step=10) as flusher, (tmp_path / "good").open("wb") as good:
        flusher.wrote(10)
        with pytest.raises(WorldError):
            flusher.settle()
        os.dup2(good.fileno(), unflushable)
        flusher.wrote(10)
        with pytest.raises(WorldError):
            flusher.settle()


def test_nothing_is_flushed_before_a_step_is_full(unflushable: int) -> None:
    with Flusher(unflushable, step=10) as flusher:
        flusher.wrote(4)
        flusher.wrote(5)
        flusher.settle()
        flusher.wrote(1)
        with pytest.raises(WorldError):
            flusher.settle()


def test_a_file_can_be_closed_after_leaving(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file, Flusher(file.fileno(), step=1) as flusher:
        for _ in range(50):
            file.write(bytes(4096))
            flusher.wrote(4096)
        flusher.settle()
    assert (tmp_path / "file").stat().st_size == 50 * 4096
