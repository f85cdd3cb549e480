"""docs/commands.md tells every command, each with an example that the program takes, and the fields that it prints."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from kit.cli_home import Home, Invoke
from strongroom.cli.main import cli

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
SECTIONS = dict(re.findall(r"^### `strongroom ([a-z -]+)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
EXAMPLES = [
    (name, line) for name, text in SECTIONS.items() for line in re.findall(r"^    strongroom (.*)$", text, re.M)
]
READING = [["status"], ["jobs"], ["archives"], ["log"], ["verify"], ["doctor", "--offline"], ["config", "check"]]


def names_of(command: click.Command, prefix: str = "") -> set[str]:
    with click.Context(command) as ctx:
        if not isinstance(command, click.Group):
            return {prefix}
        own = {prefix} if prefix and command.invoke_without_command else set()
        found = [(name, command.get_command(ctx, name)) for name in command.list_commands(ctx)]
        return own.union(*(names_of(each, f"{prefix} {name}".strip()) for name, each in found if each is not None))


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    assert set(SECTIONS) == names_of(cli)


def test_every_command_has_one_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(SECTIONS)


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_the_program_takes_every_example(name: str, line: str) -> None:
    command: click.Command | None = cli
    ctx, args, path = None, shlex.split(line), []
    while command is not None:
        ctx = click.Context(command, parent=ctx, info_name=command.name, **command.context_settings)
        rest = click.Command.parse_args(command, ctx, args)
        if not isinstance(command, click.Group) or not rest:
            break
        _, command, args = command.resolve_command(ctx, rest)
        path.append(rest[0])
    assert " ".join(path) == name


@pytest.mark.parametrize("args", READING)
def test_every_field_that_is_printed_is_told(args: list[str], home: Home, invoke: Invoke) -> None:
    name = " ".join(arg for arg in args if not arg.startswith("-"))
    document = json.loads(invoke("--config", home.config, *args, "--json").stdout)
    fields = set(document)
    for value in document.values():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            fields |= set(value[0])
    assert {field for field in fields if f"`{field}`" not in SECTIONS[name]} == set()


@pytest.mark.parametrize("what", ["jobs", "archives"])
def test_every_field_of_one_is_told(what: str, home: Home, invoke: Invoke) -> None:
    whole = json.loads(invoke("--config", home.config, what, "--json").stdout)[what][0]["id"]
    document = json.loads(invoke("--config", home.config, what, "show", whole, "--json").stdout)
    assert {field for field in document if f"`{field}`" not in SECTIONS[f"{what} show"]} == set()
