"""Contacts and the like: a schedule of full copies, of which only the newest can be had, each beside the one before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.csv_engine_bench import archives, kinds, open_csv_bench
from kit.engine_bench import Bench
from strongroom.cli.main import cli
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.coverage import is_mixed, mark_snapshot
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.ingest.source_upkeep import kept_for
from strongroom.engine.monitor.alert_rules import alarms
from strongroom.engine.monitor.stream_status import keeps_of, stream_statuses_of
from strongroom.engine.queries.coverage_report import coverage_of_plans, outlook_of_plans
from strongroom.engine.queries.lists import coverage_of, list_jobs
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.horizon import NO_COPY
from strongroom.model.job import State
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.options import QlaraOptions

CONTACTS = Stream("contacts", "qlara", ("contacts",))
DAILY = Plan(CONTACTS, None, Span.DAY, settle=timedelta(hours=1))
DAY = timedelta(days=1)


def midnight(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=UTC)


def cover(bench: Bench, *plans: Plan, hours: float = 2) -> None:
    with bench.engine() as engine:
        while enter_due(engine, plans or [DAILY]):
            bench.run(engine, hours=hours)


def ledger(bench: Bench, name: str = CONTACTS.name) -> list[Interval]:
    with open_reading(bench.config) as vault:
        return coverage_of(vault, name)


def shape(intervals: list[Interval]) -> list[tuple[int, int, Cover]]:
    return [(each.window.start.day, each.window.end.day, each.cover) for each in intervals]


def test_it_begins_with_the_newest_window_and_takes_one_copy_of_each(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        for _day in range(3):
            cover(bench)
            cover(bench)
            bench.clock.advance(DAY)
        assert shape(ledger(bench)) == [(19, 20, Cover.PROVEN), (20, 21, Cover.PROVEN), (21, 22, Cover.PROVEN)]
        assert len(bench.sandbox.qlara.jobs) == 3
        assert all(archive.inspection.records > 0 for archive in archives(bench))


def test_a_catch_up_takes_one_copy_and_tells_what_is_lost(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        cover(bench)
        bench.clock.advance(6 * DAY)
        cover(bench)
        found = ledger(bench)
        assert shape(found) == [(19, 20, Cover.PROVEN), (20, 25, Cover.LOST), (25, 26, Cover.PROVEN)]
        assert found[1].cause == NO_COPY
        assert len(bench.sandbox.qlara.jobs) == 2
        with bench.engine() as engine:
            assert enter_due(engine, [DAILY]) == []
            (told,) = coverage_of_plans(engine, [DAILY])
            (stream_status,) = stream_statuses_of(engine.vault, [DAILY], keeps_of(engine), bench.clock())
            found_alarms = alarms(engine.vault, [DAILY], keeps_of(engine), bench.clock())
        assert (told.snapshot, told.risk, told.due) == (True, None, ())
        assert [gap.cause for gap in told.gaps] == [NO_COPY]
        assert (stream_status.lost, [window.length for window in stream_status.uncopied]) == ((), [5 * DAY])
        assert ["no copy" in alarm.title for alarm in found_alarms if "contacts" in alarm.key] == [True]


def test_a_start_long_ago_is_lost_but_for_the_newest(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        cover(bench, replace(DAILY, since=midnight(1)))
        assert shape(ledger(bench)) == [(1, 19, Cover.LOST), (19, 20, Cover.PROVEN)]


def test_copies_that_wait_give_way_to_a_newer_one(tmp_path: Path) -> None:
    """A source that cannot be asked for days leaves no queue of copies behind."""
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        with bench.engine() as engine:
            for _day in range(3):
                enter_due(engine, [DAILY])
                bench.clock.advance(DAY)
        cover(bench)
        found = shape(ledger(bench))
        assert [cover for _start, _end, cover in found] == [Cover.LOST] * (len(found) - 1) + [Cover.PROVEN]
        assert (found[0][0], found[-1]) == (19, (22, 23, Cover.PROVEN))
        with open_reading(bench.config) as vault:
            jobs = list_jobs(vault)
        assert sorted(job.state for job in jobs) == [State.ARCHIVED, State.CANCELLED, State.CANCELLED, State.CANCELLED]
        assert len(bench.sandbox.qlara.jobs) == 1


def test_a_copy_that_failed_for_good_is_lost_once_a_newer_one_can_be_had(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        bench.sandbox.faults.add(FaultKind.JOB_FAILS, times=None)
        cover(bench, hours=12)
        assert shape(ledger(bench)) == [(19, 20, Cover.MISSING)]
        bench.sandbox.faults.clear()
        bench.clock.advance(DAY)
        cover(bench)
        assert shape(ledger(bench))[0] == (19, 20, Cover.LOST)
        assert shape(ledger(bench))[-1][2] is Cover.PROVEN


def test_each_copy_says_at_once_what_changed_and_diff_tells_which(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        cover(bench, replace(DAILY, span=Span.WEEK))
        bench.clock.advance(14 * DAY)
        cover(bench, replace(DAILY, span=Span.WEEK))
        newer, older = archives(bench)
        with open_reading(bench.config) as vault:
            (taken,) = [each for each in newest_moments(vault, 100) if each.kind == "snapshot.taken"]
        counts = [older.inspection.records, newer.inspection.records]
        assert (taken.archive, taken.facts) == (newer.id, {"older": older.id, "records": counts})
        assert counts[1] > counts[0], "the sandbox's address book grows"
        told = CliRunner().invoke(cli, ["--config", str(bench.config.file), "diff", newer.id, "--json"])
        document = json.loads(told.output)
        assert (document["older"], document["newer"]) == (older.id, newer.id)
        (contacts,) = document["datasets"]
        assert contacts["added"]["count"] - contacts["vanished"]["count"] == counts[1] - counts[0]
        assert contacts["nameless"] == 0
        first = CliRunner().invoke(cli, ["--config", str(bench.config.file), "diff", older.id])
        assert first.exit_code == 2
        assert "there is no earlier archive" in first.output


def test_a_copy_of_long_ago_is_not_asked_for(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench, bench.engine() as engine:
        with pytest.raises(UsageError, match="no time windows"):
            enter_window(engine, CONTACTS, Window(midnight(10), midnight(11)), "standard")
        assert enter_window(engine, CONTACTS, Window(midnight(19), midnight(20)), "standard").purpose == "manual"


def test_reports_of_a_campaign_are_copies_as_well(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        filters = (("campaignId", bench.sandbox.qlara.campaigns[0]),)
        plan = replace(DAILY, stream=Stream("campaign", "qlara", ("delivery-reports",), filters))
        cover(bench, plan)
        bench.clock.advance(3 * DAY)
        cover(bench, plan)
        assert shape(ledger(bench, "campaign")) == [
            (19, 20, Cover.PROVEN),
            (20, 22, Cover.LOST),
            (22, 23, Cover.PROVEN),
        ]
        found = {finding.code for archive in archives(bench) for finding in archive.inspection.findings}
        assert found == {"csv-dates-not-judged"}, "times of long ago are no fault of a copy"


def test_a_known_retention_makes_no_part_of_a_copy_lost(tmp_path: Path) -> None:
    """A month's copy, of a provider that keeps messages for a week, is whole all the same."""
    with open_csv_bench(tmp_path, QlaraOptions(), "retention_days = 7") as bench:
        cover(bench, replace(DAILY, span=Span.MONTH))
        with bench.engine() as engine:
            (ahead,) = outlook_of_plans(engine, [DAILY])
        assert (ahead.streams[0].first_loss, ahead.streams[0].late) == (None, 0)
        assert {each.cover for each in ledger(bench)} == {Cover.PROVEN}
        assert len(ledger(bench)) == 1


def test_a_stream_that_mixes_both_kinds_wants_nothing_and_is_refused_with_words(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        mixed = replace(DAILY, stream=Stream("both", "qlara", ("contacts", "message-history")))
        with bench.engine() as engine:
            assert is_mixed(engine.sources["qlara"].provider, mixed.stream)
            assert mark_snapshot(engine, mixed).paused
            assert enter_due(engine, [mixed]) == []
            (told,) = coverage_of_plans(engine, [mixed])
            assert "mixes" in told.paused
        file = bench.config.file
        file.write_text(
            file.read_text() + '\n[[stream]]\nname = "both"\nsource = "qlara"\n'
            'datasets = ["contacts", "message-history"]\n'
        )
        for words in (["config", "check"], ["doctor", "--offline"]):
            result = CliRunner().invoke(cli, ["--config", str(file), *words])
            assert result.exit_code != 0
            assert "mixes datasets" in " ".join(result.output.split())
        told_json = CliRunner().invoke(cli, ["--config", str(file), "config", "check", "--json"])
        assert json.loads(told_json.output)["valid"] is False


def test_what_happened_is_told_in_words(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        cover(bench)
        (archive,) = archives(bench)
        assert kinds(bench, archive.job)[-1] == "proven"
        with bench.engine() as engine:
            assert kept_for(engine, "qlara") is None
        file = bench.config.file
        file.write_text(
            file.read_text() + '\n[[stream]]\nname = "contacts"\nsource = "qlara"\ndatasets = ["contacts"]\n'
        )
        shown = CliRunner().invoke(cli, ["--config", str(file), "coverage", "--stream", "contacts"])
        assert "copies of all there is" in shown.output
        assert [line for line in shown.output.splitlines() if len(line) > 80] == []
