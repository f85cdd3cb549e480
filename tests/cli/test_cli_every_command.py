"""Every command under what a shell, a service manager or another program may do to it: it works, or says what is wrong.

The table must have an entry for each command that there is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from kit import credential_leaks
from kit.cli_home import Home
from kit.drivers import command
from kit.manifests import GALLERY
from strongroom.cli.main import cli

AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
PERIOD = ("--from", "2026-11-01", "--to", "2026-11-02")
WITH_KEY = ("--identity", "{home}/identity.age")


@dataclass(frozen=True)
class Line:
    """How a command is called here, and what it does to the vault."""

    args: tuple[str, ...] = ()
    writes: bool = False  # each run has a vault of its own
    vault: bool = True  # it looks into the catalogue
    stop: float | None = None  # seconds after which a command without an end is told to stop


def reads(*args: str) -> Line:
    return Line(args)


def writes(*args: str) -> Line:
    return Line(args, writes=True)


def outside(*args: str, writes: bool = False, stop: float | None = None) -> Line:
    return Line(args, vault=False, writes=writes, stop=stop)


TABLE = {
    "demo": outside("--dir", "{home}"),
    "init": outside(
        *("--config", "{new}.toml", "--vault", "{new}", "--identity", "{new}.age", "--no-passphrase"),
        *("--recovery-file", "{new}.txt"),
    ),
    "config check": outside(),
    "config show": outside(),
    "secret check": outside(),
    "secret remove": outside("nosuch"),
    "secret set": outside("nosuch"),
    "source check": outside("zavu-main"),
    "source list": outside(),
    "source new": outside("nosuch/acme.toml"),
    "source try": outside(str(GALLERY / "hookbridge-manifest.toml")),
    "doctor": reads("--offline"),
    "run": writes("--once", "--patience", "0s"),
    "export": writes("zavu-main", *PERIOD),
    "plan": reads(),
    "plan edit": outside("zavu-main-records", "--priority", "1", writes=True),
    "daemon": Line((), writes=True, stop=2),
    "service install": outside("--user"),
    "service status": outside(),
    "coverage": reads(),
    "coverage statement": reads(*PERIOD),
    "reconcile": writes("nosuch", *WITH_KEY),
    "report": reads("--json", *PERIOD),
    "status": reads(),
    "jobs": reads(),
    "jobs retry": writes("{failed}"),
    "jobs show": reads("{job}"),
    "archives": reads(),
    "archives show": reads("{archive}"),
    "log": reads(),
    "notify list": reads(),
    "notify test": outside(),
    "tui": outside(),
    "plan pause": writes("zavu-main"),
    "plan resume": writes("zavu-main"),
    "daemon wake": writes(),
    "jobs cancel": writes("{failed}"),
    "archives re-export": writes("{archive}"),
    "copy run": outside(writes=True),
    "copy status": reads(),
    "copy scrub": outside("nosuch", writes=True),
    "repair": reads(),
    "copy list": outside("{home}"),
    "copy restore": outside("--from", "{home}", "--to", "{new}"),
    "copy rehearse": outside("nosuch", writes=True),
    "copy probe": outside("nosuch", writes=True),
    "fleet": outside("{home}"),
    "copy forget": writes("nosuch", "--reason", "x"),
    "scrub run": writes(),
    "scrub status": reads(),
    "audit": reads(),
    "audit checkpoint": writes(),
    "audit key": outside(),
    "audit log": reads(),
    "audit prove": reads("{archive}"),
    "audit verify": reads(),
    "verify": reads("{archive}", "--content", *WITH_KEY),
    "rebuild": writes("--to", "{new}"),
    "recover": reads(),
    "restore": reads("{archive}", "--to", "{new}", *WITH_KEY),
    "package": writes("--archives", "{archive}", "--to", "{new}", *WITH_KEY),
    "production": writes("--to", "2027-01-01", "--at", "2026-12-01", "--output", "{new}", *WITH_KEY),
    "diff": reads("{archive}", "{other}", *WITH_KEY),
    "search": writes("zavu-main-records", *WITH_KEY),
    "case new": writes("x", *WITH_KEY),
    "case list": reads(*WITH_KEY),
    "case show": reads("nosuch", *WITH_KEY),
    "case add-query": writes("nosuch", "x", *WITH_KEY),
    "case search": writes("nosuch", "1", *WITH_KEY),
    "case note": writes("nosuch", "x", *WITH_KEY),
    "case mark": writes("nosuch", "{archive}/x", "relevant", *WITH_KEY),
    "case hold": writes("nosuch", "1", "--reason", "x", *WITH_KEY),
    "subject request": writes("x", "--identifier", "+4915123456789"),
    "subject list": reads(),
    "subject show": reads("nosuch", *WITH_KEY),
    "subject find": writes("--identifier", "+4915123456789", *WITH_KEY),
    "subject confirm": writes("nosuch", "x y z", *WITH_KEY),
    "subject copy": writes("nosuch", "{new}", *WITH_KEY),
    "subject extend": writes("nosuch", "--reason", "x", *WITH_KEY),
    "subject answer": writes("nosuch", "refused", "--words", "x", *WITH_KEY),
    "subject erase": writes("nosuch", "--ground", "x", *WITH_KEY),
    "records": reads("zavu-main-records", *PERIOD, *WITH_KEY),
    "retention extend": writes("--stream", "zavu-main-records", "--class", "standard", "--reason", "x"),
    "retention plan": reads(),
    "hold list": reads(),
    "hold place": writes("--matter", "another", "--reason", "x", "--everything"),
    "hold release": writes("{hold}", "--reason", "x"),
    "hold show": reads("{hold}"),
    "destroy accept-time": writes("--reason", "x"),
    "destroy approve": writes("nosuch"),
    "destroy carry-out": writes(),
    "destroy certificate": reads("{archive}"),
    "destroy list": reads(),
    "destroy propose": writes(),
    "destroy show": reads("nosuch"),
    "destroy undo": writes("{archive}", "--reason", "x"),
    "erase answer": writes("{erasure}", "refused", "--ground", "x"),
    "erase list": reads(),
    "erase propose": writes("{erasure}"),
    "erase request": writes("--subject", "s", "--ground", "g", "--stream", "zavu-main-records", *PERIOD),
    "key add": writes(AGE, "--proof", "{home}/none"),
    "key change-passphrase": outside(*WITH_KEY),
    "key drill": writes(*WITH_KEY),
    "key export": writes("--archives", "{archive}", "--to", "{new}", *WITH_KEY),
    "key list": reads(),
    "key retire": writes(AGE, "--reason", "x"),
    "key rotate": writes(*WITH_KEY),
    "sandbox": outside(stop=2),
    "index build": writes(*WITH_KEY),
    "index status": reads(),
    "help": outside("archives", "show"),
}
ENDLESS = {"daemon", "sandbox"}


def every_command(command: click.Command = cli, prefix: str = "") -> dict[str, click.Command]:
    """Return each command by its name, as a person types it."""
    if not isinstance(command, click.Group):
        return {prefix: command}
    ctx = click.Context(command)
    found = {prefix: command} if prefix and command.invoke_without_command else {}
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        assert inner is not None
        found |= every_command(inner, f"{prefix} {name}".strip())
    return found


COMMANDS = every_command()
JSON = {name for name, command in COMMANDS.items() if any("--json" in each.opts for each in command.params)}


def test_the_table_names_every_command() -> None:
    assert set(TABLE) == set(COMMANDS)


@pytest.fixture(scope="module")
def base(kept_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A vault with a hold and a request for erasure, which no test changes."""
    copy = Home(tmp_path_factory.mktemp("every") / "home")
    shutil.copytree(kept_home.folder, copy.folder)
    copy.config.write_text(kept_home.config.read_text().replace(str(kept_home.folder), str(copy.folder)))
    copy.config.chmod(0o600)
    return copy


Done = dict[str, dict[str, Any]]  # by the command's name: its code, and what it wrote to out and err


@dataclass
class Crowd:
    """Runs every command in one way or another."""

    home: Home
    ids: dict[str, str]
    environment: dict[str, str]
    folder: Path

    def tasks(self, where: str, names: Iterable[str], *more: str, **how: Any) -> list[dict[str, Any]]:
        """Return what the driver is to run."""
        found = []
        for name in names:
            line = TABLE[name]
            args = [each.format(home="{home}", new="{new}", **self.ids) for each in line.args]
            found.append(
                {
                    "args": ["--config", "{home}/strongroom.toml", *name.split(), *args, *more],
                    "home": str(self.home.folder),
                    "copy": line.writes and not how.get("locked"),
                    "place": str(self.folder / f"{where}-{name}"),
                    "stop": line.stop,
                    "where": where,
                    "name": name,
                    "closed": [],
                    "gone": False,
                    **how,
                }
            )
        return found

    def run(self, tasks: list[dict[str, Any]], **env: str) -> dict[str, Done]:
        """Run them in one driver; return what came of each by where and by command."""
        done = subprocess.run(
            command("many_commands"),
            input=json.dumps(tasks),
            env={**self.environment, "HOME": str(self.folder), **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Done] = {}
        for task, each in zip(tasks, json.loads(done.stdout), strict=True):
            found.setdefault(task["where"], {})[task["name"]] = each
            assert each["code"] in (0, 1, 2, 3, 4, 5, 6, 7, 75, 130), (task, each)
            assert "Traceback" not in each["err"], (task, each)
        return found


@pytest.fixture(scope="module")
def crowd(base: Home, tmp_path_factory: pytest.TempPathFactory) -> Crowd:
    def ask(*args: str) -> Any:
        from click.testing import CliRunner

        done = CliRunner().invoke(cli, ["--config", str(base.config), *args, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    hold = ask("hold", "place", "--matter", "m\u00fcller", "--reason", "x", "--everything")
    erasure = ask(*("erase", "request", "--subject", "s", "--ground", "g", "--stream", "zavu-main-records", *PERIOD))
    jobs = ask("jobs")["jobs"]
    archives = [each["id"] for each in ask("archives")["archives"] if each["holding"] == "held"]
    kept = {name: os.environ[name] for name in ("PATH", credential_leaks.VARIABLE) if name in os.environ}
    roots = [str(Path(__file__).parents[2] / root) for root in ("agent", "tui", "tests")]
    environment = {**kept, "PYTHONPATH": os.pathsep.join(roots), "TERM": "dumb", "COLUMNS": "80", "LANG": "C.UTF-8"}
    ids = {
        "hold": str(hold.get("id")),
        "erasure": str(erasure.get("id")),
        "job": jobs[0]["id"],
        "failed": next(each["id"] for each in jobs if each["state"] == "failed"),
        "archive": archives[0],
        "other": archives[1],
    }
    return Crowd(base, ids, environment, tmp_path_factory.mktemp("crowd"))


CLOSED = "standard output is closed"


@pytest.fixture(scope="module")
def done(crowd: Crowd) -> dict[str, Done]:
    """What each command does as usual, with a closed output, and on a locked catalogue."""
    tasks = crowd.tasks("usual", TABLE)
    tasks += crowd.tasks("closed", TABLE, closed=[1])
    tasks += crowd.tasks("document", sorted(JSON), "--json", closed=[1])
    tasks += crowd.tasks("locked", (name for name, line in TABLE.items() if line.vault), locked=True)
    return crowd.run(tasks)


def shape(text: str) -> str:
    """Return what is printed without what differs from run to run."""
    short = r"\b[0-9a-hjkmnp-tv-z]{8}\b|\b(?=[a-z]*[0-9])[0-9a-z]{6,26}\b"  # one short ID in twenty has no digit
    ids = rf"(?m)[A-Za-z0-9+/]{{20,}}=*|age1\w+|[0-9a-f]{{40,}}|{short}"
    return re.sub(rf"{ids}|[\d.,]+|/\S+| +", " ", text)


@pytest.mark.slow
def test_each_command_does_its_work_here(done: dict[str, Done]) -> None:
    for name, each in done["usual"].items():
        told = each["code"] in (0, 1) or "error: " in each["err"] or name in ENDLESS
        assert told or (name, each["code"]) == ("source check", 3), (name, each)
    refused = {name: each["code"] for name, each in done["usual"].items() if each["code"] not in (0, 1)}
    assert len(done["usual"]) - len(refused) > 50, refused


@pytest.mark.slow
def test_closed_standard_output(done: dict[str, Done]) -> None:
    """Work is done without it, and what was printed is never lost without a word and an exit code."""
    for name, each in done["closed"].items():
        usual = done["usual"][name]
        if not usual["out"]:
            assert (each["code"], shape(each["err"])) == (usual["code"], shape(usual["err"])), (name, each)
        else:
            assert (each["code"], CLOSED in each["err"]) == (usual["code"] or 6, True), (name, each)
    for name, each in done["document"].items():
        assert (each["code"], CLOSED in each["err"]) == (6, True), (name, each)


@pytest.mark.slow
def test_nothing_closed_or_gone_or_plain_changes_what_is_printed(crowd: Crowd, done: dict[str, Done]) -> None:
    """Without standard input and error, in a working directory that was removed, in a locale without UTF-8."""
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    for name, each in crowd.run(crowd.tasks("plain", TABLE, closed=[0, 2], gone=True), **plain)["plain"].items():
        usual = done["usual"][name]
        assert (each["code"], shape(each["out"])) == (usual["code"], shape(usual["out"])), (name, each)


@pytest.mark.slow
def test_a_catalogue_that_another_program_locks(done: dict[str, Done]) -> None:
    for name, each in done["locked"].items():
        usual = done["usual"][name]["code"]
        if name == "doctor":
            assert "locked" in each["out"], each
        elif usual == 2 or name == "rebuild":  # refused before it is opened; or made anew beside it
            assert each["code"] in (usual, 5), (name, each)
        else:
            assert each["code"] == 5, (name, each)
            assert "locked" in each["err"] or "in use" in each["err"], (name, each)


@pytest.mark.slow
def test_a_shell_closes_as_the_driver_does(crowd: Crowd, done: dict[str, Done]) -> None:
    program = [sys.executable, "-m", "strongroom", "--config", str(crowd.home.config)]
    for closing, name, more, code in (
        (">&-", "archives", ("--json",), 6),
        ("<&- 2>&-", "config check", (), done["usual"]["config check"]["code"]),
        (">&-", "status", (), done["usual"]["status"]["code"] or 6),
        (">&-", "log", ("--json",), 6),
        ("<&- >&- 2>&-", "jobs", (), done["usual"]["jobs"]["code"] or 6),
        (">/dev/full", "jobs", (), 6),
        (">/dev/full", "jobs", ("--json",), 6),
        (">/dev/full 2>&1", "jobs", (), 6),
        ("2>/dev/full", "nosuch", (), 2),
    ):
        script = ["sh", "-c", f'"$@" {closing}', "sh", *program, *name.split(), *more]
        ended = subprocess.run(script, env=crowd.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == code, (closing, name, ended.stderr)
        assert ("Traceback" in ended.stderr, "Exception ignored" in ended.stderr) == (False, False)
        if closing == ">&-":
            assert CLOSED in ended.stderr
        if closing == ">/dev/full":
            assert "standard output cannot be written: No space left on device" in ended.stderr
