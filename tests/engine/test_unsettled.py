"""Exports that came too early and losses that were none: nothing is held too soon or lost for good wrongly."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.csv_engine_bench import open_csv_bench
from kit.engine_bench import DAY, NOON, STREAM, Bench
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import open_reading, plans_of
from strongroom.engine.ingest.planning import enter_due, enter_window, unsettled_part, work_out
from strongroom.engine.monitor.stream_status import condition_of
from strongroom.engine.queries.coverage_report import coverage_of_plans
from strongroom.engine.queries.coverage_statement import has_gap, state_coverage
from strongroom.engine.queries.lists import coverage_of, list_archives
from strongroom.engine.repair.findings import Recovery
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.repair.repair import apply
from strongroom.evidence.line import Entry, Fact
from strongroom.model.alert import condition_words
from strongroom.model.coverage import HELD, Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.horizon import BEYOND
from strongroom.model.job import State
from strongroom.model.plan import oldest_whole
from strongroom.model.times import format_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.coverage import claim
from strongroom.vault.log import add_entry
from strongroom.vault.sources import lag_of
from strongroom.vault.streams import StreamState, put_stream
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import HookBridgeOptions
from strongroom_sandbox.recorder import Operation

TODAY = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
SETTLE, ONE_DAY = timedelta(hours=6), timedelta(days=1)  # as `init` configures it


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def ledger(bench: Bench) -> list[Interval]:
    with open_reading(bench.config) as vault:
        return coverage_of(vault, STREAM.name)


def cover(bench: Bench, **changes: object) -> None:
    plans = [replace(plan, **changes) for plan in plans_of(bench.config)]  # type: ignore[arg-type]
    with bench.engine() as engine:
        while enter_due(engine, plans):
            bench.run(engine)


def rows(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM coverage ORDER BY stream, window_start, window_end").fetchall()
    finally:
        connection.close()


def rebuilt_alike(bench: Bench, tmp_path: Path, batch: int = 2000) -> None:
    made = tmp_path / f"made-{batch}.sqlite"
    rebuild(Rebuild(bench.config.vault.path, bench.clock, {STREAM.name: STREAM}, to=made, batch=batch))
    assert rows(made) == rows(bench.config.vault.path / "catalogue.sqlite")


def kinds(bench: Bench) -> list[str]:
    with open_reading(bench.config) as vault:
        return [moment.kind for moment in newest_moments(vault, 1000)]


def run(bench: Bench, *words: str) -> str:
    result = CliRunner().invoke(cli, ["--config", str(bench.config.file), *words])
    return result.output


def test_a_day_that_is_not_over_is_proven_up_to_what_had_settled(bench: Bench, tmp_path: Path) -> None:
    bench.export(window=TODAY)
    (held,) = ledger(bench)
    assert (held.window, held.cover) == (Window(TODAY.start, NOON - SETTLE), Cover.PROVEN)
    assert "coverage.unsettled" in kinds(bench)
    rebuilt_alike(bench, tmp_path)
    bench.clock.advance(timedelta(days=3))
    with bench.engine() as engine:
        (plan,) = plans_of(bench.config)
        assert Window(NOON - SETTLE, TODAY.end) in work_out(engine, plan).windows
        (told,) = coverage_of_plans(engine, [plan], TODAY)
        assert has_gap([told], TODAY)
        assert "no gap" not in state_coverage(engine.vault, [told], TODAY)
    cover(bench)
    assert subtract(TODAY, [each.window for each in ledger(bench) if each.cover is Cover.PROVEN]) == []
    rebuilt_alike(bench, tmp_path, 3)


def test_what_of_a_window_has_not_settled_is_told(bench: Bench) -> None:
    with bench.engine() as engine:
        assert unsettled_part(engine, STREAM, TODAY) == Window(NOON - SETTLE, TODAY.end)
        assert unsettled_part(engine, STREAM, DAY) is None


def test_a_window_that_just_began_proves_nothing_and_is_kept_all_the_same(bench: Bench, tmp_path: Path) -> None:
    window = Window(NOON - timedelta(minutes=30), TODAY.end)
    bench.export(window=window)
    assert ledger(bench) == []
    with open_reading(bench.config) as vault:
        (archive,) = list_archives(vault)
    assert archive.spec.window == window
    rebuilt_alike(bench, tmp_path)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=1), timedelta(days=2)])
def test_a_window_that_has_not_begun_is_refused(bench: Bench, ahead: timedelta) -> None:
    window = Window(NOON + ahead, NOON + ahead + ONE_DAY)
    with bench.engine() as engine, pytest.raises(UsageError, match="is in the future") as caught:
        enter_window(engine, STREAM, window, "standard")
    assert "a window that has ended" in caught.value.hint
    assert ledger(bench) == []


def test_the_windows_of_a_plan_are_proven_whole(bench: Bench) -> None:
    bench.clock.advance(TODAY.end + SETTLE - NOON)  # the very moment at which the day has settled
    cover(bench)
    assert [each.window for each in ledger(bench)] == [DAY, *(Window(day(19 + n), day(20 + n)) for n in range(2))]


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(minutes=3)])
def test_a_clock_that_is_ahead_loses_nothing(bench: Bench, tmp_path: Path, delay: timedelta) -> None:
    """Without a delay worth the name, a clock some minutes ahead asks for a day that is not over at the provider."""
    ahead = timedelta(minutes=5)
    plans = [replace(plan, settle=delay, since=TODAY.start) for plan in plans_of(bench.config)]
    with bench.engine(clock=lambda: bench.clock() + ahead, settles={STREAM.name: delay}) as engine:
        bench.clock.advance(TODAY.end + delay - ahead - bench.clock())
        enter_due(engine, plans)
        bench.run(engine)
        asked = [export.created_at for export in bench.sandbox.zavu.jobs]
        assert asked and asked[0] < TODAY.end
        for each in coverage_of(engine.vault, STREAM.name):
            assert each.window.end <= asked[0]
        assert lag_of(engine.vault.catalogue, "zavu") >= ahead
        for _ in range(12):
            bench.clock.advance(timedelta(minutes=5))
            enter_due(engine, plans)
            bench.run(engine)
        held = coverage_of(engine.vault, STREAM.name)
        assert subtract(TODAY, [each.window for each in held if each.cover in HELD]) == []
        last = max(held, key=lambda each: each.window)
        made = {export.id: export.created_at for export in bench.sandbox.zavu.jobs}
        assert max(made.values()) >= last.window.end
        assert len(made) <= 3
    rebuilt_alike(bench, tmp_path)


def test_the_delay_absorbs_a_clock_that_is_a_little_ahead(bench: Bench) -> None:
    with bench.engine(clock=lambda: bench.clock() + timedelta(minutes=5)) as engine:
        bench.clock.advance(TODAY.end + SETTLE - timedelta(minutes=5) - bench.clock())
        enter_due(engine, plans_of(bench.config))
        bench.run(engine)
        assert Window(TODAY.start, TODAY.end) in [each.window for each in coverage_of(engine.vault, STREAM.name)]


def test_a_window_that_had_not_ended_and_failed_is_due_not_missing(bench: Bench, tmp_path: Path) -> None:
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, on=Operation.CREATE, status=400, times=2))
    job = bench.export(window=TODAY)
    assert ledger(bench) == []
    rebuilt_alike(bench, tmp_path)
    bench.clock.advance(ONE_DAY)
    with bench.engine() as engine:
        (plan,) = plans_of(bench.config)
        assert TODAY in work_out(engine, plan).windows
    with open_reading(bench.config) as vault:
        assert find_job(vault, job.id).state is State.FAILED


def test_nothing_of_the_future_is_entered(bench: Bench) -> None:
    with bench.engine() as engine:
        for each in (Cover.PROVEN, Cover.EMPTY, Cover.LOST, Cover.MISSING):
            with engine.vault.catalogue.transaction(), pytest.raises(ValueError, match="cannot be"):
                claim(engine.vault.catalogue, Interval(STREAM.name, TODAY, each), NOON)
        assert coverage_of(engine.vault, STREAM.name) == []


def keeping(bench: Bench, days: int) -> None:
    """Configure how long the provider is said to keep its records."""
    text = bench.config.file.read_text()  # type: ignore[union-attr]
    lines = [line for line in text.splitlines() if not line.startswith("retention_days")]
    place = lines.index("[[source]]") + 1
    bench.config.file.write_text("\n".join([*lines[:place], f"retention_days = {days}", *lines[place:]]) + "\n")  # type: ignore[union-attr]
    bench.config = load_config(bench.config.file)


SINCE = day(10)


def test_a_retention_that_was_too_short_for_a_while_loses_nothing(bench: Bench, tmp_path: Path) -> None:
    keeping(bench, 3)
    cover(bench, since=SINCE)
    assert ledger(bench)[0].cover is Cover.LOST
    keeping(bench, 90)
    with bench.engine() as engine:
        (plan,) = [replace(plan, since=SINCE) for plan in plans_of(bench.config)]
        assert work_out(engine, plan).windows[0] == Window(day(10), day(11))
        (told,) = coverage_of_plans(engine, [plan])
        assert told.gaps == ()
        assert told.risk is not None
    cover(bench, since=SINCE)
    found = ledger(bench)
    assert {each.cover for each in found} == {Cover.PROVEN}
    assert subtract(Window(SINCE, day(20)), [each.window for each in found]) == []
    assert kinds(bench).count("coverage.reconsidered") == 1
    rebuilt_alike(bench, tmp_path)
    cover(bench, since=SINCE)
    assert ledger(bench) == found


def test_only_the_part_that_is_still_there_is_wanted_again(bench: Bench, tmp_path: Path) -> None:
    keeping(bench, 3)
    cover(bench, since=SINCE)
    keeping(bench, 7)
    with bench.engine() as engine:
        enter_due(engine, [replace(plan, since=SINCE) for plan in plans_of(bench.config)])
        found = coverage_of(engine.vault, STREAM.name)
        (lost,) = [each for each in found if each.cover is Cover.LOST]
        assert lost.window == Window(SINCE, engine.clock() - timedelta(days=7))
        bench.run(engine)
    rebuilt_alike(bench, tmp_path)


def test_time_alone_brings_nothing_back(bench: Bench) -> None:
    keeping(bench, 3)
    cover(bench, since=SINCE)
    bench.clock.advance(timedelta(days=5))
    cover(bench, since=SINCE)
    bench.clock.advance(timedelta(seconds=-20))  # a clock that was corrected
    cover(bench, since=SINCE)
    assert "coverage.reconsidered" not in kinds(bench)


def test_an_open_plan_reaches_back_when_the_provider_turns_out_to_keep_more(bench: Bench) -> None:
    keeping(bench, 3)
    cover(bench, since=None)
    keeping(bench, 9)
    with bench.engine() as engine:
        (plan,) = [replace(plan, since=None) for plan in plans_of(bench.config)]
        first = oldest_whole(plan.span, plan.zone, engine.clock() - timedelta(days=9))
        assert work_out(engine, plan).since == first
    cover(bench, since=None)
    bench.clock.advance(ONE_DAY)
    with bench.engine() as engine:
        assert work_out(engine, plan).since == first


def test_table_json_and_statement_tell_the_same_losses(bench: Bench) -> None:
    """A loss with a held day in it, and one of a tenth of a second after it."""
    bench.config.file.write_text(  # type: ignore[union-attr]
        bench.config.file.read_text().replace('since = "2026-11-18"', 'since = "2026-11-11"')  # type: ignore[union-attr]
    )
    bench.config = load_config(bench.config.file)
    bench.export(window=Window(day(13), day(14)))
    end = day(18) + timedelta(milliseconds=100)
    with bench.engine() as engine, engine.vault.catalogue.transaction():
        for start, until in ((day(11), day(18)), (day(18), end)):
            lost = Interval(STREAM.name, Window(start, until), Cover.LOST, cause=BEYOND)
            claim(engine.vault.catalogue, lost, bench.clock())
    keeping(bench, 2)
    period = ("--from", "2026-11-11", "--to", "2026-11-18T00:00:00.100Z")
    spans = [
        ("2026-11-11T00:00:00Z", "2026-11-13T00:00:00Z"),
        ("2026-11-14T00:00:00Z", "2026-11-18T00:00:00.100Z"),
    ]
    with bench.engine() as engine:
        plans = plans_of(bench.config)
        window = Window(day(11), end)
        told = coverage_of_plans(engine, plans, window)
        statement = state_coverage(engine.vault, told, window)
    assert [line.split()[2:4] for line in statement.splitlines() if line.startswith("gap ")] == [list(s) for s in spans]
    (stream,) = json.loads(run(bench, "coverage", *period, "--json"))["streams"]
    assert [(gap["start"], gap["end"]) for gap in stream["gaps"]] == spans
    losses = [each for each in stream["windows"] if each["cover"] == "lost"]
    assert not any(each["start"] < "2026-11-14" and each["end"] > "2026-11-13T00:00:00Z" for each in losses)
    table = run(bench, "coverage", *period)
    assert [f"{start} to {end}" in " ".join(table.split()) for start, end in spans] == [True, True]
    assert table.count("x lost:") == 2


@pytest.mark.parametrize(
    ("window", "held"),
    [
        (DAY, DAY),
        (TODAY, Window(TODAY.start, NOON - timedelta(hours=1))),
        (Window(NOON - timedelta(minutes=30), TODAY.end), None),
    ],
)
def test_an_archive_that_no_line_speaks_of_counts_by_the_time_in_its_job_s_name(
    bench: Bench, tmp_path: Path, window: Window, held: Window | None
) -> None:
    root = bench.config.vault.path
    with bench.engine():
        pass
    older = {path: path.read_bytes() for path in (root / "catalogue.sqlite", root / "log" / "log.jsonl")}
    bench.export(window=window)
    for stale in root.glob("catalogue.sqlite-*"):
        stale.unlink()
    for path, data in older.items():
        path.write_bytes(data)
    bench.clock.advance(timedelta(days=9))
    apply(Recovery(root, bench.clock, lambda count: b"\1" * count, {STREAM.name: STREAM}))
    assert [each.window for each in ledger(bench)] == ([held] if held else [])
    assert "archive.adopted" in kinds(bench)
    rebuilt_alike(bench, tmp_path)


def test_a_moment_that_an_earlier_version_entered_as_lost_is_taken_back(bench: Bench, tmp_path: Path) -> None:
    """An open plan of then began in the middle of a window, and lost the moments until it was carried out."""
    begun = day(17) + timedelta(hours=12, microseconds=123)
    moment = Window(begun, begun + timedelta(microseconds=400_000))
    with bench.engine() as engine, engine.vault.catalogue.transaction():
        catalogue = engine.vault.catalogue
        put_stream(catalogue, StreamState(STREAM.name, floor=begun, since=begun, edge=moment.end))
        claim(catalogue, Interval(STREAM.name, moment, Cover.LOST, cause=BEYOND), bench.clock())
        span: list[Fact] = [format_instant(moment.start), format_instant(moment.end)]
        facts: dict[str, Fact] = {"window": span, "cause": BEYOND}
        add_entry(catalogue, Entry("coverage.lost", bench.clock(), stream=STREAM.name, facts=facts))
    text = bench.config.file.read_text()
    bench.config.file.write_text(re.sub("since = .*", 'since = "oldest"', text))
    bench.config = load_config(bench.config.file)
    before = json.loads(run(bench, "coverage", "--json"))["streams"][0]
    assert before["gaps"] == []  # known before a run takes it back in the ledger
    with bench.engine() as engine:
        enter_due(engine, plans_of(bench.config), ahead=0)
    assert [each for each in ledger(bench) if each.cover is Cover.LOST] == []
    assert "coverage.reconsidered" in kinds(bench)
    rebuilt_alike(bench, tmp_path)
    with bench.engine() as engine:
        assert condition_of(engine, plans_of(bench.config)).lost == 0


def test_before_first_contact_plan_and_coverage_say_that_it_is_not_known_yet(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions()) as bench:
        text = bench.config.file.read_text()
        bench.config.file.write_text(re.sub("since = .*", 'since = "oldest"', text))
        bench.config = load_config(bench.config.file)
        for command in ("plan", "coverage"):
            told = " ".join(run(bench, command).split())
            assert "not known yet" in told, command
            assert "source check" in told or "doctor" in told, command  # how to know it
            assert "nothing is pending" not in told
            assert "nothing is at risk" not in told
        (known,) = json.loads(run(bench, "coverage", "--json"))["streams"]
        assert (known["risk_known"], known["since"], known["at_risk"]) == (False, None, None)
        with bench.engine() as engine:
            assert "the first day is not known yet" in condition_words(condition_of(engine, plans_of(bench.config)))
            enter_due(engine, plans_of(bench.config), ahead=1)
            assert condition_of(engine, plans_of(bench.config)).unknown == ()
        assert "not known yet" not in run(bench, "plan") + run(bench, "coverage")
