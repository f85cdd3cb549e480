"""An unusually empty window through the whole program: alert, one second look, its outcome, and a rebuild."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.engine_bench import STREAM, Bench
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_looking
from strongroom.engine.core.alert_store import newest_alerts, reconcile
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import open_reading, plans_of, streams_of
from strongroom.engine.ingest.coverage import mark_snapshot
from strongroom.engine.ingest.job_lineage import retry
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.monitor.alert_rules import alarms
from strongroom.engine.monitor.stream_status import condition_of, keeps_of
from strongroom.engine.proof.derived import row_differences
from strongroom.engine.queries.lists import coverage_of, list_archives, list_jobs
from strongroom.engine.queries.overview import Look, read_overview
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.evidence.verifier import Report, check_statement
from strongroom.model.alert import condition_words
from strongroom.model.coverage import Cover
from strongroom.model.horizon import BEYOND
from strongroom.model.job import State
from strongroom.model.plan import Plan
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
EMPTY = Window(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))


def plans(bench: Bench, since: int = 16) -> list[Plan]:
    return [replace(plan, since=datetime(2026, 11, since, tzinfo=UTC)) for plan in plans_of(bench.config)]


def cover(bench: Bench, since: int = 16) -> None:
    """Do what a run does, and look for alarms as the watcher does."""
    with bench.engine() as engine:
        while enter_due(engine, plans(bench, since)):
            bench.run(engine, hours=2)
        look(bench, engine, since)


def look(bench: Bench, engine: object, since: int = 16) -> None:
    reconcile(engine.vault, alarms(engine.vault, plans(bench, since), keeps_of(engine), bench.clock()), bench.clock())  # type: ignore[attr-defined, arg-type]


def empty_once(bench: Bench, since: int = 16, times: int = 1) -> None:
    """Archive three days with records, then one whose export comes without a record."""
    bench.clock.advance(-DAY)
    cover(bench, since)
    bench.clock.advance(DAY)
    bench.sandbox.faults.add(FaultKind.NO_RECORDS, times=times)
    cover(bench, since)


def covered(bench: Bench) -> tuple[Cover, str]:
    with open_reading(bench.config) as vault:
        (found,) = [each for each in coverage_of(vault, STREAM.name) if each.window == EMPTY]
    return found.cover, found.archive


def standing(bench: Bench) -> list[str]:
    """Return the keys of what stands or is told once, about empty windows."""
    with open_reading(bench.config) as vault:
        return [each.key for each in newest_alerts(vault) if each.key.startswith("empty") and not each.cleared_at]


def kinds(bench: Bench) -> list[str]:
    with open_reading(bench.config) as vault:
        return [each.kind for each in newest_moments(vault, 1_000) if each.kind.startswith("empty.")]


def looks(bench: Bench) -> list[State]:
    with open_reading(bench.config) as vault:
        return [job.state for job in list_jobs(vault, purpose="second-look")]


def invoke(bench: Bench, *words: str) -> str:
    result = CliRunner().invoke(cli, ["--config", str(bench.base / "strongroom.toml"), *words])
    assert result.exit_code in (0, 1), result.output
    return result.stdout


def told(bench: Bench) -> list[dict[str, str]]:
    (stream,) = json.loads(invoke(bench, "coverage", "--json"))["streams"]
    return list(stream["second_looks"])


def unchanged_by_a_rebuild(bench: Bench) -> bool:
    path = bench.base / "vault" / "catalogue.sqlite"
    before = ledger_rows(path)
    with open_reading(bench.config) as vault:
        streams = {stream.name: stream for stream in streams_of(bench.config)}
        assert row_differences(vault, streams) == []
    rebuild(Rebuild(bench.base / "vault", bench.clock, streams))
    return ledger_rows(path) == before


def ledger_rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM coverage ORDER BY stream, window_start, window_end").fetchall()
    finally:
        connection.close()


def test_a_window_that_was_not_empty_is_found_by_the_second_look(bench: Bench) -> None:
    empty_once(bench)
    cover_before, first = covered(bench)
    assert (cover_before, kinds(bench), looks(bench)) == (Cover.EMPTY, ["empty.doubted"], [])
    assert standing(bench) == [f"empty {STREAM.name} 2026-11-19T00:00:00Z"]
    assert (
        "? empty: 2026-11-19T00:00:00Z to 2026-11-20T00:00:00Z: the stream was never empty before; it is"
        in " ".join(invoke(bench, "coverage").split())
    )
    assert [(each["outcome"], each["archive"], each["newer"]) for each in told(bench)] == [("pending", first, "")]
    with bench.engine() as engine:
        assert "1 empty window to be exported again" in condition_words(condition_of(engine, plans(bench)))
        glance = read_overview(
            engine.vault, [mark_snapshot(engine, each) for each in plans(bench)], {}, bench.clock(), Look()
        )
        assert ["never empty" in words for words in glance.strips[0].causes.values()] == [True]
    assert unchanged_by_a_rebuild(bench)
    bench.clock.advance(DAY - timedelta(hours=3))
    cover(bench)
    assert looks(bench) == []  # it is not due yet
    bench.clock.advance(timedelta(hours=3))
    cover(bench)
    cover_after, newer = covered(bench)
    assert (cover_after, looks(bench)) == (Cover.PROVEN, [State.ARCHIVED])
    assert newer != first
    assert kinds(bench) == ["empty.refuted", "empty.doubted"]
    assert [(each["outcome"], each["newer"]) for each in told(bench)] == [("refuted", newer)]
    assert standing(bench) == [f"empty-refuted {STREAM.name} 2026-11-19T00:00:00Z"]
    with open_reading(bench.config) as vault:
        assert first in [each.id for each in list_archives(vault)]  # both are kept
    assert unchanged_by_a_rebuild(bench)
    bench.clock.advance(3 * DAY)
    cover(bench)
    assert looks(bench) == [State.ARCHIVED]  # one second look, no more


def test_an_empty_window_is_accepted_when_the_second_look_finds_nothing(bench: Bench, tmp_path: Path) -> None:
    empty_once(bench, times=2)
    statement = tmp_path / "statement.txt"
    period = ("--from", "2026-11-16", "--to", "2026-11-20")
    statement.write_text(invoke(bench, "coverage", "statement", *period))
    assert f"unconfirmed {STREAM.name} 2026-11-19T00:00:00Z 2026-11-20T00:00:00Z archived as empty by one" in (
        statement.read_text()
    )
    report = Report()
    report.check("statement", lambda: check_statement(statement, [], None, report))
    assert report.findings == []
    bench.clock.advance(DAY)
    cover(bench)
    assert (covered(bench)[0], looks(bench)) == (Cover.EMPTY, [State.ARCHIVED])
    assert (kinds(bench), standing(bench)) == (["empty.confirmed", "empty.doubted"], [])
    assert "unconfirmed" not in invoke(bench, "coverage", "statement", *period)
    assert "found it empty again" in invoke(bench, "coverage")
    assert unchanged_by_a_rebuild(bench)


def test_a_second_look_that_fails_is_told_and_can_be_tried_again(bench: Bench) -> None:
    empty_once(bench)
    bench.clock.advance(DAY)
    bench.sandbox.faults.add(FaultKind.JOB_FAILS, times=None)
    with bench.engine() as engine:
        enter_due(engine, [replace(plan, since=EMPTY.start, paused=False) for plan in plans(bench)])
        bench.run(engine, hours=48)
        (job,) = [job for job in list_jobs(engine.vault, purpose="second-look") if job.state is State.FAILED]
        look(bench, engine)
        assert covered(bench)[0] is Cover.EMPTY
        assert f"empty-unconfirmed {STREAM.name} 2026-11-19T00:00:00Z" in standing(bench)
        bench.sandbox.faults.clear()
        retry(engine, job)
        bench.run(engine)
    assert covered(bench)[0] is Cover.PROVEN
    assert kinds(bench) == ["empty.refuted", "empty.unconfirmed", "empty.doubted"]


def test_an_export_by_hand_does_for_the_second_look(bench: Bench) -> None:
    """A later export with records covers the window whatever it was made for; one without does so when it is due."""
    empty_once(bench, times=2)
    for found, hours in ((["empty.doubted"], 24), (["empty.refuted", "empty.doubted"], 0)):
        with bench.engine() as engine:
            enter_window(engine, STREAM, EMPTY, "standard", again=True)
            bench.run(engine, hours=2)
        assert kinds(bench) == found
        bench.clock.advance(timedelta(hours=hours))
    assert covered(bench)[0] is Cover.PROVEN
    cover(bench)
    assert looks(bench) == []
    assert unchanged_by_a_rebuild(bench)


def test_what_the_provider_has_deleted_meanwhile_is_told(bench: Bench) -> None:
    empty_once(bench)
    bench.clock.advance(90 * DAY)
    with bench.engine() as engine:
        enter_due(engine, plans(bench))
    assert (kinds(bench), looks(bench)) == (["empty.unconfirmed", "empty.doubted"], [])
    with open_reading(bench.config) as vault:
        (last,) = [each for each in newest_moments(vault, 100) if each.kind == "empty.unconfirmed"]
    assert last.facts["cause"] == BEYOND


def test_without_a_past_or_when_it_is_turned_off_nothing_is_doubted(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.NO_RECORDS, times=1)
    cover(bench, 19)
    assert (covered(bench)[0], kinds(bench), standing(bench)) == (Cover.EMPTY, [], [])
    file = bench.base / "strongroom.toml"
    file.write_text(file.read_text().replace("allow_private", 'second_look = "never"\nallow_private', 1))
    with open_looking(load_config(file)) as engine:
        assert engine.sources["zavu"].second_look is None
