"""The daemon's turns on a moved clock: planning, requests, a clock that lies, a configuration that changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.clocks import require_sane_clock
from kit.daemon_service import Boot, serving, turns
from kit.engine_bench import Bench, open_bench
from strongroom.daemon.service import Intervals, Service, no_watch
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.heartbeat import last_heartbeat
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.ingest.runner import WorkerPool
from strongroom.engine.queries.lists import list_archives, list_jobs
from strongroom.engine.queries.requests import RequestKind, ask
from strongroom.model.clock_check import ClockFault
from strongroom.model.errors import WorldError
from strongroom_sandbox.faults import FaultKind


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench


def test_it_covers_what_is_due_and_then_rests(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        turns(bench, service)
        assert len(list_archives(engine.vault)) == 2
        assert service.words() == "everything pending is archived"
        beat = last_heartbeat(engine.vault)
        assert beat is not None and beat.fresh(bench.clock())
        bench.clock.advance(timedelta(days=1))
        turns(bench, service)
        assert len(list_archives(engine.vault)) == 3


def test_at_rest_a_turn_reads_the_state_of_the_catalogue_and_nothing_else(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        turns(bench, service)
        bench.clock.advance(timedelta(seconds=31))
        service.turn()  # a beat, which writes
        service.turn()  # and what it wrote is looked at
        words, statements = service.words(), []
        connection = engine.vault.catalogue._connection
        connection.set_trace_callback(statements.append)
        for _ in range(5):
            bench.clock.advance(timedelta(seconds=1))
            service.turn()
            assert service.words() == words
        connection.set_trace_callback(None)
        assert {each.split("=")[0].strip() for each in statements} == {
            *("PRAGMA user_version", "PRAGMA schema_version", "PRAGMA data_version")
        }
        with open_reading(bench.config) as vault:  # another process
            ask(vault, RequestKind.PAUSE, "zavu-records", "operator", bench.clock, engine.random_bytes)
        service.turn()
        assert "paused" in service.words()


def test_a_request_is_answered_in_the_next_turn(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        request = ask(engine.vault, RequestKind.PAUSE, "zavu-records", "operator", bench.clock, engine.random_bytes)
        service.turn()
        assert list_jobs(engine.vault) == []
        ask(engine.vault, RequestKind.RESUME, "zavu-records", "operator", bench.clock, engine.random_bytes)
        service.turn()
        assert len(list_jobs(engine.vault)) == 2
        job = list_jobs(engine.vault)[0]
        ask(engine.vault, RequestKind.CANCEL, job.id, "operator", bench.clock, engine.random_bytes)
        service.turn()
        assert request.wish is RequestKind.PAUSE
        assert "cancelled" in {each.state.value for each in list_jobs(engine.vault)}


def test_a_senseless_request_is_refused_in_words(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        from strongroom.engine.queries.requests import look_up

        request = ask(engine.vault, RequestKind.RETRY, "0" * 26, "operator", bench.clock, engine.random_bytes)
        service.turn()
        answered = look_up(engine.vault, request)
        assert not answered.accepted and "there is no job" in answered.answer


def test_an_archive_is_regenerated_beside_the_first(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        turns(bench, service)
        first = list_archives(engine.vault)[0]
        ask(engine.vault, RequestKind.REGENERATE, first.id, "operator", bench.clock, engine.random_bytes)
        turns(bench, service)
        windows = [archive.spec.window for archive in list_archives(engine.vault)]
        assert windows.count(first.spec.window) == 2


@pytest.mark.parametrize(
    ("leap", "fault"), [(timedelta(days=3), ClockFault.FORWARD), (timedelta(hours=-2), ClockFault.BACK)]
)
def test_a_leaping_clock_stops_all_planning_until_a_provider_agrees(
    bench: Bench, leap: timedelta, fault: ClockFault
) -> None:
    with serving(bench) as (service, engine, boot):
        service.turn()
        bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=503, times=None)
        before = len(list_jobs(engine.vault))
        bench.clock.advance(leap)
        boot.hidden = leap
        service.turn()
        assert service.clock.fault is fault
        assert len(list_jobs(engine.vault)) == before
        assert "standing by" in service.words()
        bench.sandbox.faults.clear()
        bench.clock.advance(timedelta(seconds=31))
        service.turn()
        assert service.clock.fault is None


def test_a_suspend_is_not_a_leap(bench: Bench) -> None:
    with serving(bench) as (service, engine, _boot):
        turns(bench, service)
        bench.clock.advance(timedelta(days=7))
        turns(bench, service, 600)
        assert service.clock.fault is None
        assert len(list_archives(engine.vault)) == 9


def test_a_log_ahead_of_the_clock_is_noticed_at_the_start(bench: Bench) -> None:
    bench.export()
    bench.clock.advance(timedelta(hours=-5))
    with serving(bench) as (service, _engine, _boot):
        assert service.clock.fault is ClockFault.BACK


def test_one_outage_is_asked_about_by_one_job_only(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=503, times=None)
    with serving(bench) as (service, engine, _boot):
        turns(bench, service, 600)
        assert len(bench.sandbox.requests.all) <= 21  # the time is asked for once a beat, nothing else
        assert list_jobs(engine.vault) == []
        bench.sandbox.faults.clear()
        bench.clock.advance(timedelta(minutes=20))
        turns(bench, service)
        assert len(list_archives(engine.vault)) == 2
    with open_reading(bench.config) as vault:
        assert {job.state.value for job in list_jobs(vault)} == {"archived"}


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(hours=-6)])
def test_a_clock_that_is_wrong_from_the_start_plans_nothing(bench: Bench, ahead: timedelta) -> None:
    dependencies = Dependencies(clock=lambda: bench.clock() + ahead)
    with open_engine(bench.config, "tests", dependencies) as engine, WorkerPool(engine, 1) as pool:
        service = Service(engine, bench.config, pool, Boot(bench), no_watch, Intervals())
        service.turn()
        assert service.clock.fault is not None
        assert list_jobs(engine.vault) == []


def test_without_network_it_waits_before_it_plans(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.RESET, on="list", times=None)
    with serving(bench) as (service, engine, _boot):
        turns(bench, service, 120)
        assert service.clock.fault is ClockFault.UNPROVEN
        assert list_jobs(engine.vault) == []
        bench.sandbox.faults.clear()
        turns(bench, service, 180)
        assert len(list_archives(engine.vault)) == 2


def test_a_refused_key_does_not_keep_the_daemon_from_starting(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=401, times=None)
    with serving(bench) as (service, _engine, _boot):
        turns(bench, service, 60)
        assert service.clock.fault is None


def test_a_run_that_nobody_watches_refuses_a_wrong_clock(bench: Bench) -> None:
    with open_engine(bench.config, "tests", Dependencies(clock=lambda: bench.clock() + timedelta(days=3))) as engine:
        with pytest.raises(WorldError, match="3 days ahead of zavu's"):
            require_sane_clock(engine)
        bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=503)
        require_sane_clock(engine)
    with bench.engine() as engine:
        require_sane_clock(engine)
