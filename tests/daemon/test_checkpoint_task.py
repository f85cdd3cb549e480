"""The daemon's notary: beside the work, never in its way."""

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
from strongroom.engine.queries.initialise import Wishes, initialise

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOORS = Dependencies(clock=lambda: AT)
PATIENCE = 60.0  # seconds for a real thread; never slept through when all is well


class Seconds:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    wishes = Wishes(tmp_path / "vault", tmp_path / "strongroom.toml", tmp_path / "identity.age", None)
    initialise(wishes, make_identity(os.urandom), DOORS)
    yield load_config(tmp_path / "strongroom.toml")


def look(notary: CheckpointTask) -> None:
    """Have it look and hear what came of it."""
    notary.tend()
    notary.finish(PATIENCE)
    notary.tend()


def notes(config: Config) -> list[str]:
    return sorted(path.name for path in (config.vault.path / "log" / "checkpoints").iterdir())


def test_it_signs_in_the_background_and_rests_until_it_is_due(config: Config) -> None:
    seconds = Seconds()
    notary = CheckpointTask(config, DOORS, seconds)
    look(notary)
    assert notes(config) == ["1.note"]
    seconds.now += SIGNING_LOOK
    look(notary)
    assert notes(config) == ["1.note"]


def test_without_a_key_it_does_nothing_and_harms_nothing(config: Config) -> None:
    lines = config.file.read_text().splitlines()
    config.file.write_text("\n".join(line for line in lines if not line.startswith("signing_key")))
    notary = CheckpointTask(load_config(config.file), DOORS, Seconds())
    look(notary)
    assert notes(config) == []


def test_what_fails_is_told_once_and_tried_later(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(module, "tell", lambda _event, _level=0, **words: said.append(words["words"]))
    key = config.file.with_name("strongroom-signing.key")
    key.rename(key.with_name("away"))
    seconds = Seconds()
    notary = CheckpointTask(config, DOORS, seconds)
    look(notary)
    assert len(said) == 1
    seconds.now += SIGNING_LOOK
    look(notary)
    seconds.now += SIGNING_REST
    look(notary)
    assert len(said) == 1
    key.with_name("away").rename(key)
    seconds.now += SIGNING_REST
    look(notary)
    assert said[1:] == ["the evidence log is signed again"]
    assert notes(config) == ["1.note"]


def test_a_checkpoint_is_mailed(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(module.AppriseChannel, "send", lambda _channel, message: sent.append(message.text(full=True)))
    text = config.file.read_text()
    config.file.write_text(f'{text}\n[[evidence.send_to]]\nname = "mail"\nnotify = "env:MAIL"\n')
    notary = CheckpointTask(load_config(config.file), DOORS, Seconds())
    look(notary)
    assert sent == [(config.vault.path / "log" / "checkpoints" / "1.note").read_text()]


def test_another_configuration_is_heard_at_once(config: Config, tmp_path: Path) -> None:
    seconds = Seconds()
    notary = CheckpointTask(config, DOORS, seconds)
    look(notary)
    config.file.write_text(
        f'{config.file.read_text()}\n[[evidence.send_to]]\nname = "disk"\ndirectory = "{tmp_path}"\n'
    )
    notary.adopt(load_config(config.file))
    look(notary)
    assert (tmp_path / "1.note").exists()
