"""`strongroom run --once`: process every pending window.

`strongroom export`: export one window now, whatever else is pending.
"""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, duration, instant, json_option, pass_session, period_of
from strongroom.cli.output import quiet_option
from strongroom.model.errors import UsageError
from strongroom.model.times import format_instant
from strongroom.model.window import Window

if TYPE_CHECKING:
    from strongroom.engine.core.engine import Engine
    from strongroom.model.job import Job


patience_option = click.option(
    "--patience",
    type=duration,
    metavar="DURATION",
    default="2h",
    show_default=True,
    help="How long to wait for quotas and retries. The next run does the rest.",
)
workers_option = click.option(
    "--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="How many jobs to process at once."
)


@click.command("run")
@click.option("--once", is_flag=True, help="Process every pending window, then exit.")
@patience_option
@workers_option
@quiet_option
@json_option
@pass_session
def run(session: Session, once: bool, patience: timedelta, workers: int, as_json: bool) -> int:
    """Resume interrupted work, then export, download, seal and verify every pending window.

    Exits with 0 if everything was archived, and with 1 if something failed or still waits, or if records were lost.
    Alerts are sent through [notify], as the daemon does.
    """
    if not once:
        raise UsageError(
            "say how long to run", hint="to process every pending window, then exit: strongroom run --once"
        )
    from strongroom.engine.worker.launcher import Launcher

    with closing(Launcher()) as launcher:
        launcher.prepare()  # starting it takes as long as importing all that follows
        from strongroom.cli.options import report_new_names
        from strongroom.cli.work import RunOptions, work
        from strongroom.engine.core.sources import plans_of
        from strongroom.engine.ingest.planning import enter_due
        from strongroom.engine.queries.lists import list_live_jobs
        from strongroom.engine.queries.requests import serve

        config = session.config()
        report_new_names(config)

        def enter(engine: Engine) -> list[Job]:
            serve(engine)  # requests that came while no process worked in the vault
            enter_due(engine, plans_of(config))
            return list_live_jobs(engine.vault)

        def refill(engine: Engine) -> list[Job]:
            return enter_due(engine, plans_of(config))

        options = RunOptions("strongroom run --once", patience, workers, as_json, watched=True)
        return work(config, enter, options, refill, launcher).exit_code


@click.command("export")
@click.argument("source")
@click.option("--from", "start", type=instant, metavar="TIME", required=True, help="The first instant.")
@click.option("--to", "end", type=instant, metavar="TIME", required=True, help="The end; not included.")
@click.option(
    "--dataset", "datasets", metavar="NAME", multiple=True, help="By default the datasets of the source's stream."
)
@click.option("--again", is_flag=True, help="Export a window that is already archived; the first archive is kept.")
@patience_option
@workers_option
@quiet_option
@json_option
@pass_session
def export(
    session: Session,
    /,
    source: str,
    start: datetime,
    end: datetime,
    datasets: tuple[str, ...],
    again: bool,
    patience: timedelta,
    workers: int,
    as_json: bool,
) -> int:
    """Export and archive one window of SOURCE now.

    A date means midnight UTC, and the end is not included: --from 2026-11-01 --to 2026-11-02 is all of November 1 and
    nothing of November 2.

    The part of the window that has not settled does not count as archived: it stays pending and is exported again.
    """
    from strongroom.cli.terminal import report
    from strongroom.cli.work import RunOptions, work
    from strongroom.engine.core.sources import stream_for
    from strongroom.engine.ingest.planning import enter_window, unsettled_part
    from strongroom.engine.queries.lists import known_datasets

    config, window = session.config(), period_of(start, end)
    stream_for(config, source, datasets)  # what it refuses needs no vault

    def enter(engine: Engine) -> list[Job]:
        stream, retention = stream_for(config, source, known_datasets(engine, source, datasets))
        planned = any(each.name == stream.name for each in config.streams)
        job = enter_window(engine, stream, window, retention, again=again)
        if not again and (rest := unsettled_part(engine, stream, window)) is not None:
            report(_unsettled_words(rest, planned=planned))
        return [job]

    return work(config, enter, RunOptions("strongroom export", patience, workers, as_json)).exit_code


def _unsettled_words(rest: Window, *, planned: bool) -> str:
    """Say which part of the window will not count, and what happens with it."""
    then = "it stays pending and is exported again then" if planned else "no plan covers it: export it again then"
    span = f"{format_instant(rest.start)} to {format_instant(rest.end)}"
    return f"{span} has not ended and settled yet and will not count as archived: {then}"
