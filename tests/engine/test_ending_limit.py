"""The limit to how long the program takes to end: it waits its time, says so, and ends the process."""

from __future__ import annotations

import pytest

from strongroom.engine.worker import lifetime as ending
from strongroom.engine.worker.lifetime import LONGEST, EndingLimit


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    seen: list[object] = []
    monkeypatch.setattr(ending.time, "sleep", lambda seconds: seen.append(("slept", seconds)))
    monkeypatch.setattr(ending.os, "_exit", lambda code: seen.append(("ended", code)))
    monkeypatch.setattr(ending._thread, "start_new_thread", lambda run, _args: run())
    return seen


def test_the_process_is_ended_after_its_time_and_once(seen: list[object]) -> None:
    limit = EndingLimit(5, lambda: seen.append("told"))
    limit.begin()
    limit.begin()
    assert seen == [("slept", LONGEST), "told", ("ended", 5)]


def test_a_process_that_came_to_its_end_is_left_alone(seen: list[object]) -> None:
    limit = EndingLimit(5, lambda: seen.append("told"), 2.5)
    limit.cancel()
    limit.begin()
    assert seen == [("slept", 2.5)]


def test_the_process_is_ended_where_it_cannot_be_told(seen: list[object]) -> None:
    limit = EndingLimit(5, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        limit.begin()
    assert seen[-1] == ("ended", 5)
