"""`strongroom reconcile`: compare two streams by the ids in their records."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session, identity_option, instant, json_option, pass_session, passphrase_option
from strongroom.cli.output import TextColumn, put_document, render_table
from strongroom.cli.report import named_window
from strongroom.cli.terminal import clean, counting, report, say, say_lines, width
from strongroom.config.problem import suggest
from strongroom.model.errors import ExitCode, UsageError
from strongroom.model.text import counted
from strongroom.text.units import number, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from strongroom.config.reconcile import ReconcileSettings
    from strongroom.config.schema import Config
    from strongroom.engine.access.reconcile import ReconcileProgress, ReconcileResult
    from strongroom.model.reconciliation import ReconciledDay

_DAYS = (
    TextColumn("DAY"),
    TextColumn("LEFT", right=True),
    TextColumn("RIGHT", right=True),
    TextColumn("LEFT ONLY", right=True),
    TextColumn("RIGHT ONLY", right=True),
    TextColumn("UNDECIDED", right=True),
)


@click.command("reconcile")
@click.argument("name", metavar="[NAME]", required=False, default="")
@click.option("--period", default="", metavar="PERIOD", help="As in `strongroom report`; by default last-month.")
@click.option("--from", "start", type=instant, metavar="TIME", help="Instead of --period: the first instant.")
@click.option("--to", "end", type=instant, metavar="TIME", help="With --from: the end; not included.")
@click.option("--ids", is_flag=True, help="Print each id that is in one stream only.")
@identity_option
@passphrase_option
@json_option
@pass_session
def reconcile(
    session: Session,
    name: str,
    period: str,
    start: datetime | None,
    end: datetime | None,
    ids: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Compare two streams that [[reconcile]] names: which ids are in one of them only, day by day.

    An id counts as missing only where the other stream is archived; otherwise it is undecided. Needs your identity. The
    log and later reports get only the counts. Exits with 1 if an id is in one stream only, or if an archive cannot be
    read.
    """
    from strongroom.engine.access.reconcile import ReconcileProgress, note_reconcile, sum_up
    from strongroom.engine.access.reconcile import reconcile as compare
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, plans_of, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.queries.report import report_zone

    config = session.config()
    settings = _find(config, name)
    zone = report_zone(plans_of(config))
    with open_reading(config) as vault:
        now = vault_now(vault, system_clock)
        window = named_window(period, start, end, zone, now)
        opened, progress = open_identities(config, identity, passphrase_file), ReconcileProgress()
        days: list[ReconciledDay] = []
        with counting("reading archives", quiet=as_json):
            days += compare(vault, settings, window, zone, opened, progress)
        result = sum_up(settings.name, window, days)
        if not vault.read_only and not progress.unread:
            note_reconcile(vault, result, acting_person(), now)
    if as_json:
        put_document(_document(settings, result, days, progress))
    else:
        _print(settings, result, days, progress, ids=ids)
    for archive, why in progress.unread.items():
        report(f"archive {archive} could not be read: {clean(why)}; next: strongroom verify {short(archive)}")
    found = result.left_only or result.right_only or progress.unread
    return ExitCode.FINDINGS if found else ExitCode.OK


def _find(config: Config, name: str) -> ReconcileSettings:
    found = [each for each in config.reconciles if name in ("", each.name)]
    known = [each.name for each in config.reconciles]
    if not known:
        raise UsageError("no comparison is configured", hint="add [[reconcile]], as in config.example.toml")
    if not found:
        listed = suggest(name, known) or f"there are {', '.join(known)}"
        raise UsageError(f"there is no [[reconcile]] {name!r} in the configuration", hint=listed)
    if len(found) > 1:
        raise UsageError("several are configured", hint=f"name one: {', '.join(known)}")
    return found[0]


def _print(
    settings: ReconcileSettings,
    result: ReconcileResult,
    days: Sequence[ReconciledDay],
    progress: ReconcileProgress,
    *,
    ids: bool,
) -> None:
    rows = [
        (f"{each.day}", number(each.left), number(each.right), number(len(each.left_only)),
         number(len(each.right_only)), number(each.undecided))
        for each in days if not each.is_even or each.undecided
    ]  # fmt: skip
    if rows:
        say_lines(render_table(_DAYS, rows, width()))
    for each in days if ids else ():
        for stream, names in ((settings.left, each.left_only), (settings.right, each.right_only)):
            for name in names:
                say(f"{each.day}  only in {clean(stream)}: {clean(_shown(name))}")
    alone = result.left_only + result.right_only
    report(
        f"{counted(result.left, 'id')} in {settings.left}, {number(result.right)} in {settings.right}:"
        f" {number(alone)} on one side only, {number(result.undecided)} undecided"
    )
    if progress.without_key:
        report(f"{counted(progress.without_key, 'record')} without these fields, not compared")
    if alone and not ids:
        report("To see the ids: --ids")


def _shown(name: str) -> str:
    return " ".join(name.split("\x1f"))


def _document(
    settings: ReconcileSettings, result: ReconcileResult, days: Sequence[ReconciledDay], progress: ReconcileProgress
) -> dict[str, object]:
    return {
        "name": settings.name,
        "from": result.period.start,
        "to": result.period.end,
        "left": {"stream": settings.left, "ids": result.left, "only": result.left_only},
        "right": {"stream": settings.right, "ids": result.right, "only": result.right_only},
        "undecided": result.undecided,
        "without_key": progress.without_key,
        "unread": progress.unread,
        "days": [
            {
                "day": f"{each.day}",
                "left_only": [_shown(name) for name in each.left_only],
                "right_only": [_shown(name) for name in each.right_only],
                "undecided": each.undecided,
            }
            for each in days
            if not each.is_even or each.undecided
        ],
    }
