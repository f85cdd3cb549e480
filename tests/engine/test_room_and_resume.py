"""A disk below its reserve, a key that was mended, a delay that outlasts what the provider keeps."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.csv_engine_bench import HOOKS, open_csv_bench
from kit.engine_bench import Bench, open_bench
from kit.watched_vault import House, open_house, plan
from strongroom.engine.core.check import CheckResult
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.ingest.source_upkeep import resume_sources
from strongroom.engine.monitor.alert_rules import alarms
from strongroom.engine.monitor.doctor import check_writing, examine
from strongroom.engine.queries.lists import list_jobs
from strongroom.engine.queries.requests import RequestKind, ask, serve
from strongroom.model.alert import Level
from strongroom.model.job import Cause, State
from strongroom.vault.sources import get_source, put_source
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.options import HookBridgeOptions
from strongroom_sandbox.recorder import Operation

DAY = timedelta(days=1)
HUGE = 1 << 60  # bytes that no disk has free


def count(bench: Bench, operation: Operation) -> int:
    return sum(seen.operation is operation for seen in bench.sandbox.requests.all)


def enter(bench: Bench, engine: Engine) -> None:
    assert len(enter_due(engine, bench.plans())) == 2  # type: ignore[arg-type]


def test_below_the_reserve_no_export_is_asked_for(bench: Bench) -> None:
    with bench.engine() as engine:
        full = replace(engine, min_free=HUGE)
        enter(bench, full)
        bench.run(full, hours=2)
        assert count(bench, Operation.CREATE) == 0
        assert {job.state for job in list_jobs(full.vault)} == {State.PLANNED}
        assert {job.wait.cause for job in list_jobs(full.vault) if job.wait} == {Cause.DISK}
        assert all(job.wait and "are needed for the reserve" in job.wait.words for job in list_jobs(full.vault))
        assert count(bench, Operation.LIST) <= 25  # in two hours; a try every few seconds would be hundreds
        bench.run(engine)
        assert {job.state for job in list_jobs(engine.vault)} == {State.ARCHIVED}


def test_below_the_reserve_what_is_ready_is_left_where_it_is(bench: Bench) -> None:
    with bench.engine() as engine:
        enter(bench, engine)
        bench.sandbox.faults.add(FaultKind.ANSWER, on="download", status=503, times=1000)
        bench.run(engine, hours=0.02)
        assert {job.state for job in list_jobs(engine.vault)} == {State.READY}
        bench.sandbox.faults.clear()
        full = replace(engine, min_free=HUGE)
        bench.run(full, hours=3)
        assert any(
            job.state is State.READY and job.wait and job.wait.cause is Cause.DISK for job in list_jobs(full.vault)
        )
        before = [moment for moment in newest_moments(full.vault, 1000) if moment.kind == "job.opened"]
        bench.run(full, hours=3)
        after = [moment for moment in newest_moments(full.vault, 1000) if moment.kind == "job.opened"]
        assert after == before
        assert {job.state for job in list_jobs(full.vault)} <= {State.READY, State.ARCHIVED, State.PLANNED}
        bench.run(engine)
        assert {job.state for job in list_jobs(engine.vault)} == {State.ARCHIVED}


@contextmanager
def nothing_fits() -> Iterator[None]:
    """Let no file grow, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_doctor_tries_to_write_whatever_the_reserve_is(tmp_path: Path) -> None:
    assert list(check_writing(tmp_path)) == []
    with nothing_fits():
        (check,) = list(check_writing(tmp_path))
    assert (check.name, check.verdict) == ("disk", CheckResult.FAIL)
    assert "nothing can be written" in check.message
    assert list(tmp_path.iterdir()) == []


def refuse_key(bench: Bench, engine: Engine) -> None:
    for operation in ("list", "create"):
        bench.sandbox.faults.add(FaultKind.ANSWER, on=operation, status=401, times=None)
    enter(bench, engine)
    bench.run(engine, hours=0.001)
    assert get_source(engine.vault.catalogue, "zavu").paused
    assert any(job.next_at > bench.clock() for job in list_jobs(engine.vault))
    bench.sandbox.faults.clear()


@pytest.mark.parametrize("asked", [True, False])
def test_after_a_mended_key_nothing_waits_any_longer(asked: bool, bench: Bench) -> None:
    with bench.engine() as engine:
        refuse_key(bench, engine)
        if asked:
            ask(engine.vault, RequestKind.RESUME, "zavu", "operator", bench.clock, engine.random_bytes)
            serve(engine)
        else:
            assert resume_sources(engine) == ["zavu"]
        assert all(job.next_at <= bench.clock() for job in list_jobs(engine.vault))
        source = get_source(engine.vault.catalogue, "zavu")
        assert (source.paused, source.refused_until) == ("", None)


def test_a_pause_that_a_person_ends_ends_no_wait_for_a_quota(bench: Bench) -> None:
    with bench.engine() as engine:
        until = bench.clock() + timedelta(minutes=20)
        with engine.vault.catalogue.transaction():
            put_source(engine.vault.catalogue, replace(get_source(engine.vault.catalogue, "zavu"), refused_until=until))
        for wish in (RequestKind.PAUSE, RequestKind.RESUME):
            ask(engine.vault, wish, "zavu", "operator", bench.clock, engine.random_bytes)
            serve(engine)
        assert get_source(engine.vault.catalogue, "zavu").refused_until == until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


def test_a_stream_that_settles_too_late_for_its_account_is_an_alarm(house: House) -> None:
    house.cover_all()
    late, pass_late = replace(plan(), settle=40 * DAY), replace(plan(), settled_pass=40 * DAY)
    for wanted, keeps, severity in [
        (late, 30 * DAY, Level.CRITICAL),
        (pass_late, 30 * DAY, Level.WARNING),
        (late, 90 * DAY, None),
        (plan(), 30 * DAY, None),
        (replace(late, snapshot=True), 30 * DAY, None),
    ]:
        found = {alarm.key: alarm for alarm in alarms(house.vault, [wanted], {"zavu": keeps}, house.now)}
        told = found.get("settles-late chats")
        assert (told.severity if told else None) == severity
        assert told is None or ("chats" not in told.title and "chats" in told.body)


@pytest.mark.parametrize(("days", "late"), [(5, True), (30, False)])
def test_doctor_holds_the_delay_against_what_the_account_tells(days: int, late: bool, tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(retention_days=days)) as bench:
        streams = tuple(replace(each, settle=4 * DAY) for each in bench.config.streams)
        assert [each.datasets for each in streams] == [HOOKS.datasets]
        config = replace(bench.config, streams=streams)
        told = [
            check.message
            for check in examine(config, Dependencies(clock=bench.clock))
            if check.verdict is CheckResult.FAIL
        ]
        assert any("every window is lost before it settles" in each for each in told) == late


def test_a_zavu_stream_is_told_without_being_asked(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        streams = tuple(replace(each, settle=100 * DAY) for each in bench.config.streams)
        config = replace(bench.config, streams=streams)
        checks = examine(config, Dependencies(clock=bench.clock), offline=True)
        assert any("every window is lost before it settles" in check.message for check in checks)
