"""Work goes on while exports are prepared: more is requested before workers have to wait, and as soon as it fits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.ingest.runner import MOST_LIVE, Runner, Supply, WorkerPool
from strongroom.engine.queries.lists import list_jobs
from strongroom.model.job import Job, State
from strongroom.model.quota import RECHECK
from strongroom.model.window import Window


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench


def earlier(days: int) -> Window:
    return Window(DAY.start - timedelta(days=days), DAY.end - timedelta(days=days))


def some_job(bench: Bench) -> Job:
    with bench.engine() as engine:
        return enter_window(engine, STREAM, DAY, "standard")


def test_a_source_without_a_job_to_request_is_noticed_once(bench: Bench) -> None:
    planned = some_job(bench)
    waiting = replace(planned, state=State.WAITING)
    supply = Supply()
    assert not supply.ran_dry(["zavu"], [planned, waiting])
    assert supply.ran_dry(["zavu"], [waiting])
    assert not supply.ran_dry(["zavu"], [waiting])
    assert not supply.ran_dry(["zavu"], [waiting, planned])
    assert supply.ran_dry(["zavu"], [])


def test_no_more_is_entered_while_many_exports_wait(bench: Bench) -> None:
    waiting = replace(some_job(bench), state=State.WAITING)
    supply = Supply()
    assert not supply.ran_dry(["zavu"], [waiting] * MOST_LIVE)
    assert supply.ran_dry(["zavu"], [waiting] * (MOST_LIVE - 1))


def test_more_jobs_are_entered_before_the_first_are_archived(bench: Bench) -> None:
    unfinished: list[int] = []
    with bench.engine() as engine:

        def refill() -> list[Job]:
            unfinished.append(sum(not job.finished for job in list_jobs(engine.vault)))
            return enter_due(engine, bench.plans(), ahead=1)  # type: ignore[arg-type]

        refill()
        Runner(engine, bench.pause, 1).run(bench.clock() + timedelta(hours=1), refill=refill)
        assert {job.state for job in list_jobs(engine.vault)} == {State.ARCHIVED}
        assert len(list_jobs(engine.vault)) == 2
    assert unfinished[:2] == [0, 1]


def test_a_request_follows_as_soon_as_an_export_has_ended(bench: Bench) -> None:
    with bench.engine() as engine:
        for days in range(6):
            enter_window(engine, STREAM, earlier(days), "standard")
        bench.run(engine)
        asked = sorted(job.asked_at for job in list_jobs(engine.vault) if job.asked_at)
        assert len(asked) == 6
    assert timedelta(0) < asked[-1] - asked[0] < RECHECK  # three at a time


def test_the_pool_rings_when_a_worker_has_finished(bench: Bench) -> None:
    rings: list[None] = []
    with bench.engine() as engine:
        enter_window(engine, STREAM, DAY, "standard")
        with WorkerPool(engine, 1, ring=lambda: rings.append(None)) as pool:
            pool.start(list_jobs(engine.vault))
            while pool.busy:
                pool.collect(60)
    assert rings
