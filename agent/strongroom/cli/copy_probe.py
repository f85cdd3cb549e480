"""`strongroom copy probe`: whether the object locks of a bucket can be relied on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from strongroom.cli.copy_check import with_each_copy
from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import hang, put_document, quiet_option
from strongroom.cli.terminal import clean, say, say_lines, width
from strongroom.model.errors import ExitCode
from strongroom.model.locks import LockFinding, LockMode
from strongroom.model.text import counted

if TYPE_CHECKING:
    from strongroom.engine.copies.targets import CopyTarget
    from strongroom.engine.queries.lists import Vault


@click.command("probe")
@click.argument("name")
@click.option(
    "--lock", "mode", type=click.Choice([each.value for each in LockMode]), default=LockMode.COMPLIANCE.value,
    show_default=True, help="Which kind of object lock to test.",
)  # fmt: skip
@quiet_option
@json_option
@pass_session
def probe(session: Session, name: str, mode: str, as_json: bool) -> int:
    """Test the object locks of a bucket: try to remove, replace and unlock objects that are created for this test.

    Run it before you rely on a server's locks. It locks about ten objects of a few bytes for an hour; a later probe
    removes them. The copy is not touched, and Strongroom itself sets no locks. Exits with 1 if a check fails, and with
    6 if the server cannot be reached.
    """
    from strongroom.engine.copies.lock_probing import probe_locks
    from strongroom.engine.core.sources import system_clock

    def act(vault: Vault, target: CopyTarget) -> list[LockFinding]:
        return probe_locks(vault, target, LockMode(mode), system_clock, os.urandom)

    done, code = with_each_copy(session.config(), (name,), act)
    if as_json:
        put_document({"copies": [_document(copy, mode, found) for copy, found in done.items()]})
    else:
        for copy, found in done.items():
            _show(copy, mode, found)
    return code or (ExitCode.FINDINGS if any(done.values()) else ExitCode.OK)


def _document(copy: str, mode: str, found: list[LockFinding]) -> dict[str, object]:
    findings = [{"check": each.check, "message": each.message} for each in found]
    return {"copy": copy, "lock": mode, "findings": findings}


def _show(copy: str, mode: str, found: list[LockFinding]) -> None:
    passed = f"the server keeps {mode} locks, as far as a probe can show"
    failed = f"do not rely on {mode} locks of this server: {counted(len(found), 'check')} failed"
    say(f"{copy}: {failed if found else passed}")
    for each in found:
        say_lines(hang(f"  {each.check}: ", 4, clean(each.message), width()))
