"""Providers that change their mind: new status words, waits, lists that stay shut, and yeses that come to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.csv_engine_bench import HISTORY, kinds, newest, open_csv_bench
from kit.engine_bench import DAY, STREAM, Bench
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import job_life
from strongroom.model.decision import LONGEST_TOLD, RetryPolicy
from strongroom.model.job import Cause, State
from strongroom.model.provider import Observation
from strongroom.providers.port import Provider
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import CreateAnswer, QlaraOptions
from strongroom_sandbox.recorder import Operation


@pytest.mark.slow
def test_yeses_without_a_name_that_come_to_nothing_are_bounded(tmp_path: Path) -> None:
    """Each create is accepted without an id, and the list never shows an export."""
    with open_csv_bench(tmp_path, QlaraOptions(create_answer=CreateAnswer.NOTHING)) as bench:
        bench.sandbox.faults.add(InjectedFault(FaultKind.JOB_VANISHES, seconds=0, times=None))
        with bench.engine() as engine:
            enter_window(engine, HISTORY, DAY, "standard")
            assert bench.run(engine, hours=72) == []
            most = engine.retry_policy.creates
        assert (newest(bench).state, newest(bench).cause) == (State.FAILED, Cause.UNANSWERED)
        assert len(bench.sandbox.requests.creates) == most


@pytest.mark.slow
@pytest.mark.parametrize("status", [500, 404])
def test_a_list_that_stays_shut_ends_an_uncertain_job_where_a_person_sees_it(bench: Bench, status: int) -> None:
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=500, after=True))
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=status, nth=2, times=None))
    with bench.engine(retry_policy=RetryPolicy(blind=timedelta(days=2))) as engine:
        enter_window(engine, STREAM, DAY, "standard")
        bench.run(engine, hours=49)
    job = newest(bench)
    assert (job.state, job.cause) == (State.FAILED, Cause.INDISTINCT)
    assert "2 days" in job.detail
    assert str(status) in job.detail
    assert len(bench.sandbox.requests.creates) == 1
    assert kinds(bench, job.id)[-1] == "given-up"


@pytest.mark.slow
def test_a_status_that_nobody_knows_is_waited_for_and_told(tmp_path: Path) -> None:
    options = QlaraOptions(processing_word="BAKING", pending_for=timedelta(0), processing_for=timedelta(hours=30))
    soon = RetryPolicy(overdue=timedelta(hours=4))
    with open_csv_bench(tmp_path, options) as bench, bench.engine(retry_policy=soon) as engine:
        enter_window(engine, HISTORY, DAY, "standard")
        bench.run(engine, hours=2)
        assert newest(bench).state is State.WAITING
        assert "'BAKING'" in newest(bench).detail
        first = newest(bench).id
        bench.run(engine, hours=4)
        with open_reading(bench.config) as vault:
            (died,) = [each for each in job_life(vault, find_job(vault, first)).moments if each.kind == "job.died"]
        assert "'BAKING'" in died.words


@pytest.mark.parametrize("hours", [0.5, 20])
def test_an_export_is_not_looked_at_before_we_are_told_to_come(bench: Bench, hours: float) -> None:
    """An hour is the longest that is obeyed: the file lives for a day and must be seen in time."""
    told = timedelta(hours=hours)
    bench.sandbox.faults.add(InjectedFault(FaultKind.JOB_SLOW, seconds=3000))
    with bench.engine() as engine:
        source = engine.sources["zavu"]
        patient = replace(source, provider=AlertDelivery(source.provider, lambda: bench.clock() + told))  # type: ignore[arg-type]
        job = enter_window(engine, STREAM, DAY, "standard")
        bench.run(replace(engine, sources={"zavu": patient}))
        assert newest(bench).state is State.ARCHIVED
    looks = [seen.at for seen in bench.sandbox.requests.of(Operation.GET)]
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert job.id == newest(bench).id
    assert max(pauses) >= min(told, LONGEST_TOLD)
    assert max(pauses) < LONGEST_TOLD * 1.1


@dataclass
class AlertDelivery:
    """A provider that says with every look when to come again."""

    inner: Provider
    again: Callable[[], datetime]

    def observe(self, refs: Sequence[str]) -> Mapping[str, Observation]:
        return {ref: replace(seen, retry_at=self.again()) for ref, seen in self.inner.observe(refs).items()}

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def test_a_list_that_opens_again_in_time_is_believed(bench: Bench) -> None:
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=500, after=True))
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=500, nth=2, times=40))
    bench.export()
    assert newest(bench).state is State.ARCHIVED
    assert len(bench.sandbox.requests.creates) == 1
