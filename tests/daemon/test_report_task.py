"""The task that writes the report of each period that is over: once, where it should, and not by a clock in doubt."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.daemon import tasks as module
from strongroom.daemon.tasks import REPORT_LOOK, ReportTask
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialise import Wishes, initialise

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    return tmp_path / "reports"


@pytest.fixture
def config(tmp_path: Path, folder: Path) -> Config:
    wishes = Wishes(tmp_path / "vault", tmp_path / "strongroom.toml", tmp_path / "identity.age", None)
    initialise(wishes, make_identity(os.urandom), Dependencies(clock=lambda: AT))
    file = tmp_path / "strongroom.toml"
    file.write_text(f'{file.read_text()}\n[report]\nfolder = "{folder}"\naudience = "board"\n')
    return load_config(file)


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_period_is_reported_once(config: Config, folder: Path) -> None:
    now = [AT]
    task = ReportTask(config, Dependencies(clock=lambda: now[0]), lambda: True)
    october = [f"strongroom-report-2026-10-board.{suffix}" for suffix in ("html", "json", "note")]
    assert task.run() == REPORT_LOOK
    assert written(folder) == october
    for path in folder.iterdir():  # filed by a person: it is not written again
        path.unlink()
    now[0] += timedelta(days=5)
    task.run()
    ReportTask(config, Dependencies(clock=lambda: now[0]), lambda: True).run()
    assert written(folder) == []
    now[0] += timedelta(days=6)
    task.run()
    assert written(folder) == [name.replace("-10-", "-11-") for name in october]


def test_with_a_clock_in_doubt_or_without_a_folder_nothing_is_written(config: Config, folder: Path) -> None:
    dependencies = Dependencies(clock=lambda: AT)
    assert ReportTask(config, dependencies, lambda: False).run() == REPORT_LOOK
    config.file.write_text(config.file.read_text().partition("[report]")[0])
    assert ReportTask(load_config(config.file), dependencies, lambda: True).run() == REPORT_LOOK
    assert written(folder) == []


def test_what_fails_is_logged_once_and_tried_again(
    config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(module, "report", lambda event, _level=0, **_words: logged.append(event))
    task = ReportTask(config, Dependencies(clock=lambda: AT), lambda: True)
    folder.rmdir()
    task.run()
    task.run()
    assert logged == ["report-failed"]
    folder.mkdir()
    task.run()
    assert logged == ["report-failed", *["report-written"] * 3]


def test_settings_without_a_folder_are_refused(config: Config) -> None:
    text = config.file.read_text()
    config.file.write_text(text.partition("[report]")[0] + '[report]\nevery = "quarter"\n')
    with pytest.raises(Exception, match="folder"):
        load_config(config.file)
