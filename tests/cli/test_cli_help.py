"""Help costs nothing and tells the truth."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import strongroom
from kit.cli_home import Home, Invoke
from strongroom.cli.help import find_context
from strongroom.cli.main import FIRST, RENAMED, SECTIONS, cli
from strongroom.vault.schema import SCHEMA

HEAVY = {"textual", "httpx", "rich", "sqlite3", "cryptography", "uvicorn", "humanize", "simdjson"}
COMMANDS = [name for places in SECTIONS.values() for name in places]


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["jbos"], ["help"], []])
def test_a_fresh_interpreter_loads_nothing_heavy(args: list[str], environment: dict[str, str]) -> None:
    program = (
        "import sys\n"
        "from strongroom.cli.main import cli\n"
        f"try: cli.main({args!r})\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    loaded = set(done.stderr.splitlines()[-1].removeprefix("LOADED ").split())
    assert "click" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_helps(name: str, invoke: Invoke) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert "Usage: strongroom" in result.stdout
    assert result.stderr == ""
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []


def test_the_overview_has_every_command_with_its_line(invoke: Invoke) -> None:
    shown = invoke("--help").stdout
    for places in SECTIONS.values():
        for name, place in places.items():
            assert f"  {name} " in shown
            assert place.help[:40] in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_called_what_the_overview_calls_it(name: str) -> None:
    with click.Context(cli) as ctx:
        command = cli.get_command(ctx, name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_a_mistyped_command_gets_a_suggestion(invoke: Invoke) -> None:
    result = invoke("archive")
    assert result.exit_code == 2
    assert "did you mean 'archives'?" in result.stderr
    assert result.stdout == ""


def test_an_unknown_option_is_a_usage_error_with_a_way_on(invoke: Invoke) -> None:
    result = invoke("run", "--twice")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "hint: see: strongroom run --help" in result.stderr


def test_no_command_shows_the_overview_and_is_a_usage_error(invoke: Invoke) -> None:
    result = invoke()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Usage: strongroom" in result.stderr


def test_the_module_runs_too(environment: dict[str, str]) -> None:
    args = [sys.executable, "-m", "strongroom", "--version"]
    done = subprocess.run(args, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("strongroom ")


def test_the_overview_begins_with_a_dozen_commands_to_learn(invoke: Invoke) -> None:
    assert len(FIRST) <= 12
    assert set(FIRST) <= set(COMMANDS)
    assert re.search("Learn these first:\n  init, doctor, run,", invoke("--help").stdout)


@pytest.mark.parametrize("words", [(), ("status",), ("archives", "show"), ("daemon", "wake")])
def test_help_is_the_same_as_the_option(words: tuple[str, ...], invoke: Invoke) -> None:
    shown = invoke("help", *words)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout == invoke(*words, "--help").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("archive",), "did you mean 'archives'?"),
        (("archives", "shwo"), "No such command 'shwo'"),
        (("status", "more"), "`strongroom status` has no command 'more'"),
    ],
)
def test_help_of_what_does_not_exist_is_refused(words: tuple[str, ...], told: str, invoke: Invoke) -> None:
    result = invoke("help", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


@pytest.mark.parametrize("old", RENAMED)
def test_a_former_name_is_the_same_command_with_a_note(old: str, invoke: Invoke) -> None:
    new = " ".join(RENAMED[old])
    assert old not in COMMANDS
    assert not re.search(rf"^  {old} ", invoke("--help").stdout, re.MULTILINE)
    with click.Context(cli, info_name="strongroom") as ctx:
        assert cli.get_command(ctx, old) is find_context(ctx, RENAMED[old]).command
    shown = invoke(old, "--help")
    assert (shown.exit_code, shown.stdout) == (0, invoke(*RENAMED[old], "--help").stdout)
    assert shown.stderr == f"note: `strongroom {old}` is now `strongroom {new}`; the next version drops the old name\n"


def test_a_former_name_gives_the_same_document(own_home: Home, invoke: Invoke) -> None:
    old = invoke("--config", own_home.config, "cancel", "nosuchjob", "--json")
    new = invoke("--config", own_home.config, "jobs", "cancel", "nosuchjob", "--json")
    assert (old.exit_code, old.stdout) == (new.exit_code, new.stdout)
    assert old.exit_code == 2
    assert old.stderr.splitlines()[1:] == new.stderr.splitlines()


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("man") / "strongroom.1"
    path.write_text(CliRunner().invoke(cli, ["help", "--man"]).stdout)
    return path


@pytest.mark.parametrize("words", [("package",), ("restore", "ID"), ("key", "export"), ("rebuild",)])
def test_where_a_command_writes_has_one_name_and_a_former_one(words: tuple[str, ...], invoke: Invoke) -> None:
    assert "--output" in invoke(*words, "--help").stdout
    assert "--to " not in invoke(*words, "--help").stdout
    told = [invoke(*words, option, "", "--plan", "--json").stderr for option in ("--output", "--to")]
    assert told[0] == told[1]
    assert "--plan" in told[0]


def test_the_manual_page_in_the_repository_is_the_one_that_the_program_prints(manual: Path) -> None:
    stored = Path(__file__).parents[2] / "packaging" / "man" / "strongroom.1"
    assert manual.read_text() == stored.read_text(), "write it again: make man"


def test_the_manual_page_has_every_command_with_its_options(manual: Path) -> None:
    page = manual.read_text()
    assert page.isascii()
    plain = page.replace("\\-", "-")
    assert set(COMMANDS) <= set(re.findall(r"^\.SS strongroom ([a-z-]+)$", plain, re.MULTILINE))
    assert {"archives re-export", "plan pause", "daemon wake"} <= set(
        re.findall(r"^\.SS strongroom (.+)$", plain, re.M)
    )
    assert not [old for old in RENAMED if f".SS strongroom {old}\n" in plain]
    for option in ("--as-delivered", "--settled-pass", "--quiet"):
        assert f"\\fB{option}" in plain or f", {option}" in plain


@pytest.mark.skipif(shutil.which("man") is None, reason="this machine has no man")
def test_the_manual_page_renders_without_a_warning(manual: Path, environment: dict[str, str]) -> None:
    env = {**environment, "MANWIDTH": "80", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
    args = ["man", "--warnings", "--local-file", str(manual)]
    shown = subprocess.run(args, env=env, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    text = re.sub(r".\x08", "", shown.stdout)
    assert "strongroom archives re-export [OPTIONS] ARCHIVE|JOB" in text
    assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("args", [("--version", "--json"), ("--json", "--version")])
def test_the_version_as_json_says_what_a_report_of_a_fault_needs(args: tuple[str, ...], invoke: Invoke) -> None:
    result = invoke(*args)
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["version"] == strongroom.__version__
    assert document["python"] == sys.version.split()[0]
    assert document["sqlite"] == sqlite3.sqlite_version
    assert document["formats"] == {"catalogue": SCHEMA, "search segment": 1, "sealing": "age-encryption.org/v1"}
    assert document["libraries"]["cryptography"]
    vectors = document["age_vectors"]
    assert (vectors["passed"], vectors["failed"]) == (vectors["run"], [])
    assert vectors["run"] > 80


def test_json_before_a_command_is_refused_in_words(invoke: Invoke) -> None:
    result = invoke("--json", "status")
    assert result.exit_code == 2
    assert "put --json after the command" in result.stderr
