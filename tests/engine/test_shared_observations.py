"""One worker's answer serves the others: once each, not too old, and never from before."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from strongroom.engine.core.engine import PollCaches
from strongroom.model.errors import Transient
from strongroom.model.provider import ExportStatus, Observation

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
AGE = timedelta(seconds=10)


class Desk:
    """A provider's list with three exports on it, and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOON
        self.asked: list[list[str]] = []
        self.known = PollCaches()

    def ask(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        self.asked.append(list(refs))
        return {ref: Observation(ref, ExportStatus.RUNNING, f"look {len(self.asked)}") for ref in refs}

    def look(self, ref: str, since: datetime = NOON, source: str = "qlara") -> str:
        shelf = self.known.of(source)
        return shelf.look(ref, since, AGE, lambda: self.now, lambda: ["a", "b", "c"], self.ask).raw_status


def test_one_look_serves_every_export_once() -> None:
    context = Desk()
    assert [context.look(ref) for ref in "abc"] == ["look 1"] * 3
    assert context.asked == [["a", "b", "c"]]
    assert context.look("a") == "look 2"
    assert context.look("a") == "look 3", "nobody acts twice on one answer"


def test_an_export_that_was_not_waiting_is_asked_for_with_the_others() -> None:
    context = Desk()
    context.look("z")
    assert context.asked == [["a", "b", "c", "z"]]


@pytest.mark.parametrize(
    ("later", "since", "looks"),
    [
        (AGE, NOON, 1),
        (AGE + timedelta(seconds=1), NOON, 2),
        (timedelta(seconds=5), NOON + timedelta(seconds=1), 2),  # the export was renewed meanwhile
        (-timedelta(hours=1), NOON, 2),  # the clock was set back
    ],
)
def test_an_old_answer_is_not_taken(later: timedelta, since: datetime, looks: int) -> None:
    context = Desk()
    context.look("a")
    context.now += later
    assert context.look("b", since) == f"look {looks}"


def test_sources_are_kept_apart() -> None:
    context = Desk()
    context.look("a")
    assert context.look("b", source="another") == "look 2"


def test_a_failure_is_the_asker_s_own_and_leaves_nothing_behind() -> None:
    context = Desk()

    def fail(_refs: Sequence[str]) -> Mapping[str, Observation]:
        raise Transient("status 503")

    with pytest.raises(Transient):
        context.known.of("qlara").look("a", NOON, AGE, lambda: NOON, list, fail)
    assert context.look("b") == "look 1"


def test_workers_at_once_cost_one_look() -> None:
    context, begun = Desk(), threading.Barrier(3)
    told: list[str] = []

    def work(ref: str) -> None:
        begun.wait()
        told.append(context.look(ref))

    threads = [threading.Thread(target=work, args=(ref,)) for ref in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["look 1"] * 3
    assert len(context.asked) == 1
