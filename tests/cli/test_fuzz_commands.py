"""Whatever is typed, whatever the environment says and whatever a row holds: a command ends in words, never with 70."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from kit.cli_home import Home
from kit.hostile_input import NUMBERS, SEED, TEXTS, TIMES, WORDS, Faults, rounds, run_program
from strongroom.cli.main import cli

ENDLESS = {("daemon",), ("tui",), ("demo",), ("service", "install"), ("sandbox",)}  # what they do is for other tests
SANE = {
    "--from": "2026-11-01", "--to": "2026-11-05", "source": "zavu-main", "stream": "zavu-main-records",
    "--stream": "zavu-main-records", "--reason": "suit", "--matter": "Doe", "--patience": "1s",
}  # fmt: skip


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that lead to it."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands(found, (*path, name))
    if path and path not in ENDLESS:
        yield path, command


COMMANDS = list(commands(cli))


def arguments(path: tuple[str, ...], command: click.Command, ids: list[str], random_bytes: random.Random) -> list[str]:
    """Return a command line: what is required, some of the rest, and one to three values that are nonsense."""
    wanted = [each for each in command.params if each.name != "help" and _is_wanted(each, random_bytes)]
    spoilt = set(random_bytes.sample(range(len(wanted)), min(len(wanted), random_bytes.choice((1, 1, 1, 2, 3)))))
    options, rest = [], []
    for number, each in enumerate(wanted):
        if getattr(each, "is_flag", False):
            options.append(each.opts[0])
            continue
        name = each.opts[0]
        sane = random_bytes.choice(ids) if "archive" in name or name.endswith("_id") else SANE.get(name, "a")
        value = random_bytes.choice(nonsense(each)) if number in spoilt else sane
        if isinstance(each, click.Argument):
            rest.append(value)
        else:
            options.extend(random_bytes.choice(([name, value], [f"{name}={value}"])))
    return [*path, *options, *(["--", *rest] if rest and random_bytes.random() < 0.7 else rest)]


def _is_wanted(each: click.Parameter, random_bytes: random.Random) -> bool:
    return each.required or each.opts[0] in ("--patience", "--once") or random_bytes.random() < 0.4


def nonsense(each: click.Parameter) -> tuple[str, ...]:
    if isinstance(each.type, click.types.IntParamType):
        return NUMBERS
    if each.opts[0] in ("--from", "--to", "--at", "--since"):
        return (*TIMES, *TIMES, *WORDS)
    if each.opts[0] == "--patience":  # a long one is no nonsense: the command would wait
        return tuple(text for text in TEXTS if not _is_taken(each, text))
    return TEXTS


def _is_taken(each: click.Parameter, text: str) -> bool:
    try:
        each.type.convert(text, each, None)
    except click.BadParameter:
        return False
    return True


@pytest.fixture(autouse=True)
def _aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is written by a relative path is written here."""
    (tmp_path / "aside").mkdir()
    monkeypatch.chdir(tmp_path / "aside")
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "aside"))


ENDS = ("9999-12-31", "0001-01-01", ".", "/", "..", "")
"""The first and the last day of the calendar, and paths without a name of their own."""


@pytest.mark.slow
def test_no_option_takes_the_end_of_the_calendar_or_a_path_without_a_name(own_home: Home) -> None:
    ids, found = own_home.archives(), Faults()
    for path, command in COMMANDS:
        for each in (each for each in command.params if _takes_words(each)):
            for end in ENDS:
                words = _only(path, command, each, end, ids[0])
                found.add(words, run_program("--config", own_home.config, *words))
    assert not found, found


def _takes_words(each: click.Parameter) -> bool:
    return not (
        getattr(each, "is_flag", False) or each.name == "help" or isinstance(each.type, click.types.IntParamType)
    )


def _only(path: tuple[str, ...], command: click.Command, tried: click.Parameter, value: str, archive: str) -> list[str]:
    """Return a command line with this value, and sane ones for what is required besides."""
    options, rest = [], []
    for each in (each for each in command.params if each is tried or each.required):
        name = each.opts[0]
        sane = archive if "archive" in name or name.endswith("_id") else SANE.get(name, "a")
        words = value if each is tried else sane
        if isinstance(each, click.Argument):
            rest.append(words)
        else:
            options.append(f"{name}={words}")
    return [*path, *options, "--", *rest]


@pytest.mark.slow
def test_whatever_is_typed_a_command_ends_in_words(own_home: Home) -> None:
    random_bytes, ids, found = random.Random(f"{SEED} arguments"), own_home.archives(), Faults()
    for number in rounds(4):
        path, command = COMMANDS[number % len(COMMANDS)]
        words = arguments(path, command, ids, random_bytes)
        found.add(words, run_program("--config", own_home.config, *words))
    assert not found, found
