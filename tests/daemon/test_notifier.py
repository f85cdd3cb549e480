"""Telling: through several channels, of which some fail or hang, on two moved clocks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from kit.listeners import until
from kit.watched_vault import House, open_house
from strongroom.daemon.channels import Message
from strongroom.daemon.notifier import FIRST_WAIT, LONGEST_WAIT, MOST_OWED, MOST_STUCK, AlertNotifier, ChannelQueue
from strongroom.engine.core.alert_store import newest_alerts, open_alerts, reconcile
from strongroom.model.alert import Alert, Level
from strongroom.model.errors import WorldError

DISK = Alert("disk", Level.CRITICAL, "the disk is full", "no bytes")
RISK = Alert("at-risk chats", Level.WARNING, "3 days", "stream chats")


@dataclass
class Fake:
    """A channel of which a test decides what becomes of a message."""

    name: str = "fake"
    failing: bool = False
    rude: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    got: list[Message] = field(default_factory=list)
    tries: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def send(self, message: Message) -> None:
        self.tries += 1
        self.gate.wait(20)
        if self.rude:
            raise RuntimeError("a plugin's own words")
        if self.failing:
            raise WorldError("it is out of order")
        self.got.append(message)


@dataclass
class Stage:
    house: House
    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.house.now += timedelta(seconds=seconds)

    def look(self, voice: AlertNotifier, *found: Alert) -> None:
        reconcile(self.house.vault, found, self.house.now)
        voice.speak(self.house.vault, self.house.now)

    def settle(self, voice: AlertNotifier) -> None:
        """Wait until every thread has ended that can, and write down what was heard."""
        voice.finish(self.house.vault, self.house.now, 0.0)
        until(
            lambda: not any(thread.name.startswith("send ") for thread in threading.enumerate()),
            lambda: voice.tend(self.house.vault, self.house.now),
        )
        voice.tend(self.house.vault, self.house.now)


@pytest.fixture(autouse=True)
def heard_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what a daemon in this process may have done to the logger."""
    monkeypatch.setattr(logging.getLogger("strongroom"), "propagate", True)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_house(tmp_path) as house:
        yield Stage(house)


def told(stage: Stage) -> dict[str, bool]:
    return {alert.key: alert.told_at is not None for alert in open_alerts(stage.house.vault)}


def test_all_that_is_new_is_one_message_and_told_once(stage: Stage) -> None:
    channel = Fake()
    voice = AlertNotifier([channel], stage.monotonic)
    stage.look(voice, DISK, RISK)
    stage.settle(voice)
    assert [alert.key for alert in channel.got[0].alert_records] == ["disk", "at-risk chats"]
    assert told(stage) == {"disk": True, "at-risk chats": True}
    for _ in range(5):
        stage.pass_by(60)
        stage.look(voice, DISK, RISK)
        stage.settle(voice)
    assert len(channel.got) == 1


def test_without_a_channel_it_is_logged_and_counts_as_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.look(AlertNotifier([], stage.monotonic), DISK)
    assert told(stage) == {"disk": True}
    assert 'notice key=disk words="the disk is full"' in caplog.text


def test_one_channel_that_took_it_is_enough_and_the_other_gets_it_later(stage: Stage) -> None:
    good, bad = Fake("good"), Fake("bad", failing=True)
    voice = AlertNotifier([bad, good], stage.monotonic)
    stage.look(voice, DISK)
    stage.settle(voice)
    assert told(stage) == {"disk": True}
    bad.failing = False
    stage.pass_by(FIRST_WAIT - 1)
    stage.look(voice, DISK)
    stage.settle(voice)
    assert (len(good.got), len(bad.got)) == (1, 0)
    stage.pass_by(1)
    stage.look(voice, DISK)
    stage.settle(voice)
    assert (len(good.got), len(bad.got)) == (1, 1)


def test_what_no_channel_took_is_not_told_and_survives_a_restart(stage: Stage) -> None:
    bad = Fake(failing=True)
    voice = AlertNotifier([bad], stage.monotonic)
    stage.look(voice, DISK)
    stage.settle(voice)
    assert told(stage) == {"disk": False}
    again = Fake()
    voice = AlertNotifier([again], stage.monotonic)
    stage.look(voice, DISK)
    stage.settle(voice)
    assert told(stage) == {"disk": True}
    assert len(again.got) == 1


def test_waiting_grows_and_has_an_end(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    bad = Fake(failing=True)
    voice = AlertNotifier([bad], stage.monotonic)
    tries: list[int] = []
    stage.look(voice, DISK)
    for minute in range(6 * 60):
        stage.settle(voice)
        tries += [minute] * (bad.tries - len(tries))
        stage.pass_by(60)
        voice.tend(stage.house.vault, stage.house.now)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert set(waits[6:]) == {LONGEST_WAIT / 60}
    assert caplog.text.count("channel-failed") == 1


def test_a_channel_that_hangs_holds_up_nobody(stage: Stage) -> None:
    hung, good = Fake("hung"), Fake("good")
    hung.gate.clear()
    voice = AlertNotifier([hung, good], stage.monotonic, deadline=30)
    stage.look(voice, DISK)
    until(lambda: good.got, lambda: voice.tend(stage.house.vault, stage.house.now))
    until(lambda: told(stage)["disk"], lambda: voice.tend(stage.house.vault, stage.house.now))
    for _ in range(40):
        stage.pass_by(3600)
        stage.look(voice, DISK, RISK)
    assert hung.tries == MOST_STUCK
    until(lambda: len(good.got) >= 2, lambda: stage.look(voice, DISK, RISK))
    hung.gate.set()
    until(lambda: not any(thread.name == "send hung" for thread in threading.enumerate()))
    stage.pass_by(3600)
    stage.look(voice, DISK, RISK)
    stage.settle(voice)
    assert len(hung.got) > MOST_STUCK


def test_a_plugin_that_breaks_is_a_channel_that_fails(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    voice = AlertNotifier([Fake(rude=True)], stage.monotonic)
    stage.look(voice, DISK)
    stage.settle(voice)
    assert 'channel-failed channel=fake words="it failed (RuntimeError)"' in caplog.text
    assert "own words" not in caplog.text


def test_reminders_and_recovery_on_a_moved_clock(stage: Stage) -> None:
    channel = Fake()
    voice = AlertNotifier([channel], stage.monotonic)
    for hour in range(60):
        stage.look(voice, *([DISK, RISK] if hour < 50 else []))
        stage.settle(voice)
        stage.pass_by(3600)
    assert [message.title.removeprefix("Strongroom: ") for message in channel.got] == [
        "2 notices, the first: critical: the disk is full",
        "still critical: the disk is full",
        "still critical: the disk is full",
        "2 notices, the first: over: the disk is full",
    ]


def test_messages_that_are_owed_too_long_make_way(stage: Stage) -> None:
    bad = Fake(failing=True)
    outlet = ChannelQueue(bad)
    for number in range(3 * MOST_OWED):
        outlet.put(Message(Level.INFO, str(number), "", ""))
    assert [message.title for message in outlet.owed] == [str(number) for number in range(2 * MOST_OWED, 3 * MOST_OWED)]


def test_the_log_says_what_is_over(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    voice = AlertNotifier([], stage.monotonic)
    stage.look(voice, RISK)
    stage.pass_by(1)
    stage.look(voice)
    stage.pass_by(3600)
    caplog.set_level("INFO", "strongroom")
    stage.look(voice)
    assert 'notice-over key="at-risk chats"' in caplog.text
    assert newest_alerts(stage.house.vault)[0].cleared_at is not None
