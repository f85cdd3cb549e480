"""`status` says whether everything is all right, and `--quiet` is silent where it is."""

from __future__ import annotations

import json
import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from strongroom.engine.core.alert_store import reconcile
from strongroom.engine.core.heartbeat import beat
from strongroom.model.alert import configuration_alarm
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault


@pytest.fixture
def fresh(tmp_path: Path, invoke: Invoke) -> Path:
    """The configuration of a vault in which nothing has happened yet."""
    config = tmp_path / "strongroom.toml"
    made = invoke(
        *("init", "--config", config, "--vault", tmp_path / "vault", "--identity", tmp_path / "identity.age"),
        *("--no-passphrase", "--recovery-file", tmp_path / "recovery.txt"),
    )
    assert made.exit_code == 0, made.output
    return config


def test_everything_is_all_right(fresh: Path, invoke: Invoke) -> None:
    shown = invoke("--config", fresh, "status")
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.startswith("Everything is all right.\n")
    document = json.loads(invoke("--config", fresh, "status", "--json").stdout)
    assert (document["healthy"], document["problems"]) == (True, [])


def test_what_is_wrong_comes_first_and_names_the_next_command(home: Home, invoke: Invoke) -> None:
    shown = invoke("--config", home.config, "status")
    assert shown.exit_code == 1
    first, *lines = shown.stdout.splitlines()
    assert first.endswith("your attention")
    assert lines[0].startswith("warning   1 window of one stream failed: a person must act")
    assert "          next: strongroom jobs --state failed" in lines
    assert "          next: strongroom archives --holding quarantined" in lines  # a note
    assert any(line.startswith("quota         zavu-main: ") for line in lines)
    assert len(lines) <= 40
    document = json.loads(invoke("--config", home.config, "status", "--json").stdout)
    assert document["healthy"] is False
    # The second is that nobody has confirmed the time since, which depends on how long ago that is.
    first_problem = document["problems"][0]
    assert (first_problem["kind"], first_problem["severity"]) == ("failed", "warning")
    assert [each["kind"] for each in document["notes"]] == ["quarantined"]


def test_every_next_command_exists(invoke: Invoke) -> None:
    from strongroom.engine.queries.problems import _NEXT

    for command in set(_NEXT.values()):
        words = [
            word for word in command.split()[1:] if not word.startswith("-") and word not in ("failed", "quarantined")
        ]
        assert invoke("help", *words).exit_code == 0, command


def test_a_daemon_that_does_not_answer(fresh: Path, invoke: Invoke) -> None:
    with closing(open_vault(fresh.parent / "vault")) as vault, hold(vault.layout.lock, "strongroom daemon"):
        beat(vault, datetime.now(UTC) - timedelta(minutes=5), os.getpid(), "waiting")
        silent = invoke("--config", fresh, "status", "--json")
        beat(vault, datetime.now(UTC), os.getpid(), "waiting")
        alive = invoke("--config", fresh, "status")
    assert silent.exit_code == 1
    (problem,) = json.loads(silent.stdout)["problems"]
    assert (problem["kind"], problem["next"]) == ("daemon", "strongroom service status")
    assert alive.exit_code == 0


def test_what_only_the_daemon_sees_stands_until_it_is_over(fresh: Path, invoke: Invoke) -> None:
    with closing(open_vault(fresh.parent / "vault")) as vault:
        reconcile(vault, [configuration_alarm()], datetime.now(UTC))
        shown = invoke("--config", fresh, "status", "--quiet")
        reconcile(vault, [], datetime.now(UTC))
    assert shown.exit_code == 1
    assert "next: strongroom config check" in shown.stdout
    over = invoke("--config", fresh, "status", "--quiet")
    assert (over.exit_code, over.output) == (0, "")


def test_a_paused_source_and_how_to_resume_it(own_home: Home, invoke: Invoke) -> None:
    with closing(open_vault(own_home.vault)) as vault, vault.catalogue.transaction():
        vault.catalogue.write("UPDATE sources SET paused = 'the key was refused'")
    shown = invoke("--config", own_home.config, "status")
    assert shown.exit_code == 1
    assert "next: strongroom plan resume zavu-main" in shown.stdout


def test_a_clock_behind_the_log_is_the_only_thing_that_is_judged(own_home: Home, invoke: Invoke) -> None:
    with closing(open_vault(own_home.vault)) as vault:
        from strongroom.evidence.line import Entry
        from strongroom.vault.log import add_entry

        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("vault.started", datetime.now(UTC) + timedelta(days=900)))
    document = json.loads(invoke("--config", own_home.config, "status", "--json").stdout)
    assert [each["kind"] for each in document["problems"]] == ["clock"]


QUIET = (["status"], ["doctor", "--offline"], ["config", "check"], ["verify"], ["scrub", "run"], ["run", "--once"])


@pytest.mark.parametrize("args", QUIET, ids=" ".join)
def test_quiet_prints_nothing_where_nothing_is_wrong(args: list[str], fresh: Path, invoke: Invoke) -> None:
    usual, quiet = invoke("--config", fresh, *args), invoke("--config", fresh, *args, "--quiet")
    assert usual.exit_code == 0
    assert usual.output
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["status"], 1),
        (["status", "--json"], 1),
        (["verify", "nosuch"], 2),
        (["source", "check", "nosuch", "--json"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_quiet_shows_all_of_it_where_something_is_wrong(args: list[str], code: int, home: Home, invoke: Invoke) -> None:
    usual, quiet = invoke("--config", home.config, *args), invoke("--config", home.config, *args, "-q")
    assert (usual.exit_code, quiet.exit_code) == (code, code)
    assert usual.output
    assert (quiet.stderr, _timeless(quiet.stdout)) == (usual.stderr, _timeless(usual.stdout))


def _timeless(text: str) -> list[str]:
    """Return lines without those that the moment and the disk decide."""
    return [line for line in text.splitlines() if not any(word in line for word in ("free", "day", "GB", "seconds"))]


def test_quiet_belongs_to_what_checks_or_collects(invoke: Invoke) -> None:
    assert invoke("archives", "--quiet").exit_code == 2
    assert "--quiet" in invoke("run", "--help").stdout
