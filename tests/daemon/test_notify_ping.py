"""The dead man's switch against a real server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.listeners import Ear, listening, until
from strongroom.config.outgoing import PingSettings
from strongroom.config.schema import NetworkSettings
from strongroom.config.secrets import SecretRef
from strongroom.daemon.pinger import AGAIN, Pinger
from strongroom.engine.core.outbound import Route, Signal, ping
from strongroom.model.errors import StrongroomError, UsageError, WorldError

TOKEN = "5f2b1c0a-kanarienmarke"


def clock() -> datetime:
    return datetime(2026, 11, 20, 12, tzinfo=UTC)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def heard_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a daemon in this process may have done to the logger."""
    monkeypatch.setattr(logging.getLogger("strongroom"), "propagate", True)


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


@pytest.mark.parametrize(
    ("signal", "path"),
    [
        (Signal.START, f"/{TOKEN}/start?create=1"),
        (Signal.SUCCESS, f"/{TOKEN}?create=1"),
        (Signal.FAIL, f"/{TOKEN}/fail?create=1"),
        (Signal.LOG, f"/{TOKEN}/log?create=1"),
    ],
)
def test_a_signal_is_the_end_of_a_path_and_nothing_else(ear: Ear, signal: Signal, path: str) -> None:
    ping(f"http://127.0.0.1:{ear.port}/{TOKEN}/?create=1\n", signal, Route(), clock)
    (heard,) = ear.heard
    assert (heard.method, heard.path, heard.body) == ("GET", path, b"")
    assert set(heard.headers) == {"host", "user-agent", "accept", "connection"}


@pytest.mark.parametrize("status", [301, 302, 404, 410, 429, 500])
def test_what_is_not_accepted_is_said(ear: Ear, status: int) -> None:
    ear.status, ear.location = status, f"http://127.0.0.1:{ear.port}/elsewhere"
    with pytest.raises(WorldError, match=f"the response was {status}") as refused:
        ping(f"http://127.0.0.1:{ear.port}/{TOKEN}", Signal.SUCCESS, Route(), clock)
    assert TOKEN not in str(refused.value) + refused.value.hint
    assert ear.paths == [f"/{TOKEN}"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"http://192.0.2.1/{TOKEN}", "without encryption"),
        (f"https://10.0.0.1/{TOKEN}", "private or reserved"),
        (f"https://169.254.169.254/{TOKEN}", "private or reserved"),
        (f"ftp://hc.example/{TOKEN}", "not a plain http or https address"),
        (f"https://user:{TOKEN}@hc.example/", "not a plain http or https address"),
        (TOKEN, "not a plain http or https address"),
        ("", "not a plain http or https address"),
    ],
)
def test_an_address_that_policy_forbids(url: str, words: str) -> None:
    with pytest.raises(StrongroomError, match=words) as refused:
        ping(url, Signal.SUCCESS, Route(), clock)
    assert TOKEN not in str(refused.value) + refused.value.hint


def test_nobody_there() -> None:
    with listening() as ear:
        url = f"http://127.0.0.1:{ear.port}/{TOKEN}"
    with pytest.raises(WorldError, match="did not arrive: no connection") as refused:
        ping(url, Signal.SUCCESS, Route(), clock)
    assert TOKEN not in str(refused.value)


def test_a_switch_that_hangs_is_given_up(ear: Ear) -> None:
    ear.held.clear()
    with pytest.raises(WorldError, match="did not arrive"):
        ping(f"http://127.0.0.1:{ear.port}/{TOKEN}", Signal.SUCCESS, Route(connect=0.3, whole=0.3), clock)


@pytest.fixture
def settings(ear: Ear, tmp_path: Path) -> PingSettings:
    (tmp_path / "url").write_text(f"http://127.0.0.1:{ear.port}/{TOKEN}\n")
    (tmp_path / "url").chmod(0o600)
    return PingSettings(SecretRef.parse(f"file:{tmp_path}/url"), timedelta(minutes=10))


def settle() -> None:
    until(lambda: not any(thread.name == "ping" for thread in threading.enumerate()))


def test_it_beats_at_every_interval_and_at_once_when_something_changes(ear: Ear, settings: PingSettings) -> None:
    seconds = Seconds()
    pinger = Pinger(settings, NetworkSettings(), clock, seconds)
    pinger.begin()
    settle()
    for minute in range(41):
        pinger.beat(healthy=not 25 <= minute < 27)
        settle()
        seconds.now += 60
    ends = [path.removeprefix(f"/{TOKEN}") for path in ear.paths]
    assert ends == ["/start", "", "", "", "/fail", "", ""]


def test_a_ping_that_fails_is_tried_sooner_and_logged_once(
    ear: Ear, settings: PingSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "strongroom")
    seconds, ear.status = Seconds(), 500
    pinger = Pinger(settings, NetworkSettings(), clock, seconds)
    for _ in range(3):
        pinger.beat(healthy=True)
        settle()
        pinger.beat(healthy=True)
        seconds.now += AGAIN
    assert len(ear.paths) == 3
    ear.status = 200
    pinger.beat(healthy=True)
    settle()
    pinger.beat(healthy=True)
    assert caplog.text.count("ping-failed") == 1
    assert caplog.text.count("ping-recovered") == 1
    assert TOKEN not in caplog.text


def test_a_switch_that_hangs_keeps_a_few_threads_and_nothing_else(ear: Ear, settings: PingSettings) -> None:
    seconds = Seconds()
    ear.held.clear()
    pinger = Pinger(settings, NetworkSettings(), clock, seconds)
    for _ in range(20):
        pinger.beat(healthy=True)
        seconds.now += 3600
    assert sum(thread.name == "ping" for thread in threading.enumerate()) == 3
    ear.held.set()
    settle()
    pinger.finish(1)


def test_a_missing_address_is_a_failure_in_words(tmp_path: Path) -> None:
    missing = PingSettings(SecretRef.parse(f"file:{tmp_path}/none"))
    with pytest.raises(UsageError, match="cannot be opened"):
        Pinger(missing, NetworkSettings(), clock).send(Signal.SUCCESS)
