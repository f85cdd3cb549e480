"""Messages collected by paging, where an account's API makes no exports: from the offer to records that are found."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.csv_engine_bench import HISTORY, archives, newest, open_csv_bench
from kit.engine_bench import DAY, Bench, open_bench
from kit.engine_kill import UNINDEXED, check_house, drive
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.core.sources import Dependencies, build_source
from strongroom.engine.monitor.source_check import look_at_source
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.job import Cause, State
from strongroom.model.plan import Stream
from strongroom.model.provider import COLLECTED, Container, shown_ref
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import QlaraOptions
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.zavu_records import DataOptions, RecordSource

MESSAGES = Stream("zavu-records", "zavu", ("messages",))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as found:
        yield found


def page_it(bench: Bench) -> None:
    """Let the source collect its messages by paging."""
    file = bench.base / "strongroom.toml"
    text = file.read_text().replace('provider = "zavu"', 'provider = "zavu"\noptions = { collect = "paging" }')
    file.write_text(text.replace('datasets = ["conversations", "messages"]', 'datasets = ["messages"]'))
    bench.config = load_config(file)


def true_set() -> set[str]:
    source = RecordSource(DataOptions())
    found = [json.loads(each) for each in source.records("messages", SlotSpan.between(DAY.start, DAY.end))]
    return {each["id"] for each in found if each["createdAt"] < f"{DAY.end:%Y-%m-%dT%H:%M:%S}"}


def run_cli(bench: Bench, *words: str) -> str:
    file, identity = bench.base / "strongroom.toml", bench.base / "identity.age"
    asked = [each.replace("IDENTITY", str(identity)) for each in words]
    found = CliRunner().invoke(cli, ["--config", str(file), *asked], catch_exceptions=False)
    assert found.exit_code in (0, 1), found.output
    return found.output


def test_a_day_of_messages_becomes_one_archive_of_pages_that_says_so_and_is_searched(bench: Bench) -> None:
    page_it(bench)
    bench.export(stream=MESSAGES)
    (archive,) = archives(bench)
    assert newest(bench).state is State.ARCHIVED
    check_pages(archive)
    check_shown_name(bench, archive)
    assert not bench.sandbox.requests.creates
    assert check_names(bench) == true_set()
    assert COLLECTED[:40] in " ".join(run_cli(bench, "coverage").split())
    assert json.loads(run_cli(bench, "coverage", "--json"))["streams"][0]["collected_by_paging"] is True
    run_cli(bench, "report", str(bench.base), "--from", f"{DAY.start:%Y-%m-%d}", "--to", f"{DAY.end:%Y-%m-%d}")
    (page,) = bench.base.glob("*.html")
    assert COLLECTED in unescape(page.read_text())
    assert COLLECTED in " ".join(run_cli(bench, "source", "check", "zavu").split())


def check_pages(archive: Archive) -> None:
    assert archive.expectation.container is Container.BUNDLE
    assert {file.container for file in archive.expectation.files} == {Container.JSON_PAGE}
    (note,) = [each for each in archive.inspection.findings if each.code == "collected-by-paging"]
    assert "records beyond its start prove that end and records beyond its end prove that end" in note.message
    assert archive.inspection.in_window == len(true_set())
    assert all(file.records == "items" for file in archive.expectation.files)


def check_shown_name(bench: Bench, archive: Archive) -> None:
    """The name of a walk is short where a person reads it, and whole in documents for programs."""
    assert len(archive.ref) > 100
    for words in (("archives", "show", archive.id), ("jobs", "show", archive.job)):
        text = run_cli(bench, *words)
        assert shown_ref(archive.ref) in text
        assert archive.ref[:60] not in "".join(text.split())
    assert archive.ref in run_cli(bench, "jobs", "show", archive.job, "--json")


def check_names(bench: Bench) -> set[str]:
    """Return the IDs of the day's messages as `records` writes them: each once."""
    period = (f"{DAY.start:%Y-%m-%d}", f"{DAY.end:%Y-%m-%d}")
    text = run_cli(bench, "records", "zavu-records", "--from", period[0], "--to", period[1], "--identity", "IDENTITY")
    found = [json.loads(line)["record"]["id"] for line in text.splitlines() if line.startswith("{")]
    assert len(found) == len(set(found))
    return set(found)


def test_paging_is_offered_where_exports_are_not_and_never_chosen_by_itself(bench: Bench) -> None:
    gone = InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=410, times=None)
    bench.sandbox.faults.add(gone)
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=410))
    report = look_at_source(bench.config, "zavu", Dependencies(clock=bench.clock))
    (check,) = [each for each in report.checks if each.name == "exports"]
    assert 'options = { collect = "paging" }' in check.hint
    bench.export(stream=MESSAGES)
    assert newest(bench).cause is Cause.NOT_OFFERED
    assert not archives(bench)
    page_it(bench)
    report = look_at_source(bench.config, "zavu", Dependencies(clock=bench.clock))
    assert report.exit_code == 0
    assert any(COLLECTED in each.message for each in report.checks)
    file = bench.base / "strongroom.toml"
    file.write_text(file.read_text().replace('"paging"', '"pages"'))
    bench.config = load_config(file)
    with pytest.raises(UsageError, match="collect is"):
        build_source(bench.config.sources[0], bench.config, Dependencies())


def test_a_list_with_a_range_is_collected_one_channel_at_a_time(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        file = bench.base / "strongroom.toml"
        paged = 'provider = "qlara"\noptions = { collect = "paging" }'
        file.write_text(file.read_text().replace('provider = "qlara"', paged))
        bench.config = load_config(file)
        counts = {}
        for channel in ("SMS", "RCS", "WHATSAPP"):
            stream = replace(HISTORY, name=channel, filters=(("channel", channel),))
            bench.export(stream=stream)
            counts[channel] = archives(bench)[0].inspection.in_window
        file.write_text(file.read_text().replace(paged, 'provider = "qlara"'))
        bench.config = load_config(file)
        bench.export(stream=HISTORY)
        exported = archives(bench)[0].inspection
        assert sum(counts.values()) == exported.in_window > 0
        assert not any("paging" in each.code for each in exported.findings)


PLACES = ("after create", "downloaded", "published payload", "after publish")
"""Where a walk is killed in every run; STRONGROOM_KILL_EVERYWHERE=1 kills it at each place."""


@pytest.mark.slow
def test_killed_and_started_again_a_walk_becomes_one_archive(tmp_path: Path) -> None:
    with open_bench(tmp_path / "whole") as bench:
        page_it(bench)
        status, places = drive(bench, 0)
        assert status == 0
    everywhere = "STRONGROOM_KILL_EVERYWHERE" in os.environ
    for number, place in enumerate(places, 1):
        if everywhere or place in PLACES:
            with open_bench(tmp_path / str(number)) as bench:
                page_it(bench)
                assert drive(bench, number)[0] == -signal.SIGKILL
                assert drive(bench, 0)[0] == 0
                check_house(bench, unindexed=place in UNINDEXED)


@pytest.mark.parametrize("status", [404, 410, 501])
def test_the_commands_offer_paging_where_exports_are_refused(bench: Bench, status: int) -> None:
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.LIST, status=status, times=None))
    for command in (("source", "check", "zavu"), ("doctor",)):
        assert 'collect = "paging"' in " ".join(run_cli(bench, *command).split()), command
