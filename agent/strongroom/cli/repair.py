"""`strongroom repair`: what is damaged in the vault or in a copy is written again from the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import hang, put_document, quiet_option
from strongroom.cli.terminal import clean, report, say_lines, width
from strongroom.model.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.engine.repair.copy_repair import Repair, RepairReport, RepairStep


@click.command("repair")
@click.option(
    "--apply",
    "apply",
    is_flag=True,
    help="Carry out the plan. Without this option, the plan is shown and nothing is changed.",
)
@click.option("--deep", is_flag=True, help="Read every file of the vault first, not only what scrubs have found.")
@quiet_option
@json_option
@pass_session
def repair(session: Session, apply: bool, deep: bool, as_json: bool) -> int:
    """Repair damaged files of the vault from a copy, and damaged objects of a copy from the vault.

    A file is used only if its digest agrees with manifest and log. A damaged file of the vault moves to quarantine, and
    every repair is logged. Needs no identity. Exits with 1 while anything is left to repair.
    """
    from strongroom.engine.copies.copying import CopyContext
    from strongroom.engine.copies.targets import targets_of
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.repair.copy_repair import apply_repair, open_repair, plan_repair

    config = session.config()
    with open_reading(config) as vault:
        order = open_repair(CopyContext(vault, system_clock), targets_of(config, vault))
        steps = plan_repair(order, deep=deep)
        done = apply_repair(order, steps) if apply else None
    if as_json:
        put_document(_document(order, steps, done))
    else:
        _show(order, steps, done)
    left = [each for each in steps if done is None or each not in done.done]
    return ExitCode.FINDINGS if left or order.away else ExitCode.OK


def _document(order: Repair, steps: Sequence[RepairStep], done: RepairReport | None) -> dict[str, object]:
    return {
        "steps": [
            {"where": each.where, "file": each.file, "archive": each.archive or None, "source": each.source or None}
            for each in steps
        ],
        "done": len(done.done) if done else 0,
        "lost": [f"{each.file} of {each.where}" for each in steps if each.lost],
        "failed": list(done.failed) if done else [],
        "away": list(order.away),
    }


def _show(order: Repair, steps: Sequence[RepairStep], done: RepairReport | None) -> None:
    for words in order.away:
        say_lines(hang("away: ", 6, clean(words), width()))
    for each in steps:
        finished = done is not None and each in done.done
        start = "lost: " if each.lost else "repaired: " if finished else "damaged: "
        source = "damaged or missing in every copy that could be read" if each.lost else f"from {each.source}"
        say_lines(hang(start, 4, clean(f"{each.file} of {each.where}: {source}"), width()))
    for words in done.failed if done else ():
        say_lines(hang("failed: ", 4, clean(words), width()))
    if not steps:
        report("Nothing damaged is known. To read every file of the vault first: strongroom repair --deep")
    elif done is None:
        report("Nothing was changed. To repair it: strongroom repair --apply")
