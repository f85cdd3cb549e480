"""`strongroom report`: a document of a period that a person can file: one HTML page, its JSON twin, a signed note."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from strongroom.cli.options import (
    OneOf,
    PathOption,
    Session,
    instant,
    json_option,
    pass_session,
    period_of,
    report_pending_renames,
)
from strongroom.cli.output import past_unreadable, quiet_option
from strongroom.cli.terminal import clean, say_exactly, say_lines
from strongroom.cli.terminal import report as note
from strongroom.model.calendar_period import named_period
from strongroom.model.errors import UsageError
from strongroom.model.window import Window

_AUDIENCES = ("auditor", "board", "operations")


@click.command("report")
@click.argument("folder", type=PathOption(path_type=Path), default=Path(), metavar="[FOLDER]")
@click.option(
    "--period",
    default="",
    metavar="PERIOD",
    help="2026, 2026-Q3, 2026-10, last-month (the default), last-quarter or last-year.",
)
@click.option("--from", "start", type=instant, metavar="TIME", help="Instead of --period: the first instant.")
@click.option("--to", "end", type=instant, metavar="TIME", help="With --from: the end; not included.")
@click.option(
    "--for", "audience", type=OneOf(_AUDIENCES), default="auditor", help="Who will read it; by default an auditor."
)
@quiet_option
@json_option
@pass_session
def report(
    session: Session,
    folder: Path,
    period: str,
    start: datetime | None,
    end: datetime | None,
    audience: str,
    as_json: bool,
) -> None:
    """Write the report of a period into FOLDER: a page in HTML, the same as JSON, and a note that signs both.

    The page opens in any browser, loads nothing, and prints well. With --json, the JSON is printed and nothing is
    written. `strongroom-verify` checks the note and the files beside it.
    """
    from strongroom.engine.bootstrap import open_looking
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import plans_of
    from strongroom.engine.queries.report import ReportAudience, make_report, report_zone
    from strongroom.engine.queries.report_files import is_signed, keep_report
    from strongroom.text.report_page import report_files
    from strongroom.text.report_words import report_json, summary

    config = session.config()
    with past_unreadable(), open_looking(config) as engine:
        report_pending_renames(config, engine.vault)
        window = named_window(period, start, end, report_zone(plans_of(config)), engine.clock())
        made = make_report(engine, config, window, ReportAudience(audience))
        if as_json:
            say_exactly(report_json(made))
            return
        files = report_files(made, signed=is_signed(config))
        paths = keep_report(engine.vault, config, made, folder.absolute(), files, acting_person())
    say_lines(summary(made))
    for path in paths:
        note(f"written: {clean(str(path))}")
    if not is_signed(config):
        note("It is not signed: the agent has no signing key. `strongroom init` creates one.")


def named_window(period: str, start: datetime | None, end: datetime | None, zone: str, now: datetime) -> Window:
    """Return the period that a person named. Raises UsageError where it is named twice, in half, or backwards."""
    if start is None and end is None:
        return named_period(period or "last-month", zone, now)
    if period or start is None or end is None:
        raise UsageError("a report has one period", hint="give either --period, or both --from and --to")
    return period_of(start, end)
