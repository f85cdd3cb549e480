"""Asking providers for the time holds nobody up: not the loop, not its watchdog, not a wish to stop."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from strongroom.daemon.service import ClockAnswers, ClockPoll
from strongroom.model.errors import Transient


def source(probe: Any) -> Any:
    return SimpleNamespace(provider=SimpleNamespace(probe=probe))


def refuse() -> None:
    raise Transient("nobody is there")


def test_every_source_is_asked_and_a_failure_is_an_answer() -> None:
    skewed = source(lambda: SimpleNamespace(clock_skew=timedelta(seconds=3)))
    asking = ClockPoll({"one": source(refuse), "two": skewed})
    assert asking.answers(60) == [
        ClockAnswers("one", failure="nobody is there", out_of_reach=True),
        ClockAnswers("two", timedelta(seconds=3)),
    ]


def test_slow_answers_are_not_waited_for() -> None:
    gate = threading.Event()

    def slow() -> Any:
        gate.wait(60)
        return SimpleNamespace(clock_skew=None)

    asking, began = ClockPoll({"slow": source(slow)}), time.monotonic()
    assert asking.answers(0.05) is None
    assert time.monotonic() - began < 30
    gate.set()
    assert asking.answers(60) == [ClockAnswers("slow")]
