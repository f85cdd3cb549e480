"""Help costs nothing and tells the truth."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from kit.cli_home import Invoke
from strongroom.cli.main import SECTIONS, cli

HEAVY = {"textual", "httpx", "rich", "sqlite3", "cryptography", "uvicorn", "msgspec", "humanize", "simdjson"}
COMMANDS = [name for places in SECTIONS.values() for name in places]


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["jbos"], []])
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
