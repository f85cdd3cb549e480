"""How a check is shown, wherever one is made: its verdict, its name, what was found and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.table import hang
from strongroom.cli.terminal import say, width

if TYPE_CHECKING:
    from strongroom.engine.health.check import Check

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def show_check(check: Check, label: int) -> None:
    """Say what a check found; its name takes `label` cells, so that several stand in columns."""
    verdict = click.style(f"{check.verdict:<5}", fg=_COLOURS[check.verdict], bold=True)
    for line in hang(f"{verdict} {check.name:<{label}} ", label + 7, check.message, width()):
        say(line)
    if check.hint:
        for line in hang(" " * (label + 7) + "-> ", label + 10, check.hint, width()):
            say(line)


def check_document(check: Check) -> dict[str, object]:
    """Return a check as JSON tells it."""
    return {"name": check.name, "verdict": check.verdict.value, "message": check.message, "hint": check.hint}
