"""What a person sees and asks of coverage: strips, gaps, statements, the work ahead, second passes, wanted."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.engine_bench import DAY, STREAM, Bench
from strongroom.cli.main import cli
from strongroom.config.secrets import resolve
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import open_reading, plans_of
from strongroom.engine.ingest.job_lineage import retry_failed
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.queries.lists import coverage_of, list_archives, list_jobs
from strongroom.evidence.note import NoteRefused, Signer, open_note
from strongroom.model.coverage import Cover
from strongroom.model.horizon import BEYOND
from strongroom.model.plan import Span
from strongroom_sandbox.faults import FaultKind


def cover(bench: Bench, **changes: object) -> None:
    plans = [replace(plan, **changes) for plan in plans_of(bench.config)]  # type: ignore[arg-type]
    with bench.engine() as engine:
        while enter_due(engine, plans):
            bench.run(engine)


def test_a_statement_is_signed_and_says_that_there_is_no_gap(bench: Bench) -> None:
    cover(bench)
    words = ["coverage", "statement", "--from", "2026-11-18", "--to", "2026-11-20"]
    result = CliRunner().invoke(cli, ["--config", str(bench.config.file), *words])
    assert result.exit_code == 0, result.output
    key = bench.config.vault.signing_key
    assert key is not None
    signer = Signer.parse(resolve(key).reveal())
    text = open_note(result.output, signer.verifier)
    assert "no gap, 2 archives" in text
    with open_reading(bench.config) as vault:
        created = newest_moments(vault, 1000)[-1]
    assert created.facts["verifier"] == str(signer.verifier)
    with pytest.raises(NoteRefused):
        open_note(result.output.replace("no gap", "no gaps"), signer.verifier)


def test_a_statement_names_every_gap(bench: Bench) -> None:
    cover(bench)
    words = ["coverage", "statement", "--from", "2026-11-16", "--to", "2026-11-20"]
    result = CliRunner().invoke(cli, ["--config", str(bench.config.file), *words])
    assert result.exit_code == 1
    assert "1 gap," in result.output
    assert "gap zavu-records 2026-11-16T00:00:00Z 2026-11-18T00:00:00Z not held" in result.output


def test_the_strip_and_its_json_say_the_same(bench: Bench) -> None:
    cover(bench)
    shown = CliRunner().invoke(cli, ["--config", str(bench.config.file), "coverage"])
    told = CliRunner().invoke(cli, ["--config", str(bench.config.file), "coverage", "--json"])
    (stream,) = json.loads(told.output)["streams"]
    assert [window["cover"] for window in stream["windows"]].count("proven") == 2
    assert "██" in shown.output and all(len(line) <= 80 for line in shown.output.splitlines())


def test_the_plan_says_what_lies_ahead_before_it_begins(bench: Bench) -> None:
    told = CliRunner().invoke(cli, ["--config", str(bench.config.file), "plan", "--json"])
    (source,) = json.loads(told.output)["sources"]
    assert source["exports"] >= 2 and source["per_hour"] == 10
    with open_reading(bench.config) as vault:
        assert list_jobs(vault) == []


def test_what_the_provider_destroyed_is_lost_with_its_reason(bench: Bench) -> None:
    since = DAY.start - timedelta(days=100)
    cover(bench, since=since, span=Span.WEEK)
    with open_reading(bench.config) as vault:
        ledger = coverage_of(vault, STREAM.name)
    lost = [interval for interval in ledger if interval.cover is Cover.LOST]
    assert lost and {interval.cause for interval in lost} == {BEYOND}
    assert min(interval.window.start for interval in ledger) == since
    assert not [interval for interval in ledger if interval.cover is Cover.EMPTY]


def test_an_open_plan_begins_with_what_the_provider_still_keeps(bench: Bench) -> None:
    cover(bench, since=None, span=Span.MONTH)
    with open_reading(bench.config) as vault:
        ledger = coverage_of(vault, STREAM.name)
    assert {interval.cover for interval in ledger} == {Cover.PROVEN}
    bench.clock.advance(timedelta(days=200))
    cover(bench, since=None, span=Span.MONTH)
    with open_reading(bench.config) as vault:
        assert Cover.LOST in {interval.cover for interval in coverage_of(vault, STREAM.name)}


def test_a_second_pass_adds_a_version_and_replaces_nothing(bench: Bench) -> None:
    cover(bench, settled_pass=timedelta(days=5))
    with open_reading(bench.config) as vault:
        first = list_archives(vault)
        assert len(first) == 2
    bench.clock.advance(timedelta(days=4))
    cover(bench, settled_pass=timedelta(days=5))
    with open_reading(bench.config) as vault:
        both = [archive for archive in list_archives(vault) if archive.spec.window == DAY]
        assert len(both) == 2
        (interval,) = [each for each in coverage_of(vault, STREAM.name) if each.window == DAY]
        assert interval.archive in {archive.id for archive in first}
    cover(bench, settled_pass=timedelta(days=5))
    with open_reading(bench.config) as vault:
        assert len([archive for archive in list_archives(vault) if archive.spec.window == DAY]) == 2


@pytest.mark.slow
def test_a_window_given_up_is_tried_again_a_day_later(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.JOB_FAILS, times=None)
    with bench.engine() as engine:
        enter_due(engine, plans_of(bench.config)[:1])
        bench.run(engine)
        assert retry_failed(engine) == []
        bench.sandbox.faults.clear()
        bench.clock.advance(timedelta(days=1, minutes=1))
        assert len(retry_failed(engine)) == 2
        assert retry_failed(engine) == []
        bench.run(engine)
    with open_reading(bench.config) as vault:
        assert {each.cover for each in coverage_of(vault, STREAM.name)} == {Cover.PROVEN}


def test_a_wish_waits_while_nobody_works_and_is_answered_then(bench: Bench) -> None:
    asked = CliRunner().invoke(cli, ["--config", str(bench.config.file), "pause", STREAM.name, "--json"])
    assert json.loads(asked.stdout)["answered"] is False
    from strongroom.engine.queries.requests import serve

    with bench.engine() as engine:
        (request,) = serve(engine)
        assert request.subject == STREAM.name
        assert enter_due(engine, plans_of(bench.config)) == []
    unknown = CliRunner().invoke(cli, ["--config", str(bench.config.file), "pause", "no-such-stream"])
    assert unknown.exit_code == 2
