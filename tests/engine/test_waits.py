"""One cause is told as itself on every job that it holds up, and a run ends when it said that it would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.engine_bench import Bench, open_bench
from strongroom.engine.ingest import runner
from strongroom.engine.ingest.planning import enter_due, work_out
from strongroom.engine.ingest.runner import WaitResult
from strongroom.engine.ingest.source_upkeep import look_again
from strongroom.engine.queries.lists import coverage_of, list_jobs, waits_of
from strongroom.model.coverage import Cover
from strongroom.model.job import Cause, State
from strongroom_sandbox.faults import FaultKind

HUGE = 1 << 60


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench


def causes(bench: Bench, engine: object) -> list[tuple[Cause, int]]:
    return [(group.wait.cause, group.jobs) for group in waits_of(engine.vault, bench.clock())]  # type: ignore[attr-defined]


def test_a_full_disk_is_the_cause_on_every_job_and_work_resumes_within_a_minute(bench: Bench) -> None:
    with bench.engine() as engine:
        enter_due(engine, bench.plans())  # type: ignore[arg-type]
        bench.run(replace(engine, min_free=HUGE), hours=1)
        assert causes(bench, engine) == [(Cause.DISK, 2)]
        assert all(job.state is State.PLANNED and not job.cause for job in list_jobs(engine.vault))
        freed = bench.clock()
        bench.run(engine, hours=0.1)
        asked = [job.asked_at for job in list_jobs(engine.vault) if job.asked_at]
        assert asked and min(asked) - freed <= timedelta(minutes=1)


def test_a_refused_key_is_the_cause_on_every_job(bench: Bench) -> None:
    with bench.engine() as engine:
        for operation in ("list", "create"):
            bench.sandbox.faults.add(FaultKind.ANSWER, on=operation, status=401, times=None)
        enter_due(engine, bench.plans())  # type: ignore[arg-type]
        bench.run(engine, hours=0.001)
        bench.clock.advance(timedelta(minutes=2))
        with runner.WorkerPool(engine, 2) as pool:
            pool.start(list_jobs(engine.vault))
            pool.collect(5)
            pool.collect(5)
        assert causes(bench, engine) == [(Cause.AUTH, 2)]


def test_a_provider_in_trouble_is_the_cause_on_every_job_and_a_new_run_looks_at_once(bench: Bench) -> None:
    with bench.engine() as engine:
        bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=503, times=None)
        enter_due(engine, bench.plans())  # type: ignore[arg-type]
        bench.run(engine, hours=0.5)
        assert causes(bench, engine) == [(Cause.TRANSIENT, 2)]
        look_again(engine)
        assert any(job.next_at > bench.clock() for job in list_jobs(engine.vault))  # it is still in trouble
        bench.sandbox.faults.clear()
        look_again(engine)
        assert all(job.next_at <= bench.clock() for job in list_jobs(engine.vault))
        bench.run(engine, hours=1)
        assert {job.state for job in list_jobs(engine.vault)} == {State.ARCHIVED}


def test_forty_jobs_behind_a_hanging_storage_do_not_outlast_the_patience(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench.engine() as engine:
        enter_due(engine, bench.plans())  # type: ignore[arg-type]
        (one, _other) = list_jobs(engine.vault)
        forty = [replace(one, id=f"{number:026}") for number in range(40)]
        started: list[str] = []

        def hanging(_engine: object, job_id: str, _deadline: object) -> WaitResult:
            started.append(job_id)
            bench.clock.advance(timedelta(seconds=25))
            return WaitResult(next(job for job in forty if job.id == job_id), None)

        monkeypatch.setattr(runner, "work", hanging)
        monkeypatch.setattr(runner, "live_jobs", lambda _catalogue: forty)
        begun = bench.clock()
        runner.Runner(engine, bench.pause, 1).run(begun + timedelta(seconds=10))
        assert bench.clock() - begun <= timedelta(seconds=10 + 25)
        assert len(started) == 1


def test_the_oldest_begins_with_a_whole_window_and_nothing_is_lost(bench: Bench) -> None:
    with bench.engine() as engine:
        (plan,) = [replace(each, since=None) for each in bench.plans()]  # type: ignore[type-var]
        enter_due(engine, [plan], ahead=3)
        bench.run(engine, hours=2)
        due = work_out(engine, plan)
        assert due.since is not None and (due.since.hour, due.since.minute, due.since.microsecond) == (0, 0, 0)
        assert due.lost == ()
        assert Cover.LOST not in {each.cover for each in coverage_of(engine.vault, plan.stream.name)}
