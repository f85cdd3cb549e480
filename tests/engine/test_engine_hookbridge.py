"""The engine over HookBridge: one export at a time, its own words for a limit and a wrong key, and its life's end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.csv_engine_bench import HOOKS, archives, kinds, newest, open_csv_bench
from kit.engine_bench import DAY, NOON
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import coverage_of, job_life, status_of
from strongroom.model.coverage import Cover
from strongroom.model.job import Cause, State
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import (
    DirectionShown,
    Download,
    ExpiredLook,
    HookBridgeOptions,
    LocationStyle,
    SlotBounds,
)
from strongroom_sandbox.recorder import Operation, SandboxOrigin

INBOUND = Stream("taken", "hookbridge", ("inbound",))


@pytest.mark.parametrize("stream", [HOOKS, INBOUND])
@pytest.mark.parametrize("download", Download)
@pytest.mark.parametrize("count_header", [False, True])
def test_a_window_of_either_direction_becomes_an_archive(
    tmp_path: Path, stream: Stream, download: Download, count_header: bool
) -> None:
    options = HookBridgeOptions(download=download, count_header=count_header, location=LocationStyle.PATH)
    with open_csv_bench(tmp_path, options) as bench:
        bench.export(stream=stream)
        (archive,) = archives(bench)
        job = newest(bench)
        assert (job.state, archive.inspection.sound) == (State.ARCHIVED, True)
        assert archive.inspection.in_window > 0
        assert archive.inspection.records >= archive.inspection.in_window
        (made,) = bench.sandbox.hookbridge.jobs
        assert made.order.direction == stream.datasets[0]
        served = SandboxOrigin.HOOKBRIDGE if download is Download.DIRECT else SandboxOrigin.STORAGE
        got = [seen.origin for seen in bench.sandbox.requests.all if seen.operation is Operation.DOWNLOAD]
        # The first count that takes in the header is a row too many: it is learned by fetching the file again.
        assert got == [served] * (2 if count_header else 1)


def test_the_provider_s_names_for_our_requests_stay_in_the_history(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions()) as bench:
        job = bench.export(stream=HOOKS)
        with open_reading(bench.config) as vault:
            told = {
                each.kind: each.facts.get("request", "") for each in job_life(vault, find_job(vault, job.id)).moments
            }
        assert str(told["job.accepted"]).startswith("req_")
        assert str(told["job.completed"]).startswith("req_")
        assert told["job.accepted"] != told["job.completed"]


def test_a_refusal_keeps_the_name_of_the_request_too(tmp_path: Path) -> None:
    unknown = replace(HOOKS, filters=(("endpoint_id", "ep_550e8400e29b41d4a716446655440000"),))
    with open_csv_bench(tmp_path, HookBridgeOptions()) as bench:
        job = bench.export(stream=unknown)
        with open_reading(bench.config) as vault:
            (told,) = [each for each in job_life(vault, find_job(vault, job.id)).moments if each.kind == "job.refused"]
        assert str(told.facts["request"]).startswith("req_")
        assert "ENDPOINT_NOT_FOUND" in told.words
        assert newest(bench).cause is Cause.REFUSED


def test_a_limit_is_waited_for_and_a_wrong_key_stops_the_source(tmp_path: Path) -> None:
    """Both are a 429; only its code tells them apart."""
    with open_csv_bench(tmp_path, HookBridgeOptions(limit_hint=True)) as bench:
        bench.sandbox.hookbridge.add_foreign_job(DAY.start, DAY.end, "inbound")
        bench.export(stream=HOOKS)
        assert newest(bench).state is State.ARCHIVED
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=429))
        before = len(bench.sandbox.requests.creates)
        bench.export(stream=HOOKS, window=Window(DAY.end, DAY.end + timedelta(hours=12)))
        with open_reading(bench.config) as vault:
            (source,) = status_of(vault).sources
        assert "RATE_LIMITED" in source.paused
        assert len(bench.sandbox.requests.creates) == before + 1


@pytest.mark.parametrize("look", HookBridgeOptions.expired_looks)
def test_an_export_that_expired_before_it_was_fetched_is_made_anew(tmp_path: Path, look: ExpiredLook) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(expired=look)) as bench:
        with bench.engine() as engine:
            job = enter_window(engine, HOOKS, DAY, "standard")
            bench.run(engine, hours=0.001)
        bench.clock.advance(timedelta(days=8))
        with bench.engine() as engine:
            bench.run(engine)
        assert "died" in kinds(bench, job.id)
        assert (newest(bench).state, newest(bench).parent) == (State.ARCHIVED, job.id)
        assert len(bench.sandbox.hookbridge.jobs) == 2


@pytest.mark.parametrize("bounds", SlotBounds)
def test_neighbouring_windows_share_records_and_miss_none(tmp_path: Path, bounds: SlotBounds) -> None:
    """Cut exactly at a record: whichever ends count, both windows together hold every record of the day."""
    with open_csv_bench(tmp_path, HookBridgeOptions(bounds=bounds)) as bench:
        bench.export(stream=HOOKS)
        (whole,) = archives(bench)
        cut = whole.inspection.earliest
        assert cut is not None
        bench.export(stream=HOOKS, window=Window(DAY.start, cut))
        bench.export(stream=HOOKS, window=Window(cut, DAY.end))
        later, earlier, _whole = archives(bench)
        assert later.inspection.in_window + earlier.inspection.in_window == whole.inspection.in_window
        assert earlier.inspection.sound and later.inspection.sound


def test_one_window_of_both_directions_is_never_exchanged(tmp_path: Path) -> None:
    """Both creates go unanswered and the list shows no direction: nothing of it is taken for the other."""
    options = HookBridgeOptions(direction_shown=DirectionShown.NEVER, max_concurrent=None)
    with open_csv_bench(tmp_path, options) as bench:
        bench.sandbox.faults.add(InjectedFault(FaultKind.RESET, Operation.CREATE, after=True, times=2))
        with bench.engine() as engine:
            for stream in (INBOUND, HOOKS):
                enter_window(engine, stream, DAY, "standard")
            assert bench.run(engine) == []
        assert archives(bench) == []
        assert len(bench.sandbox.hookbridge.jobs) == 2, "what may be ours is no proof that ours was never made"
        with open_reading(bench.config) as vault:
            assert {each.cover for each in coverage_of(vault, HOOKS.name)} == {Cover.MISSING}
        assert bench.clock() > NOON
