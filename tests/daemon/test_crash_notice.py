"""What a daemon says that cannot continue: from the configuration alone, once, in bounded time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.listeners import Ear, listening, script
from strongroom.config.outgoing import NotifySettings, PingSettings
from strongroom.config.schema import Config, VaultSettings
from strongroom.config.secrets import SecretRef
from strongroom.daemon.crash_notice import CALM, CrashNotice
from strongroom.daemon.daemon import Daemon
from strongroom.engine.core.sources import Dependencies
from strongroom.model.errors import Interrupted, StrongroomError, VaultError, VaultLocked, WorldError

GONE = VaultError("there is no vault in /srv/vault-of-somebody")


@dataclass
class Stage:
    """A configuration with a switch and a program, a clock, and a folder of state."""

    folder: Path
    ear: Ear
    now: datetime = datetime(2026, 11, 20, tzinfo=UTC)
    seconds: float = 0.0

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def config(self) -> Config:
        url = self.folder / "url"
        url.write_text(f"http://127.0.0.1:{self.ear.port}/switch\n")
        url.chmod(0o600)
        program = script(self.folder, "tell", "open(here + '/told.jsonl', 'ab').write(sys.stdin.buffer.read())")
        notify = NotifySettings(command=(str(program),), ping=PingSettings(SecretRef.parse(f"file:{url}")))
        return Config(self.folder / "c.toml", VaultSettings(self.folder / "gone", ()), notify=notify)

    def voice(self) -> CrashNotice:
        """Return the voice of one more start."""
        env = {"STATE_DIRECTORY": str(self.state)}
        return CrashNotice(self.config, lambda: self.now, lambda: self.seconds, env)

    @property
    def told(self) -> list[str]:
        file = self.folder / "told.jsonl"
        return [json.loads(line)["text"] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with listening() as ear:
        yield Stage(tmp_path, ear)


def test_it_is_told_to_the_switch_and_to_every_channel(stage: Stage) -> None:
    stage.voice().say(GONE)
    assert stage.ear.paths == ["/switch/fail"]
    (text,) = stage.told
    assert "the daemon has failed" in text and GONE.message in text


def test_a_restart_every_few_seconds_does_not_flood(stage: Stage) -> None:
    for _ in range(8):
        stage.voice().say(GONE)
        stage.now += timedelta(seconds=15)
    assert stage.ear.paths == ["/switch/fail"]
    assert len(stage.told) == 1
    stage.now += timedelta(minutes=5)
    stage.voice().say(GONE)
    assert (len(stage.ear.paths), len(stage.told)) == (2, 1)
    stage.now += timedelta(days=1)
    stage.voice().say(GONE)
    assert (len(stage.ear.paths), len(stage.told)) == (3, 2)


def test_another_reason_is_told_at_once_and_other_numbers_are_none(stage: Stage) -> None:
    stage.voice().say(WorldError("the disk has 12 bytes free"))
    stage.voice().say(WorldError("the disk has 7 bytes free"))
    assert len(stage.told) == 1
    stage.voice().say(GONE)
    assert len(stage.told) == 2


def test_after_some_minutes_of_work_the_next_death_is_news(stage: Stage) -> None:
    stage.voice().say(GONE)
    stage.seconds = 0.0
    working = stage.voice()
    working.alive()
    working.say(GONE)
    assert len(stage.told) == 1
    stage.seconds = CALM
    working.alive()
    working.say(GONE)
    assert (len(stage.told), len(stage.ear.paths)) == (2, 2)


def test_where_no_mark_can_be_kept_only_the_switch_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.state.write_text("a file in the way")
    monkeypatch.setattr("tempfile.tempdir", str(stage.folder / "not there"))
    for _ in range(2):
        stage.voice().say(GONE)
    assert stage.ear.paths == ["/switch/fail"] * 2
    assert stage.told == []


@pytest.mark.parametrize("error", [VaultLocked("in use"), Interrupted("stop"), KeyboardInterrupt()])
def test_what_is_nothing_wrong_is_told_to_nobody(error: BaseException, stage: Stage) -> None:
    stage.voice().say(error)
    assert stage.ear.paths == stage.told == []


def test_a_bug_is_told_without_its_text(stage: Stage) -> None:
    stage.voice().say(ValueError("canary"))
    (text,) = stage.told
    assert "ValueError" in text and "canary" not in text


def test_who_does_not_answer_holds_up_nobody_for_ever(stage: Stage) -> None:
    stage.ear.held.clear()
    stage.voice().say(GONE, seconds=0.0)
    stage.ear.held.set()


def test_a_daemon_without_its_vault_says_so_before_it_dies(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(stage.state))
    monkeypatch.setattr("strongroom.daemon.daemon.start_logging", lambda _level: None)
    monkeypatch.setattr(Daemon, "_take_signals", lambda _self: None)  # they belong to the whole process
    with pytest.raises(StrongroomError):
        Daemon(stage.config, Dependencies(clock=lambda: stage.now)).run()
    assert stage.ear.paths == ["/switch/fail"]
    assert len(stage.told) == 1
