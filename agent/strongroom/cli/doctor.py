"""`strongroom doctor`: what a careful operator would look at, each thing with what to do about it."""

from __future__ import annotations

import click

from strongroom.cli.checks import check_document, show_check
from strongroom.cli.json_output import put_document
from strongroom.cli.options import json_option
from strongroom.cli.quiet import quiet_option
from strongroom.cli.session import Session, pass_session
from strongroom.model.errors import ExitCode

_LABEL = 22


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Ask no provider.")
@quiet_option
@json_option
@pass_session
def doctor(session: Session, offline: bool, as_json: bool) -> int:
    """Check configuration, permissions, disk, clock, keys and reachability. Repairs nothing.

    What a provider tells of how long it keeps records is stored, so that plan and coverage know it.

    Leaves with 1 when a check fails; warnings do not count.
    """
    from strongroom.engine.assembly import Doors
    from strongroom.engine.health.doctor import Verdict, examine

    checks = []
    for check in examine(session.config(), Doors(), offline=offline):
        checks.append(check)
        if not as_json:
            show_check(check, _LABEL)
    healthy = all(check.verdict is not Verdict.FAIL for check in checks)
    if as_json:
        put_document({"healthy": healthy, "checks": [check_document(check) for check in checks]})
    return ExitCode.OK if healthy else ExitCode.FINDINGS
