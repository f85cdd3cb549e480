"""`strongroom recover`: what is wrong with a vault, what would be done about it, and doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.json_output import put_document
from strongroom.cli.options import json_option
from strongroom.cli.quiet import quiet_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.table import hang
from strongroom.cli.terminal import say, tell, width
from strongroom.model.errors import ExitCode

if TYPE_CHECKING:
    from strongroom.engine.recovery.recovery import Recovery
    from strongroom.engine.recovery.trouble import Trouble


@click.command("recover")
@click.option("--apply", "mend", is_flag=True, help="Do what can be done, after asking nothing more.")
@click.option("--deep", is_flag=True, help="Read every sealed byte, not only sizes and what scrubs have found.")
@click.option(
    "--vault",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="PATH",
    help="The vault, where there is no configuration yet: after an interrupted init.",
)
@click.option(
    "--accept-lost-history",
    "accepted",
    metavar="WHY",
    help="Write into the log that you know that the history is lost, and have placed the legal holds again.",
)
@quiet_option
@json_option
@pass_session
def recover(session: Session, mend: bool, deep: bool, root: Path | None, accepted: str | None, as_json: bool) -> int:
    """Find out what is wrong with the vault and say what would be done; do it with --apply.

    Nothing is ever deleted: what is damaged goes to quarantine, an older catalogue or an unfinished vault is moved
    aside, and each act is in the log. Needs no identity. Leaves with 1 while anything is left.
    """
    from strongroom.engine.recovery.diagnosis import diagnose
    from strongroom.engine.recovery.mending import apply

    if accepted is not None:
        _accept(session, accepted)
    recovery = _recovery(session, root, deep=deep)
    done: tuple[str, ...] = ()
    if mend:
        mended = apply(recovery)
        done, found = mended.done, list(mended.left)
    else:
        found = diagnose(recovery.root, deep=deep, configured=recovery.configured)
    if as_json:
        put_document({"sound": not found, "done": list(done), "troubles": [_document(each) for each in found]})
    else:
        _say(done, found, mend=mend)
    return ExitCode.FINDINGS if found else ExitCode.OK


def _accept(session: Session, reason: str) -> None:
    from strongroom.engine.assembly import open_reading, system_clock
    from strongroom.engine.people import acting_person
    from strongroom.engine.recovery.history import accept_lost_history

    with open_reading(session.config()) as vault:
        accept_lost_history(vault, acting_person().token, reason, system_clock)


def _recovery(session: Session, root: Path | None, *, deep: bool) -> Recovery:
    import os

    from strongroom.engine.assembly import system_clock
    from strongroom.engine.recovery.recovery import Recovery

    if root is not None:
        return Recovery(root.absolute(), system_clock, os.urandom, deep=deep, configured=False)
    config = session.config()
    streams = {stream.name: stream.plan().stream for stream in config.streams}
    return Recovery(config.vault.path, system_clock, os.urandom, streams, deep=deep)


def _say(done: tuple[str, ...], found: list[Trouble], *, mend: bool) -> None:
    for each in done:
        for line in hang("done: ", 6, each, width()):
            say(line)
    for trouble in found:
        for line in hang(f"{click.style(trouble.kind.value, bold=True)}: ", 4, trouble.words, width()):
            say(line)
        for line in hang("    -> ", 7, f"{trouble.remedy} ({trouble.page})", width()):
            say(line)
    if not found:
        tell(
            "Nothing is left to mend." if mend else "Nothing is wrong that can be seen. With --deep every byte is read."
        )
    elif not mend and any(each.mendable for each in found):
        tell("Nothing was changed. To have it done: strongroom recover --apply")


def _document(trouble: Trouble) -> dict[str, object]:
    return {
        "kind": trouble.kind.value,
        "words": trouble.words,
        "remedy": trouble.remedy,
        "mendable": trouble.mendable,
        "archive": trouble.archive or None,
        "files": list(trouble.files),
        "page": trouble.page,
    }
