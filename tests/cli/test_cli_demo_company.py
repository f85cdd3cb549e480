"""The demo company: its past is real, every story that the screen tells is in it, and it lives."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.company import ask
from strongroom.cli import demo_daemon, demo_live
from strongroom.cli.demo_clock import DemoClock, boot_seconds
from strongroom.cli.demo_company import MATTER, NOW, STREAMS, CompanyFolder
from strongroom.cli.demo_live import prepared_company, running_demo
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives
from strongroom.model.coverage import Cover
from strongroom.vault.coverage import intervals_of

LONGEST = 120.0  # seconds for the daemon to fill the first day of the gap


def facts(company: CompanyFolder, *line: str) -> Any:
    result = ask(company, *line, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


@pytest.mark.slow
@pytest.mark.usefixtures("company_time")
def test_the_past_is_real_and_has_every_story(company: CompanyFolder) -> None:
    audit = ask(company, "audit", "verify")
    assert audit.exit_code == 0, audit.output
    newest = facts(company, "archives", "--limit", "1")["archives"][0]["id"]
    checked = ask(company, "verify", newest, "--identity", str(company.identity))
    assert checked.exit_code == 0, checked.output
    coverage = facts(company, "coverage")
    covers = {(each["stream"], part["cover"]) for each in coverage["streams"] for part in each["windows"]}
    assert {stream for stream, _ in covers} == {each.name for each in STREAMS}
    assert {("shop-webhooks", "lost"), ("shop-webhooks", "missing"), ("campaign-texts", "open")} <= covers
    assert ("account-activity", "destroyed") in covers
    assert [each["state"] for each in facts(company, "jobs", "--state", "failed")["jobs"]] == ["failed"]
    assert facts(company, "archives", "--holding", "quarantined")["archives"]
    (hold,) = facts(company, "hold", "list")["holds"]
    assert hold["matter"] == MATTER
    destruction = facts(company, "destroy", "list")
    (plan,) = destruction["proposals"]
    assert plan["approvals_missing"] == 1
    assert len(destruction["destroyed"]) == 2
    assert len(list(company.elsewhere.glob("*.note"))) > 20


@pytest.mark.slow
def test_the_demo_lives_and_leaves_nothing(
    built_company: CompanyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_live.tempfile, "tempdir", str(tmp_path))
    with running_demo(built_company.root, pace=600) as live:
        began = live.clock()
        deadline = time.monotonic() + LONGEST
        with open_reading(live.config) as vault:
            before = len(list_archives(vault, stream="campaign-texts"))
            while len(list_archives(vault, stream="campaign-texts")) == before:
                log = (live.config.file.parent / "daemon.log").read_text()
                assert time.monotonic() < deadline, log
                time.sleep(0.1)
            filled = [each for each in intervals_of(vault.catalogue, "campaign-texts") if each.cover is Cover.PROVEN]
        assert filled
        assert live.clock() > began >= NOW
    assert list(tmp_path.iterdir()) == []


def test_the_company_is_made_once_for_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def build(folder: CompanyFolder, *_more: object) -> None:
        folder.root.mkdir()
        made.append(folder.root)

    monkeypatch.setattr(demo_live, "build_company", build)
    older = tmp_path / "cache" / "demo-company-of-another-version"
    older.mkdir(parents=True)
    first = prepared_company(tmp_path / "cache", lambda _share: None)
    assert prepared_company(tmp_path / "cache", lambda _share: None) == first
    assert len(made) == 1
    assert [*(tmp_path / "cache").iterdir()] == [first]


def test_the_demo_daemon_works_in_no_other_vault(company_folder_without_clock: Path) -> None:
    with pytest.raises(FileNotFoundError):
        demo_daemon.main(company_folder_without_clock)


@pytest.fixture
def company_folder_without_clock(tmp_path: Path) -> Path:
    (tmp_path / "strongroom.toml").write_text("")
    return tmp_path


def test_the_clock_runs_at_its_pace_in_every_process(tmp_path: Path) -> None:
    clock = DemoClock(NOW, boot_seconds() - 10, 60)
    demo_daemon.write_clock(tmp_path, clock)
    assert NOW + timedelta(minutes=10) <= clock() < NOW + timedelta(hours=12)
    assert clock.boot() >= 60 * 10
