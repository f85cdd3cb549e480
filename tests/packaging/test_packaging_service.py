"""`strongroom service`: the unit that it writes, and what it says where systemd answers, and where it does not."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from strongroom.cli import service as unitstate
from strongroom.cli.main import cli
from strongroom.cli.service import NoManager, ask_systemd, render_unit
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.heartbeat import beat
from strongroom.engine.core.sources import open_reading
from strongroom.model.errors import UsageError
from strongroom.vault.requests import get_request

ANSWER = """LoadState=loaded
ActiveState={active}
SubState=running
UnitFileState=enabled
StatusText=2 jobs under way = fine
MainPID=41
NRestarts={restarts}
Result={result}
StateChangeTimestamp=Fri 2026-11-20 12:00:00 UTC
"""


def strongroom(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a vault whose key is a credential; its PATH is empty until a test puts something there."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "STRONGROOM_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    source = ("--source", "zavu-main", "--api-key", "credential:zavu-api-key", "--dataset", "messages")
    made = strongroom("init", "--no-passphrase", "--recovery-file", tmp_path / "recovery.txt", *source)
    assert made.exit_code == 0, made.output
    return tmp_path


def config_of(home: Path) -> Path:
    return home / ".config/strongroom/config.toml"


def unit_of(home: Path) -> Path:
    return home / ".config/systemd/user/strongroom.service"


def put_systemctl(home: Path, script: str) -> None:
    program = home / "bin" / "systemctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def put_answer(home: Path, active: str = "active", restarts: int = 0, result: str = "success") -> None:
    text = ANSWER.format(active=active, restarts=restarts, result=result)
    put_systemctl(home, f"while IFS= read -r line; do echo \"$line\"; done <<'END'\n{text}END")


@pytest.fixture
def working(home: Path) -> Iterator[Path]:
    """The home while something holds the vault and its heart beats."""
    with open_engine(load_config(config_of(home)), "strongroom daemon") as engine:
        beat(engine.vault, datetime.now(UTC), os.getpid(), "everything due is held")
        yield home


def test_it_writes_a_unit_for_this_program_and_this_configuration(home: Path) -> None:
    done = strongroom("service", "install", "--user", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["unit"] == str(unit_of(home)) and told["written"] is True
    assert told["cautions"] == [
        "credential:zavu-api-key needs a line LoadCredential=zavu-api-key:/path (systemctl --user edit strongroom)"
    ]
    assert "systemctl --user enable --now strongroom" in told["next"]
    (start,) = [line for line in unit_of(home).read_text().splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(start.partition("=")[2])
    assert os.access(words[0], os.X_OK)
    assert words[-3:] == ["--config", str(config_of(home)), "daemon"]


def test_words_for_a_person_name_the_steps(home: Path) -> None:
    done = strongroom("service", "install", "--user")
    assert done.stdout.startswith("Wrote ")
    for words in ("note: credential:zavu-api-key", "daemon-reload", "enable --now", "enable-linger", "service status"):
        assert words in done.stderr


def test_a_second_time_changes_nothing_and_a_changed_unit_is_kept(home: Path) -> None:
    strongroom("service", "install", "--user")
    assert json.loads(strongroom("service", "install", "--user", "--json").stdout)["written"] is False
    unit_of(home).write_text("[Service]\n# mine\n")
    refused = strongroom("service", "install", "--user")
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr and "--force" in refused.stderr
    assert "# mine" in unit_of(home).read_text()
    assert strongroom("service", "install", "--user", "--force").exit_code == 0
    assert "# mine" not in unit_of(home).read_text()
    assert [path.name for path in unit_of(home).parent.iterdir()] == ["strongroom.service"]


def test_a_wrong_configuration_installs_nothing(home: Path) -> None:
    config_of(home).write_text("colour = 7\n")
    assert strongroom("service", "install", "--user").exit_code == 2
    assert not unit_of(home).exists()


def test_root_must_mean_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    refused = strongroom("service", "install")
    assert refused.exit_code == 2 and "docs/systemd.md" in refused.stderr
    assert not unit_of(home).exists()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert strongroom("service", "install").exit_code == 0


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain.toml", "plain.toml"),
        ("with space.toml", '"/etc/with space.toml"'),
        ("100%h.toml", "100%%h.toml"),
        ("$HOME.toml", "$$HOME.toml"),
        ('a"b\\c.toml', '"/etc/a\\"b\\\\c.toml"'),
    ],
)
def test_a_path_is_quoted_as_systemd_reads_it(name: str, written: str) -> None:
    text = render_unit(["/opt/a b/$x/strongroom"], Path("/etc") / name)
    (start,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    assert start.startswith('ExecStart="/opt/a b/$x/strongroom" --config ')
    assert start.endswith(f"{written} daemon")


@pytest.mark.parametrize("name", ["a\nExecStart=evil", "a\tb", "a\x7fb"])
def test_a_path_that_would_break_the_unit_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be in a unit file"):
        render_unit(["/bin/strongroom"], Path("/etc") / name)


def test_without_systemd_it_says_so_and_what_to_do(home: Path) -> None:
    done = strongroom("service", "status")
    assert done.exit_code == 1
    assert "there is no systemd on this machine" in done.stdout
    assert "none yet" in done.stdout
    assert "strongroom daemon" in done.stderr


def test_without_a_bus_it_says_so_and_what_to_do(home: Path) -> None:
    put_systemctl(home, "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    done = strongroom("service", "status")
    assert done.exit_code == 1
    assert "has no user manager or no bus" in " ".join(done.stdout.split())
    assert "enable-linger" in done.stderr
    assert "does not run on this machine" in strongroom("service", "status", "--system").stdout


def test_a_systemctl_that_hangs_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_systemctl(home, "while :; do :; done")
    monkeypatch.setattr(unitstate, "DEADLINE", 0.2)
    with pytest.raises(NoManager, match="does not answer"):
        ask_systemd(user=True)


def test_a_unit_that_is_not_installed_is_called_so(home: Path) -> None:
    put_systemctl(home, "echo LoadState=not-found; echo ActiveState=inactive")
    assert "not installed (strongroom service install)" in strongroom("service", "status").stdout


def test_a_working_daemon_is_shown_with_what_it_does(working: Path) -> None:
    put_answer(working, restarts=3, result="watchdog")
    done = strongroom("service", "status", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["working"] is True and told["manager"] == "user" and told["silence"] == ""
    assert told["systemd"]["active"] == "active" and told["systemd"]["pid"] == 41
    assert told["systemd"]["text"] == "2 jobs under way = fine"
    assert told["heartbeat"]["pid"] == os.getpid()
    words = strongroom("service", "status").stdout
    for part in (
        "active (running)",
        "enabled",
        "2 jobs under way",
        "3, last result watchdog",
        "everything due is held",
    ):
        assert part in words


def test_it_works_whoever_runs_it(working: Path) -> None:
    told = json.loads(strongroom("service", "status", "--json").stdout)
    assert told["working"] is True and told["systemd"] is None and told["silence"]


def test_a_daemon_that_is_gone_does_not_work_however_fresh_its_heartbeat(home: Path) -> None:
    with open_engine(load_config(config_of(home)), "strongroom daemon") as engine:
        beat(engine.vault, datetime.now(UTC), 41, "words")
    put_answer(home, active="failed")
    done = strongroom("service", "status")
    assert done.exit_code == 1 and "does not work now" in done.stdout


def test_a_heartbeat_that_is_old_is_not_believed(home: Path) -> None:
    with open_engine(load_config(config_of(home)), "strongroom daemon") as engine:
        beat(engine.vault, datetime.now(UTC) - timedelta(minutes=5), 41, "words")
        assert strongroom("service", "status").exit_code == 1


def test_a_vault_that_cannot_be_read_is_trouble_and_not_a_crash(home: Path) -> None:
    put_answer(home)
    (home / ".local/share/strongroom/vault").rename(home / "elsewhere")
    told = json.loads(strongroom("service", "status", "--json").stdout)
    assert told["trouble"] and told["heartbeat"] is None and told["working"] is False


def test_a_run_by_a_timer_answers_what_was_asked_for_meanwhile(home: Path) -> None:
    asked = json.loads(strongroom("pause", "zavu-main-records", "--json").stdout)
    assert asked["answered"] is False
    done = strongroom("run", "--once")
    assert done.exit_code == 0 and "Nothing is pending" in done.output
    with open_reading(load_config(config_of(home))) as vault:
        answered = get_request(vault.catalogue, asked["request"])
    assert answered is not None and answered.accepted
