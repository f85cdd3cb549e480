"""What the message history leaves out, shown where a person looks; and how long records are kept by the plan's word."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from kit.csv_engine_bench import HISTORY, HOOKS, REPORTS, open_csv_bench
from kit.engine_bench import NOON, Bench
from strongroom.cli.main import cli
from strongroom.config.load import PROVIDERS, parse_config
from strongroom.engine.bootstrap import open_looking
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import Dependencies, open_reading, plans_of
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.engine.monitor.doctor import check_streams
from strongroom.engine.monitor.stream_status import keeps_of
from strongroom.engine.queries.coverage_report import coverage_of_plans, outlook_of_plans
from strongroom.engine.queries.coverage_statement import state_coverage
from strongroom.engine.queries.lists import coverage_of
from strongroom.model.bech32 import encode_bech32
from strongroom.model.coverage import Cover
from strongroom.model.plan import Plan
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.recorder import Operation

DAY = timedelta(days=1)
REPORTS_STREAM = f"""
[[stream]]
name = "{REPORTS.name}"
source = "qlara"
datasets = ["delivery-reports"]
since = 2026-11-19
"""
DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in (18, 19, 20)]


def cover(bench: Bench, plans: Sequence[Plan], hours: float = 4) -> None:
    with bench.engine() as engine:
        while enter_due(engine, plans):
            bench.run(engine, hours=hours)


def run(bench: Bench, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(bench.config.file), *words])


def test_a_gap_that_no_ledger_shows_is_shown_and_closed_by_reports(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        history = plans_of(bench.config)[0]
        reports = replace(history, stream=REPORTS, since=DAYS[1])
        cover(bench, [history, reports])
        with bench.engine() as engine:
            (told,) = coverage_of_plans(engine, [history], beside=[history, reports])
            (blind,) = told.blind
            assert blind.open == (Window(DAYS[0], DAYS[1]),)
            assert blind.closed == (Window(DAYS[1], DAYS[2]),)
            (alone,) = coverage_of_plans(engine, [history])
            assert (alone.blind[0].closers, alone.blind[0].closed) == ((), ())
            text = state_coverage(engine.vault, [told], Window(DAYS[0], DAYS[2]))
        lines = [line for line in text.splitlines() if line.startswith("left out")]
        assert [line.split(",")[0].split()[-1] for line in lines] == ["open", "closed"]
        assert ": no gap" in text


def test_the_command_and_the_doctor_tell_of_it(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        cover(bench, plans_of(bench.config))
        shown = run(bench, "coverage")
        assert "left out: messages sent by campaigns" in shown.output
        assert "no stream of delivery-reports" in " ".join(shown.output.split())
        warned = run(bench, "doctor", "--offline")
        assert "no other stream archives them" in " ".join(warned.output.split())
        bench.config.file.write_text(bench.config.file.read_text() + REPORTS_STREAM)
        stream = json.loads(run(bench, "coverage", "--json", "--stream", "qlara-records").output)["streams"][0]
        (spot,) = stream["blind_spots"]
        assert (spot["dataset"], spot["streams"], spot["closed"]) == ("message-history", [REPORTS.name], [])
        assert len(spot["open"]) == 1
        assert "no other stream archives them" not in " ".join(run(bench, "doctor", "--offline").output.split())


def test_the_plan_of_the_account_says_how_far_back_there_is_anything(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(retention_days=3)) as bench:
        plan = Plan(HOOKS, None, settle=timedelta(hours=1))
        cover(bench, [plan])
        with open_looking(bench.config) as engine:
            assert kept_for(engine, "hookbridge") == 3 * DAY
            assert keeps_of(engine) == {"hookbridge": 3 * DAY}
            ledger = coverage_of(engine.vault, HOOKS.name)
            (told,) = [each for each in newest_moments(engine.vault, 200) if each.kind == "source.retention-told"]
        assert (told.facts, ledger[0].window.start) == ({"source": "hookbridge", "days": 3}, NOON - 2.5 * DAY)
        long_ago = replace(plan, stream=replace(HOOKS, name="old"), since=NOON - 10 * DAY)
        cover(bench, [long_ago])
        with open_looking(bench.config) as engine:
            lost = [each for each in coverage_of(engine.vault, "old") if each.cover is Cover.LOST]
            assert lost[0].window.start == NOON - 10 * DAY
            (ahead,) = outlook_of_plans(engine, [replace(plan, stream=replace(HOOKS, name="new"))])
            assert ahead.streams[0].first_loss is not None


def probes(bench: Bench) -> int:
    return sum(seen.operation is Operation.PLAN for seen in bench.sandbox.requests.all)


def test_it_is_asked_once_a_day_and_the_last_word_holds(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(retention_days=20)) as bench, bench.engine() as engine:
        for _turn in range(3):
            enter_due(engine, [])
            enter_due(engine, [Plan(HOOKS, NOON)])
        assert probes(bench) == 1
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.PLAN, status=500, times=None))
        bench.clock.advance(DAY + timedelta(minutes=1))
        enter_due(engine, [Plan(HOOKS, NOON)])
        assert (probes(bench), kept_for(engine, "hookbridge")) == (2, 20 * DAY)


def test_a_source_that_cannot_be_asked_is_asked_again_within_the_hour(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions()) as bench, bench.engine() as engine:
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=503))
        enter_due(engine, [Plan(HOOKS, None)])
        assert (probes(bench), kept_for(engine, "hookbridge")) == (0, None)
        enter_due(engine, [Plan(HOOKS, None)])
        assert probes(bench) == 0
        bench.clock.advance(timedelta(hours=1, seconds=1))
        assert enter_due(engine, [Plan(HOOKS, None)])
        assert kept_for(engine, "hookbridge") == 30 * DAY


def test_a_source_without_its_key_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions()) as bench, bench.engine() as engine:
        monkeypatch.delenv("STRONGROOM_TEST_HOOKBRIDGE_KEY")
        assert enter_due(engine, [Plan(HOOKS, None)]) == []
        assert kept_for(engine, "hookbridge") is None


def test_what_is_configured_counts_and_is_not_asked_for(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(retention_days=20), "retention_days = 60") as bench:
        with bench.engine() as engine:
            enter_due(engine, [Plan(HOOKS, NOON)])
            assert (probes(bench), kept_for(engine, "hookbridge")) == (0, 60 * DAY)
        told = " ".join(run(bench, "doctor").output.split())
        assert "keeps records for 20 days, the configuration says 60" in told


@pytest.mark.parametrize("plain", [True, False])
def test_doctor_shows_what_the_plan_tells(tmp_path: Path, plain: bool) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(retention_days=45)) as bench:
        if not plain:
            bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.PLAN, status=403))
        told = " ".join(run(bench, "doctor").output.split())
        assert ("its plan keeps records for 45 days" in told) == plain
        assert ("set retention_days" in told) != plain


def test_every_stream_of_the_example_is_one_that_its_provider_exports() -> None:
    file = Path(__file__).parents[2] / "config.example.toml"
    fresh = iter([encode_bech32("age", b"one" * 10 + b"ab"), encode_bech32("age", b"two" * 10 + b"ab")])
    example = parse_config(file, re.sub(r"age1[a-z0-9]{58}", lambda _: next(fresh), file.read_text()))
    assert list(check_streams(example, Dependencies())) == []
    assert {source.provider for source in example.sources} == set(PROVIDERS)


def test_nothing_is_left_out_of_other_streams(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        plan = replace(plans_of(bench.config)[0], stream=REPORTS)
        cover(bench, [plan])
        with bench.engine() as engine:
            (told,) = coverage_of_plans(engine, [plan], beside=[replace(plan, stream=HISTORY)])
        assert told.blind == ()
        with open_reading(bench.config) as vault:
            assert {each.cover for each in coverage_of(vault, REPORTS.name)} == {Cover.PROVEN}
