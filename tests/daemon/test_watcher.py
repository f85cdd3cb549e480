"""The watcher as the daemon calls it: looks, tells, pings, measures, and never brings the daemon down."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from kit.listeners import Ear, listening, script, until
from kit.watched_vault import House, days, open_house, plan
from strongroom.config.outgoing import Endpoint, MetricsSettings, NotifySettings, PingSettings
from strongroom.config.schema import Config, VaultSettings
from strongroom.config.secrets import SecretRef
from strongroom.daemon.watcher import LOOK, SHOUT, Watcher
from strongroom.engine.core.alert_store import newest_alerts, open_alerts
from strongroom.engine.core.engine import Engine
from strongroom.model.clock_check import ClockFault, ClockVerdict
from strongroom.model.coverage import Cover
from strongroom.model.errors import WorldError
from strongroom.vault.alerts import get_alert
from strongroom.vault.jobs import get_job, put_job
from strongroom.vault.sources import SourceState, put_source
from strongroom.vault.vault import Vault

SOUND = ClockVerdict()
WRONG = ClockVerdict(ClockFault.FORWARD, "our clock jumped ahead by 400 days")
SECRETS = ("kanarienschluessel", "kanarienmarke", "kanarientext")


@pytest.fixture(autouse=True)
def heard_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a daemon in this process may have done to the logger."""
    monkeypatch.setattr(logging.getLogger("strongroom"), "propagate", True)


@dataclass
class Stage:
    """A watcher with every way to tell, on clocks that a test moves."""

    house: House
    folder: Path
    ear: Ear
    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def config(self, **changes: Any) -> Config:
        url = self.folder / "url"
        url.write_text(f"http://127.0.0.1:{self.ear.port}/{SECRETS[1]}\n")
        url.chmod(0o600)
        program = script(self.folder, "tell", "open(here + '/told.jsonl', 'ab').write(sys.stdin.buffer.read())")
        notify = NotifySettings(command=(str(program),), ping=PingSettings(SecretRef.parse(f"file:{url}")))
        metrics = MetricsSettings(self.folder / "strongroom.prom")
        config = Config(
            self.folder / "c.toml", VaultSettings(self.folder / "vault", ()), notify=notify, metrics=metrics
        )
        return replace(config, **changes)

    def watcher(self, **changes: Any) -> Watcher:
        return Watcher(self.config(**changes), self.house.clock, self.monotonic)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.house.now += timedelta(seconds=seconds)

    def turn(self, watcher: Watcher, verdict: ClockVerdict = SOUND, engine: Engine | None = None) -> None:
        """Call it as a beat does, let what it began come to an end, and call it once more."""
        watcher(engine or self.house.engine(), [plan()], verdict)
        until(lambda: not any(thread.name.startswith(("send ", "ping")) for thread in threading.enumerate()))
        watcher(engine or self.house.engine(), [plan()], verdict)

    @property
    def told(self) -> list[str]:
        file = self.folder / "told.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["title"].removeprefix("Strongroom: ") for line in lines]

    @property
    def signals(self) -> list[str]:
        return [path.removeprefix(f"/{SECRETS[1]}") for path in self.ear.paths]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_house(tmp_path) as house, listening() as ear:
        yield Stage(house, tmp_path, ear)


def test_it_is_quiet_when_all_is_well(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "strongroom")
    stage.house.cover_all()
    watcher = stage.watcher()
    watcher.begin()
    for _ in range(30):
        stage.turn(watcher)
        stage.pass_by(30)
    watcher.finish(stage.house.engine())
    assert stage.told == []
    assert stage.signals == ["/start", "", ""]
    assert newest_alerts(stage.house.vault) == []
    assert caplog.text == ""
    assert "strongroom_heartbeat_timestamp_seconds" in (stage.folder / "strongroom.prom").read_text()


def test_trouble_is_told_and_pinged_and_so_is_its_end(stage: Stage) -> None:
    stage.house.cover_all()
    stage.house.cover(days(5, 4), Cover.MISSING, cause="quota")
    with stage.house.vault.catalogue.transaction():
        put_source(stage.house.vault.catalogue, SourceState("zavu", paused="refused"))
    watcher = stage.watcher()
    stage.turn(watcher)
    assert stage.told == ["2 notices, the first: critical: one source is paused: nothing is archived from it"]
    assert stage.signals == ["/fail"]
    stage.house.cover(days(5, 4))
    with stage.house.vault.catalogue.transaction():
        put_source(stage.house.vault.catalogue, SourceState("zavu"))
    for _ in range(16):
        stage.pass_by(60)
        stage.turn(watcher)
    assert stage.told[1:] == ["2 notices, the first: over: one source is paused: nothing is archived from it"]
    assert stage.signals == ["/fail", "", ""]


def test_it_looks_once_a_minute_however_often_it_is_called(stage: Stage) -> None:
    watcher = stage.watcher()
    stage.turn(watcher)
    stage.house.cover(days(5, 4), Cover.MISSING)
    stage.pass_by(LOOK - 1)
    stage.turn(watcher)
    assert stage.told == []
    stage.pass_by(1)
    stage.turn(watcher)
    assert len(stage.told) == 1


def test_a_wrong_clock_is_told_at_once_and_nothing_is_judged_by_it(stage: Stage) -> None:
    stage.house.cover_all()
    stage.house.cover(days(5, 4), Cover.MISSING)
    watcher = stage.watcher()
    stage.turn(watcher)
    stage.house.now += timedelta(days=400)
    stage.turn(watcher, WRONG)
    assert {alert.key for alert in open_alerts(stage.house.vault)} == {"failed chats", "clock"}
    assert "critical: the clock of this machine cannot be trusted" in stage.told[1]
    stage.house.now -= timedelta(days=400)
    stage.turn(watcher, SOUND)
    assert {alert.key for alert in open_alerts(stage.house.vault)} == {"failed chats"}


def test_a_retention_that_shrinks_is_told_once(stage: Stage) -> None:
    stage.house.cover_all()
    watcher = stage.watcher()
    stage.turn(watcher)
    shorter = stage.house.engine(keeps=timedelta(days=30))
    for _ in range(5):
        stage.pass_by(60)
        stage.turn(watcher, engine=shorter)
    assert stage.told == ["critical: a provider keeps its records for 30 days only; it was 90 days"]
    stage.pass_by(86400)
    assert [alert.key for alert in open_alerts(stage.house.vault)] == []


def test_a_restart_repeats_nothing(stage: Stage) -> None:
    stage.house.cover(days(5, 4), Cover.MISSING)
    stage.turn(stage.watcher())
    stage.pass_by(60)
    stage.turn(stage.watcher())
    assert len(stage.told) == 1


def test_a_run_that_ends_waits_for_what_it_tells(stage: Stage) -> None:
    stage.house.cover(days(5, 4), Cover.MISSING)
    watcher = Watcher(stage.config(), stage.house.clock)
    watcher.look(stage.house.engine(), [plan()], SOUND)
    watcher.finish(stage.house.engine(), 20)
    assert len(stage.told) == 1
    assert stage.signals == [""]
    alert = get_alert(stage.house.vault.catalogue, "failed chats")
    assert alert is not None
    assert alert.told_at is not None


def test_a_catalogue_that_refuses_is_shouted_past_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watcher, engine = stage.watcher(), stage.house.engine()

    def refuse(_self: object) -> object:
        raise WorldError("the disk is full while writing the catalogue")

    monkeypatch.setattr(Vault, "catalogue", property(refuse))
    for _ in range(3):
        stage.turn(watcher, engine=engine)
        stage.pass_by(LOOK)
    assert stage.told == ["nothing can be checked"]
    assert stage.signals == ["/fail"]
    assert caplog.text.count("watcher-failed what=watching") == 1
    stage.pass_by(SHOUT.total_seconds())
    stage.turn(watcher, engine=engine)
    assert len(stage.told) == 2


def test_metrics_that_cannot_be_written_are_no_reason_to_be_silent(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.house.cover(days(5, 4), Cover.MISSING)
    watcher = stage.watcher(metrics=MetricsSettings(stage.folder / "none" / "strongroom.prom"))
    for _ in range(3):
        stage.turn(watcher)
        stage.pass_by(LOOK)
    assert len(stage.told) == 1
    assert stage.signals == [""]
    assert caplog.text.count("watcher-failed what=metrics") == 1


def test_the_endpoint_is_opened_moved_and_closed_with_the_configuration(stage: Stage) -> None:
    watcher = stage.watcher(metrics=MetricsSettings(listen=Endpoint("127.0.0.1", 0)))
    stage.turn(watcher)
    assert watcher._server is not None
    port = watcher._server.port
    assert ("127.0.0.1", port) == (watcher._server.host, port)
    watcher.adopt(stage.config(metrics=MetricsSettings(listen=Endpoint("127.0.0.1", 0))))
    assert watcher._server is not None
    assert watcher._server.port == port
    watcher.adopt(stage.config(metrics=MetricsSettings()))
    assert watcher._server is None


def test_another_configuration_is_used_from_the_next_look(stage: Stage) -> None:
    watcher = stage.watcher(notify=NotifySettings())
    stage.turn(watcher)
    watcher.adopt(stage.config())
    stage.house.cover(days(5, 4), Cover.MISSING)
    stage.turn(watcher)
    assert len(stage.told) == 1


def test_no_secret_and_no_provider_words_anywhere(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a provider said, a key and a link stand in the catalogue's rows; they must not come out of it."""
    caplog.set_level("DEBUG")
    key, token, text = SECRETS
    house = stage.house
    archive = house.archive(days(3, 2), 4)
    with house.vault.catalogue.transaction():
        put_source(house.vault.catalogue, SourceState("zavu", paused=f"401 {key} https://x.test/?t={token} {text}"))
        job = get_job(house.vault.catalogue, archive.job)
        assert job is not None
        put_job(house.vault.catalogue, replace(job, detail=f"{key} {token} {text}"))
    house.cover(days(5, 4), Cover.MISSING, cause="content-refused")
    stage.ear.status = 500
    watcher = stage.watcher()
    stage.turn(watcher)
    assert len(stage.told) == 1
    out = (stage.folder / "told.jsonl").read_text() + (stage.folder / "strongroom.prom").read_text() + caplog.text
    out += str([(alert.key, alert.title, alert.body) for alert in newest_alerts(house.vault)])
    assert "ping-failed" in out
    assert [secret for secret in SECRETS if secret in out] == []


def test_only_a_strongroom_error_is_expected(stage: Stage) -> None:
    """A mistake of ours is not hidden: it must come to light where the daemon ends and is restarted."""
    broken = cast("Any", SimpleNamespace(vault=stage.house.vault, sources=None, min_free=0))
    with pytest.raises(AttributeError):
        stage.watcher().look(broken, [plan()], SOUND)
