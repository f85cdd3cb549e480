"""`strongroom doctor`: what a careful operator would look at, each thing with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.json_output import put_document
from strongroom.cli.options import json_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.table import hang
from strongroom.cli.terminal import say, width
from strongroom.model.errors import ExitCode

if TYPE_CHECKING:
    from strongroom.engine.doctor import Check

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_LABEL = 22


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Ask no provider.")
@json_option
@pass_session
def doctor(session: Session, offline: bool, as_json: bool) -> int:
    """Check configuration, permissions, disk, clock, keys and reachability. Changes nothing.

    Leaves with 1 when a check fails; warnings do not count.
    """
    from strongroom.engine.assembly import Doors
    from strongroom.engine.doctor import Verdict, examine

    checks = []
    for check in examine(session.config(), Doors(), offline=offline):
        checks.append(check)
        if not as_json:
            _show(check)
    healthy = all(check.verdict is not Verdict.FAIL for check in checks)
    if as_json:
        put_document({"healthy": healthy, "checks": [_document(check) for check in checks]})
    return ExitCode.OK if healthy else ExitCode.FINDINGS


def _show(check: Check) -> None:
    verdict = click.style(f"{check.verdict:<5}", fg=_COLOURS[check.verdict], bold=True)
    for line in hang(f"{verdict} {check.name:<{_LABEL}} ", _LABEL + 7, check.message, width()):
        say(line)
    if check.hint:
        for line in hang(" " * (_LABEL + 7) + "-> ", _LABEL + 10, check.hint, width()):
            say(line)


def _document(check: Check) -> dict[str, object]:
    return {"name": check.name, "verdict": check.verdict.value, "message": check.message, "hint": check.hint}
