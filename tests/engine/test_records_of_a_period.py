"""The records of a period, each once, however many archives hold them; and what is missing of it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from kit.csv_engine_bench import HOOKS, archives, open_csv_bench
from kit.engine_bench import DAY as EXPORTED
from kit.sealed_vault import DAY, House, Record, as_csv
from strongroom.cli.main import cli
from strongroom.config.load import load_config
from strongroom.engine.access.records import Collected, collect, covering
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import UsageError
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.vault.coverage import put_interval
from strongroom_sandbox.options import HookBridgeOptions

NEXT = Window(DAY.end, DAY.end + timedelta(days=1))
BOTH = Window(DAY.start, NEXT.end)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.vault.close()


def record(name: str, seconds: float) -> Record:
    return {"id": name, "at": format_instant(DAY.end + timedelta(seconds=seconds)), "text": "x"}


SHARED = [record("before", -1), record("edge", 0), record("after", 1)]


def hold(house: House, records: list[Record], window: Window) -> Archive:
    archive = house.seal(as_csv(records), window=window, overlap=timedelta(seconds=2))
    cover(house, Interval("messages", window, Cover.PROVEN, archive.id))
    return archive


def cover(house: House, interval: Interval) -> None:
    with house.vault.catalogue.transaction():
        put_interval(house.vault.catalogue, interval)


def names(house: House, period: Window) -> tuple[list[str], Collected]:
    collected = Collected()
    source = covering(house.vault, "messages", period)
    found = [each.fields["id"] for _, each in collect(house.vault, source, period, house.identities, collected)]
    return found, collected


def test_a_record_in_two_archives_is_yielded_once(house: House) -> None:
    hold(house, [record("early", -3600), *SHARED], DAY)
    hold(house, [*SHARED, record("late", 3600)], NEXT)
    found, collected = names(house, BOTH)
    assert found == ["early", "before", "edge", "after", "late"]
    assert (collected.records, collected.doubles, collected.archives) == (5, 3, 2)


def test_where_windows_overlap_a_record_is_yielded_once(house: House) -> None:
    """A day that was exported before it was over, and the rest of it when it had settled."""
    middle, early = [record("noon", -43_200), record("evening", -21_600)], [record("early", -80_000)]
    first = house.seal(as_csv([*early, *middle]), window=DAY)
    cover(house, Interval("messages", Window(DAY.start, DAY.end - timedelta(hours=13)), Cover.PROVEN, first.id))
    rest = Window(DAY.end - timedelta(hours=13), DAY.end)
    hold(house, [*middle, record("night", -3600)], rest)
    found, collected = names(house, DAY)
    assert found == ["early", "noon", "evening", "night"]
    assert collected.doubles == 2


def test_only_what_lies_in_the_period_is_yielded(house: House) -> None:
    hold(house, [record("early", -3600), *SHARED], DAY)
    hold(house, [*SHARED, record("late", 3600)], NEXT)
    assert names(house, DAY)[0] == ["early", "before"]
    assert names(house, NEXT)[0] == ["edge", "after", "late"]


def test_what_is_far_from_an_edge_is_not_remembered_and_never_left_out(house: House) -> None:
    hold(house, [record("same", -7200), record("same", -3600)], DAY)
    assert names(house, DAY)[0] == ["same", "same"]


def test_gaps_are_told_and_nothing_held_is_refused(house: House) -> None:
    cover(house, Interval("messages", NEXT, Cover.LOST, cause="older than the provider keeps"))
    with pytest.raises(UsageError, match="no archive of messages covers that time"):
        covering(house.vault, "messages", BOTH)
    hold(house, [record("early", -3600)], DAY)
    assert [gap.cover for gap in covering(house.vault, "messages", BOTH).gaps] == [Cover.LOST]


def test_a_dataset_that_is_not_there_is_refused(house: House) -> None:
    hold(house, SHARED, DAY)
    source = covering(house.vault, "messages", DAY)
    with pytest.raises(UsageError, match="there is no dataset calls"):
        list(collect(house.vault, source, DAY, house.identities, Collected(), "calls"))


def test_the_command_writes_each_record_once_and_overwrites_nothing(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions()) as bench:
        stream = bench.config.streams[0].name
        if stream != HOOKS.name:
            text = (tmp_path / "strongroom.toml").read_text().replace(f'name = "{stream}"', f'name = "{HOOKS.name}"')
            (tmp_path / "strongroom.toml").write_text(text)
            bench.config = load_config(tmp_path / "strongroom.toml")
        middle = EXPORTED.start + timedelta(hours=12)
        bench.export(stream=HOOKS, window=Window(EXPORTED.start, middle))
        bench.export(stream=HOOKS, window=Window(middle, EXPORTED.end))
        held = sum(archive.inspection.in_window for archive in archives(bench))
        target = tmp_path / "out.jsonl"
        arguments = ["--config", str(tmp_path / "strongroom.toml"), "records", HOOKS.name]
        arguments += ["--from", "2026-11-18", "--to", "2026-11-19", "--identity", str(tmp_path / "identity.age")]
        done = CliRunner().invoke(cli, [*arguments, "--output", str(target)])
        assert done.exit_code == 0, done.output
        lines = [json.loads(line) for line in target.read_text().splitlines()]
        assert len(lines) == held == len({line["record"]["message_id"] for line in lines})
        assert target.stat().st_mode & 0o777 == 0o600
        again = CliRunner().invoke(cli, [*arguments, "--output", str(target)])
        assert again.exit_code == 2
        assert "never overwritten" in again.output
