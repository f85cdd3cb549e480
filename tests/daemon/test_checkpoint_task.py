"""The task that signs the log and sends its checkpoints: what it does, and when it asks to run again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.daemon import tasks as module
from strongroom.daemon.tasks import SIGNING_LOOK, SIGNING_REST, CheckpointTask
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialize import NewVault, initialize

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEPENDENCIES = Dependencies(clock=lambda: AT)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    wanted = NewVault(tmp_path / "vault", tmp_path / "strongroom.toml", tmp_path / "identity.age", None)
    initialize(wanted, make_identity(os.urandom), DEPENDENCIES)
    yield load_config(tmp_path / "strongroom.toml")


def task_of(config: Config, may_act: bool = True) -> CheckpointTask:
    return CheckpointTask(config, DEPENDENCIES, lambda: may_act)


def notes(config: Config) -> list[str]:
    return sorted(path.name for path in (config.vault.path / "log" / "checkpoints").iterdir())


def test_it_signs_and_rests_until_it_is_due(config: Config) -> None:
    task = task_of(config)
    assert task.run() == SIGNING_LOOK
    assert notes(config) == ["1.note"]
    assert task.run() == SIGNING_LOOK
    assert notes(config) == ["1.note"]


def test_without_a_key_it_does_nothing_and_harms_nothing(config: Config) -> None:
    lines = config.file.read_text().splitlines()
    config.file.write_text("\n".join(line for line in lines if not line.startswith("signing_key")))
    assert task_of(load_config(config.file)).run() == SIGNING_LOOK
    assert notes(config) == []


def test_while_the_clock_is_not_believed_nothing_is_signed(config: Config) -> None:
    assert task_of(config, may_act=False).run() == SIGNING_LOOK
    assert notes(config) == []


def test_what_fails_is_logged_once_and_tried_later(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[object] = []
    monkeypatch.setattr(module, "report", lambda _event, _level=0, **words: logged.append(words["words"]))
    key = config.file.with_name("strongroom-signing.key")
    key.rename(key.with_name("away"))
    task = task_of(config)
    assert [task.run(), task.run()] == [SIGNING_REST, SIGNING_REST]
    assert len(logged) == 1
    key.with_name("away").rename(key)
    assert task.run() == SIGNING_LOOK
    assert logged[1:] == ["the evidence log is signed again"]
    assert notes(config) == ["1.note"]


def test_a_checkpoint_is_mailed(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(module.AppriseChannel, "send", lambda _channel, message: sent.append(message.text(full=True)))
    text = config.file.read_text()
    config.file.write_text(f'{text}\n[[evidence.send_to]]\nname = "mail"\nnotify = "env:MAIL"\n')
    task_of(load_config(config.file)).run()
    assert sent == [(config.vault.path / "log" / "checkpoints" / "1.note").read_text()]


def test_another_configuration_is_heard_at_once(config: Config, tmp_path: Path) -> None:
    task = task_of(config)
    task.run()
    config.file.write_text(
        f'{config.file.read_text()}\n[[evidence.send_to]]\nname = "disk"\ndirectory = "{tmp_path}"\n'
    )
    task.adopt(load_config(config.file))
    task.run()
    assert (tmp_path / "1.note").exists()
