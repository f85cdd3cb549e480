"""The task that writes the report of each period that is over: once, where it should, and not by a clock in doubt."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.listeners import Ear, listening
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.daemon import tasks as module
from strongroom.daemon.tasks import REPORT_LOOK, ReportTask
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialize import NewVault, initialize

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reports").mkdir()
    return tmp_path / "reports"


@pytest.fixture
def config(tmp_path: Path, folder: Path) -> Config:
    wanted = NewVault(tmp_path / "vault", tmp_path / "strongroom.toml", tmp_path / "identity.age", None)
    initialize(wanted, make_identity(os.urandom), Dependencies(clock=lambda: AT))
    file = tmp_path / "strongroom.toml"
    file.write_text(f'{file.read_text()}\n[report]\nfolder = "{folder}"\naudience = "board"\n')
    return load_config(file)


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


def send_to(config: Config, ear: Ear, *, scheme: str = "json", folder: Path | None = None) -> Config:
    """Return the configuration with an address, and with or without a folder."""
    address = config.file.with_name("address")
    address.write_text(f"{scheme}://127.0.0.1:{ear.port}/token\n")
    address.chmod(0o600)
    head = config.file.read_text().partition("[report]")[0]
    also = f'folder = "{folder}"\n' if folder else ""
    config.file.write_text(f'{head}[report]\n{also}notify = "file:{address}"\naudience = "board"\n')
    return load_config(config.file)


def sent(ear: Ear) -> list[dict[str, bytes]]:
    """Return the files of each message by name."""
    return [
        {each["filename"]: base64.b64decode(each["base64"]) for each in heard.json["attachments"]}
        for heard in ear.heard
    ]


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


APPRISE = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@APPRISE
def test_an_address_gets_the_files_once_and_is_tried_until_it_takes_them(config: Config, ear: Ear) -> None:
    config = send_to(config, ear)
    task = ReportTask(config, Dependencies(clock=lambda: AT), lambda: True)
    ear.status = 500
    task.run()
    task.run()
    ear.status = 200
    task.run()
    task.run()
    files = sent(ear)[-1]
    assert len(ear.heard) == 3
    assert sorted(files) == [f"strongroom-report-2026-10-board.{suffix}" for suffix in ("html", "json", "note")]
    assert files["strongroom-report-2026-10-board.html"].startswith(b"<!doctype html>")
    log = (config.vault.path / "log" / "log.jsonl").read_text()
    assert log.count('"report.made"') == 1  # only what somebody got is logged


@APPRISE
def test_a_folder_and_an_address_get_the_same_files(config: Config, folder: Path, ear: Ear) -> None:
    task = ReportTask(send_to(config, ear, folder=folder), Dependencies(clock=lambda: AT), lambda: True)
    task.run()
    task.run()
    assert sent(ear) == [{path.name: path.read_bytes() for path in folder.iterdir()}]


@APPRISE
def test_an_address_that_takes_no_files_is_refused(config: Config, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[str] = []
    monkeypatch.setattr(module, "report", lambda _event, _level=0, **told: words.append(told["words"]))
    ReportTask(send_to(config, ear, scheme="gotify"), Dependencies(clock=lambda: AT), lambda: True).run()
    assert len(words) == 1
    assert "cannot receive files" in words[0]
    assert ear.heard == []


def test_settings_without_a_folder_are_refused(config: Config) -> None:
    text = config.file.read_text()
    config.file.write_text(text.partition("[report]")[0] + '[report]\nevery = "quarter"\n')
    with pytest.raises(Exception, match="folder"):
        load_config(config.file)
