"""`strongroom export`: one window now, whatever is due otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import instant, json_option
from strongroom.cli.quiet import quiet_option
from strongroom.cli.run import patience_option, workers_option
from strongroom.cli.session import Session, pass_session
from strongroom.model.errors import UsageError
from strongroom.model.instants import format_instant
from strongroom.model.window import Window

if TYPE_CHECKING:
    from strongroom.engine.engine import Engine
    from strongroom.model.job import Job


@click.command("export")
@click.argument("source")
@click.option("--from", "start", type=instant, metavar="TIME", required=True, help="The first instant.")
@click.option("--to", "end", type=instant, metavar="TIME", required=True, help="The end, itself not included.")
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, help="By default those of the source's stream.")
@click.option("--again", is_flag=True, help="Export a window that is archived already, beside the first archive.")
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
    """Bring one window of SOURCE into the vault now.

    A date means midnight UTC and the end is not included: --from 2026-11-01 --to 2026-11-02 is the whole first of
    November and nothing of the second.

    What has not settled when it is exported does not count as archived: it stays pending and is exported again.
    """
    if end <= start:
        raise UsageError("the window must end after it starts", hint="--to is the first instant that is left out")
    from strongroom.cli.terminal import tell
    from strongroom.cli.work import Manner, work
    from strongroom.engine.assembly import stream_for
    from strongroom.engine.coverage.planning import enter_window, unsettled_part
    from strongroom.engine.filters import known_datasets

    config, window = session.config(), Window(start, end)
    stream_for(config, source, datasets)  # what it refuses needs no vault

    def enter(engine: Engine) -> list[Job]:
        stream, retention = stream_for(config, source, known_datasets(engine, source, datasets))
        planned = any(each.name == stream.name for each in config.streams)
        job = enter_window(engine, stream, window, retention, again=again)
        if not again and (rest := unsettled_part(engine, stream, window)) is not None:
            tell(_unsettled_words(rest, planned=planned))
        return [job]

    return work(config, enter, Manner("strongroom export", patience, workers, as_json)).exit_code


def _unsettled_words(rest: Window, *, planned: bool) -> str:
    """Say what of the window will not count, and what becomes of it."""
    then = "it stays pending and is exported again then" if planned else "no plan covers it: export it again then"
    span = f"{format_instant(rest.start)} to {format_instant(rest.end)}"
    return f"{span} has not ended and settled yet and will not count as archived: {then}"
