"""`strongroom notify` as a person or a program runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.listeners import Ear, listening, script
from kit.watched_vault import House, open_house
from strongroom.cli.main import cli
from strongroom.engine.core.alert_store import mark_sent, open_alerts, reconcile
from strongroom.model.alert import Alert, Level
from strongroom.model.bech32 import encode_bech32

# Apprise imports a module that Python 3.13 has no more; in use nobody sees the warning.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "kanarienmarke"
KEY = encode_bech32("age", b"q" * 32)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


def run(tmp_path: Path, sections: str, *arguments: str) -> Result:
    config = tmp_path / "c.toml"
    config.write_text(f'[vault]\npath = "vault"\nrecipients = ["{KEY}"]\n{sections}')
    result = CliRunner().invoke(cli, ["--config", str(config), "notify", *arguments], env={"COLUMNS": "300"})
    assert TOKEN not in result.output
    return result


def secret(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    (tmp_path / name).chmod(0o600)
    return f"file:{tmp_path}/{name}"


def test_every_channel_is_tried_and_told_apart(tmp_path: Path, ear: Ear) -> None:
    mail = secret(tmp_path, "mail", f"json://127.0.0.1:{ear.port}/{TOKEN}")
    ping = secret(tmp_path, "ping", f"http://127.0.0.1:{ear.port}/{TOKEN}")
    failing = script(tmp_path, "tell", "sys.exit(4)")
    sections = f'[notify]\nurls = ["{mail}"]\ncommand = ["{failing}"]\nping = {{ url = "{ping}" }}\n'
    result = run(tmp_path, sections, "test")
    assert result.exit_code == 1
    lines = " ".join(result.stdout.split())
    assert f"accepted {mail}" in lines
    assert "failed command tell: the program ended with status 4" in lines
    assert f"accepted ping {ping}" in lines
    assert sorted(ear.paths) == sorted([f"/{TOKEN}", f"/{TOKEN}/log"])
    told = json.loads(run(tmp_path, sections, "test", "--json").stdout)["channels"]
    assert [(each["channel"], each["accepted"]) for each in told] == [
        (mail, True),
        ("command tell", False),
        (f"ping {ping}", True),
    ]


def test_all_that_accept_is_success(tmp_path: Path, ear: Ear) -> None:
    program = script(tmp_path, "tell", "open(here + '/got', 'wb').write(sys.stdin.buffer.read())")
    assert run(tmp_path, f'[notify]\ncommand = ["{program}"]\n', "test").exit_code == 0
    assert "This is a test" in json.loads((tmp_path / "got").read_text())["text"]


def test_nobody_to_tell_is_a_mistake_in_words(tmp_path: Path) -> None:
    result = run(tmp_path, "", "test")
    assert result.exit_code == 2
    assert "no channel is configured" in result.stderr
    assert "docs/notifications.md" in result.stderr


def test_the_list_shows_what_stands_before_what_is_over(tmp_path: Path, house: House) -> None:
    assert "No alert was ever raised." in run(tmp_path, "", "list").stderr
    risk = Alert("at-risk chats", Level.CRITICAL, "3 days of one stream will be destroyed", "stream chats")
    disk = Alert("disk", Level.WARNING, "the disk is full in about 9 days", "12.0 GB are free")
    reconcile(house.vault, [risk], house.now)
    mark_sent(house.vault, open_alerts(house.vault), house.now)
    house.now += timedelta(minutes=1)
    reconcile(house.vault, [disk], house.now)
    lines = run(tmp_path, "", "list").stdout.splitlines()
    assert lines[0].split() == [
        "warning",
        "2026-11-20",
        "12:01:00Z",
        "the",
        "disk",
        "is",
        "full",
        "in",
        "about",
        "9",
        "days",
    ]
    assert lines[1].split() == ["12.0", "GB", "are", "free"]
    assert lines[2].split()[:3] == ["over", "2026-11-20", "12:00:00Z"]
    (_disk, unsent) = json.loads(run(tmp_path, "", "list", "--json").stdout)["notices"]
    assert unsent["told_at"] is None  # without a channel it reached nobody
    document = json.loads(run(tmp_path, "[notify]\ndesktop = true\n", "list", "--json").stdout)["notices"]
    assert [(each["key"], each["cleared_at"]) for each in document] == [
        ("disk", None),
        ("at-risk chats", "2026-11-20T12:01:00Z"),
    ]
    assert document[1]["told_at"] == "2026-11-20T12:00:00Z"
    assert len(json.loads(run(tmp_path, "", "list", "--limit", "1", "--json").stdout)["notices"]) == 1
