"""Each channel against something real: a server on loopback, a program, a notify-send on PATH."""

from __future__ import annotations

import builtins
import html
import json
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kit.listeners import Ear, listening, script, until
from strongroom.config.outgoing import Details, NotifySettings
from strongroom.config.secrets import SecretRef
from strongroom.daemon import channels
from strongroom.daemon.background_task import BackgroundTask
from strongroom.daemon.channels import (
    SHOWN,
    AppriseChannel,
    CommandChannel,
    DesktopChannel,
    build_channels,
    compose,
    trial,
)
from strongroom.engine.core.alert_store import AlertRecord
from strongroom.model.alert import Level
from strongroom.model.errors import UsageError, WorldError

# Apprise imports a module that Python 3.13 has no more; in use nobody sees the warning.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTICES = (
    AlertRecord("disk", "critical", "the disk is nearly <full>", "1.9 GB are free", NOW),
    AlertRecord("at-risk acme-merger", "warning", "3 days of one stream will be destroyed", "stream acme-merger", NOW),
)
MESSAGE = compose(NOTICES, NOW)
TOKEN = "kanarienmarke"


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


@pytest.fixture
def address(ear: Ear, tmp_path: Path) -> SecretRef:
    """Where an Apprise address with a token in it is kept."""
    file = tmp_path / "address"
    file.write_text(f"json://127.0.0.1:{ear.port}/{TOKEN}\n")
    file.chmod(0o600)
    return SecretRef.parse(f"file:{file}")


def test_words_for_one_notice_and_for_many() -> None:
    one = compose(NOTICES[:1], NOW)
    assert one.title == "Strongroom: critical: the disk is nearly <full>"
    assert one.long == "critical: the disk is nearly <full>\n  1.9 GB are free"
    assert one.short.endswith("\nWhich ones: strongroom notify list")
    assert MESSAGE.title == "Strongroom: 2 notices, the first: critical: the disk is nearly <full>"
    assert MESSAGE.severity is Level.CRITICAL
    many = compose(NOTICES * 20, NOW)
    assert many.short.count("\n") == many.long.count("\n") / 2 + 1 == SHOWN + 1
    assert f"and {40 - SHOWN} more" in many.short


def test_words_for_what_is_over_and_for_what_still_stands() -> None:
    over = AlertRecord("disk", "critical", "the disk is full", "", NOW, told_at=NOW, cleared_at=NOW)
    still = AlertRecord("disk", "critical", "the disk is full", "", NOW.replace(day=18), told_at=NOW.replace(day=19))
    assert compose([over], NOW).title == "Strongroom: over: the disk is full"
    assert compose([over], NOW).severity is Level.INFO
    assert compose([still], NOW).title == "Strongroom: still critical: the disk is full"


def test_apprise_sends_and_leaves_names_out(ear: Ear, address: SecretRef) -> None:
    AppriseChannel(address, full=False).send(MESSAGE)
    (heard,) = ear.heard
    assert heard.path == f"/{TOKEN}"
    assert heard.json["title"] == MESSAGE.title
    assert heard.json["type"] == "failure"
    assert "3 days of one stream will be destroyed" in heard.json["message"]
    assert b"acme-merger" not in heard.body
    assert b"1.9 GB" not in heard.body


def test_apprise_sends_names_when_that_is_wished_for(ear: Ear, address: SecretRef) -> None:
    (channel,) = build_channels(NotifySettings(urls=(address,), details=Details.FULL))
    channel.send(MESSAGE)
    assert b"acme-merger" in ear.heard[0].body


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_apprise_that_is_refused_says_so_and_nothing_of_the_address(
    ear: Ear, address: SecretRef, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    ear.status = status
    channel = AppriseChannel(address, full=False)
    with pytest.raises(WorldError) as refused:
        channel.send(MESSAGE)
    out, err = capfd.readouterr()
    everything = caplog.text + out + err + str(refused.value) + refused.value.hint + channel.name
    assert TOKEN not in everything
    assert "the disk is nearly" not in everything


def test_apprise_whose_address_is_missing_or_unknown(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        AppriseChannel(SecretRef.parse(f"file:{tmp_path}/none"), full=False).send(MESSAGE)
    (tmp_path / "odd").write_text(f"nosuchthing://{TOKEN}")
    (tmp_path / "odd").chmod(0o600)
    with pytest.raises(UsageError, match="does not know") as refused:
        AppriseChannel(SecretRef.parse(f"file:{tmp_path}/odd"), full=False).send(MESSAGE)
    assert TOKEN not in str(refused.value)


def test_apprise_that_is_not_installed(address: SecretRef, monkeypatch: pytest.MonkeyPatch) -> None:
    really = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError) as refused:
        AppriseChannel(address, full=False).send(MESSAGE)
    assert refused.value.hint == "pip install 'strongroom[notify]'"


WRITE = """
given = sys.stdin.buffer.read()
pathlib.Path(here, "got.json").write_bytes(given)
pathlib.Path(here, "env").write_text(json.dumps(dict(os.environ)))
pathlib.Path(here, "argv").write_text(json.dumps(sys.argv[1:]))
print("kanarienvogel")
"""


def test_a_command_gets_the_whole_message_and_none_of_our_secrets(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = script(tmp_path, "tell", WRITE)
    env = {**os.environ, "ZAVU_API_KEY": TOKEN, "CREDENTIALS_DIRECTORY": "/run/x"}
    (channel,) = build_channels(NotifySettings(command=(str(program), "--to", "$HOME; id", "--to", "b")), env)
    channel.send(MESSAGE)
    got = json.loads((tmp_path / "got.json").read_bytes())
    assert (got["version"], got["severity"], got["title"]) == (1, "critical", MESSAGE.title)
    assert got["notices"][1] == {
        "key": "at-risk acme-merger",
        "severity": "warning",
        "title": "3 days of one stream will be destroyed",
        "body": "stream acme-merger",
        "raised_at": "2026-11-20T12:00:00Z",
        "told_at": None,
        "cleared_at": None,
    }
    assert json.loads((tmp_path / "argv").read_text()) == ["--to", "$HOME; id", "--to", "b"]
    given = json.loads((tmp_path / "env").read_text())
    assert "ZAVU_API_KEY" not in given
    assert "CREDENTIALS_DIRECTORY" not in given
    assert given["PATH"] == os.environ["PATH"]
    assert capfd.readouterr() == ("", "")


def test_a_command_that_fails_or_is_not_there(tmp_path: Path) -> None:
    failing = script(tmp_path, "tell", "sys.stderr.write('kanarienvogel'); sys.exit(3)")
    with pytest.raises(WorldError, match="ended with status 3") as refused:
        CommandChannel([str(failing), TOKEN]).send(MESSAGE)
    assert "kanarienvogel" not in str(refused.value)
    assert CommandChannel([str(failing), TOKEN]).name == "command tell"
    with pytest.raises(WorldError, match="cannot be run: No such file"):
        CommandChannel([str(tmp_path / "none")]).send(MESSAGE)


def test_a_command_that_takes_no_input_is_no_trouble(tmp_path: Path) -> None:
    CommandChannel([str(script(tmp_path, "tell", "sys.stdin.close()"))]).send(compose(NOTICES * 500, NOW))


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 0.5)
    hanging = script(
        tmp_path, "tell", "p = os.fork()\npathlib.Path(here, f'{os.getpid()}.pid').touch()\ntime.sleep(60)"
    )
    with pytest.raises(WorldError, match=r"longer than 0\.5 s"):
        CommandChannel([str(hanging)]).send(MESSAGE)
    pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
    assert pids
    until(lambda: not any(alive(pid) for pid in pids))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_desktop_is_told_through_notify_send(tmp_path: Path) -> None:
    script(tmp_path, "notify-send", WRITE)
    env = {"PATH": str(tmp_path), "DISPLAY": ":7", "HOME": "/h", "ZAVU_API_KEY": TOKEN}
    (channel,) = build_channels(NotifySettings(desktop=True), env)
    os.environ["PATH"], path = str(tmp_path), os.environ["PATH"]
    try:
        channel.send(MESSAGE)
    finally:
        os.environ["PATH"] = path
    *options, title, text = json.loads((tmp_path / "argv").read_text())
    assert options == ["--app-name=Strongroom", "--urgency=critical", "--"]
    assert title == MESSAGE.title
    assert html.unescape(text) == MESSAGE.long
    assert "<" not in text
    given = json.loads((tmp_path / "env").read_text())
    assert given["DISPLAY"] == ":7"
    assert "ZAVU_API_KEY" not in given


def test_no_desktop_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorldError, match="cannot be run"):
        DesktopChannel().send(trial(NOW))


def test_an_attempt_tells_what_we_say_and_hides_what_others_do() -> None:
    def ours() -> None:
        raise WorldError("no way", hint="go elsewhere")

    def theirs() -> None:
        raise RuntimeError(TOKEN)

    outcomes = []
    for work in (ours, theirs, lambda: None):
        attempt = BackgroundTask(work, "test")
        attempt.wait(60)
        outcomes.append(attempt.failure)
    assert outcomes == ["no way (go elsewhere)", "it failed (RuntimeError)", ""]


def test_an_attempt_is_not_waited_for_longer_than_asked(ear: Ear, address: SecretRef) -> None:
    ear.held.clear()
    attempt = BackgroundTask(lambda: AppriseChannel(address, full=False).send(MESSAGE), "test")
    began = time.monotonic()
    attempt.wait(0.2)
    assert time.monotonic() - began < 30
    assert not attempt.over
    ear.held.set()
    until(lambda: attempt.over)


def test_nothing_is_built_of_nothing() -> None:
    assert build_channels(NotifySettings()) == []
