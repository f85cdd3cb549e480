"""How a check is shown, wherever one is made: its verdict, its name, what was found and what to do about it.

`strongroom doctor`: what a careful operator would look at, each thing with what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import hang, put_document
from strongroom.cli.quiet import quiet_option
from strongroom.cli.terminal import paint, say, width
from strongroom.model.errors import ExitCode
from strongroom.text.states import CHECKS

if TYPE_CHECKING:
    from strongroom.engine.core.check import Check


def show_check(check: Check, label: int) -> None:
    """Say what a check found; its name takes `label` cells, so that several stand in columns."""
    mark = CHECKS[check.verdict]
    start = f"{paint(f'{mark.word:<7}', mark)} {check.name:<{label}} "
    for line in hang(start, label + 9, check.message, width()):
        say(line)
    if check.hint:
        for line in hang(" " * (label + 9) + "-> ", label + 12, check.hint, width()):
            say(line)


def check_document(check: Check) -> dict[str, object]:
    """Return a check as JSON tells it."""
    return {"name": check.name, "verdict": check.verdict.value, "message": check.message, "hint": check.hint}


_LABEL = 22


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Contact no provider.")
@quiet_option
@json_option
@pass_session
def doctor(session: Session, offline: bool, as_json: bool) -> int:
    """Check the setup: configuration, permissions, disk, clock, keys and providers. Repairs nothing.

    If a provider says how long it keeps records, that is stored for `plan` and `coverage`. Exits with 1 if a check
    fails; warnings do not count.
    """
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.monitor.doctor import CheckResult, examine

    checks = []
    for check in examine(session.config(), Dependencies(), offline=offline):
        checks.append(check)
        if not as_json:
            show_check(check, _LABEL)
    healthy = all(check.verdict is not CheckResult.FAIL for check in checks)
    if as_json:
        put_document({"healthy": healthy, "checks": [check_document(check) for check in checks]})
    return ExitCode.OK if healthy else ExitCode.FINDINGS
