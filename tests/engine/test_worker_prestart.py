"""A sealer started ahead of time is used once, and never outlives the engine that started it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.engine.worker.client import Prestart


@pytest.fixture
def prestart(spawned_sealers: None) -> Iterator[Prestart]:
    room = Prestart()
    yield room
    room.close()


def children() -> set[int]:
    """The processes that this one has started and not yet waited for."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


def test_the_prepared_sealer_is_the_one_that_is_taken(prestart: Prestart) -> None:
    before = children()
    prestart.prepare()
    prepared = children() - before
    prestart.prepare()
    with prestart.take() as worker:
        assert worker.alive
        assert children() - before == prepared
        assert len(prepared) == 1


def test_each_taker_has_a_sealer_of_its_own(prestart: Prestart) -> None:
    before = children()
    prestart.prepare()
    with prestart.take() as first, prestart.take() as second:
        assert first is not second
        assert len(children() - before) == 2
    assert children() == before


def test_a_sealer_that_died_while_it_waited_is_replaced(prestart: Prestart) -> None:
    before = children()
    prestart.prepare()
    (dead,) = children() - before
    os.kill(dead, signal.SIGKILL)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
    with prestart.take() as worker:
        assert worker.alive
        assert dead not in children()


def test_a_sealer_that_nobody_took_ends_with_the_engine(prestart: Prestart) -> None:
    before = children()
    prestart.prepare()
    prestart.close()
    assert children() == before
    prestart.close()
