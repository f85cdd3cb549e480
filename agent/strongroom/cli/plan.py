"""`strongroom plan`: the work that lies ahead, before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.amounts import count_words, day_words, instant_words
from strongroom.cli.json_output import put_document
from strongroom.cli.leftout import past_unreadable
from strongroom.cli.options import json_option
from strongroom.cli.phrases import unknown_words
from strongroom.cli.planedit import edit
from strongroom.cli.renamed import tell_pending_renames
from strongroom.cli.session import Session
from strongroom.cli.table import Column, hang, render_table
from strongroom.cli.terminal import cells, clean, say, width
from strongroom.cli.wishes import pause, resume
from strongroom.model.counts import counted
from strongroom.model.durations import rough_duration

if TYPE_CHECKING:
    from datetime import datetime

    from strongroom.model.outlook import Outlook

_COLUMNS = (
    Column("STREAM", least=8),
    Column("EXPORTS", right=True),
    Column("FROM"),
    Column("DONE BY"),
    Column("FIRST LOSS"),
    Column("LATE", right=True),
)


@click.group("plan", invoke_without_command=True)
@json_option
@click.pass_context
def plan(ctx: click.Context, as_json: bool) -> None:
    """Show how many exports are pending, how long they take under the quota, and whether that is in time."""
    if ctx.invoked_subcommand is not None:
        return
    from strongroom.engine.assembly import open_looking, plans_of
    from strongroom.engine.coverage.prospect import outlook_of_plans

    config = ctx.ensure_object(Session).config()
    with past_unreadable(), open_looking(config) as engine:
        tell_pending_renames(config, engine.vault)
        now = engine.clock()
        found = outlook_of_plans(engine, plans_of(config))
    if as_json:
        put_document({"sources": [_document(each) for each in found]})
        return
    for each in found:
        _say(each, now)
    if not found:
        say("no stream is configured: add a [[stream]] to the configuration")


for each in (edit, pause, resume):
    plan.add_command(each)


def _say(each: Outlook, now: datetime) -> None:
    unknown = [stream.stream for stream in each.streams if not stream.known]
    if each.exports == 0 and not unknown:
        say(f"{each.source}: nothing is pending")
    for stream in unknown:
        words = f"{unknown_words(each.source)}; or give the stream a since: strongroom plan edit {stream} --since DAY"
        for line in hang(f"{clean(stream)}: ", cells(stream) + 2, f"the first day is {words}", width()):
            say(line)
    if each.exports == 0:
        return
    took = rough_duration(each.done_by - now)
    say(f"{each.source}: {counted(each.exports, 'export')}, up to {each.pace:g} an hour, archived in about {took}")
    rows = [
        (
            stream.stream,
            count_words(stream.exports),
            day_words(stream.first) if stream.first else "-",
            instant_words(stream.done_by),
            day_words(stream.first_loss) if stream.first_loss else "not known",
            count_words(stream.late),
        )
        for stream in each.streams
        if stream.exports
    ]
    for line in render_table(_COLUMNS, rows, width()):
        say(line)
    late = sum(stream.late for stream in each.streams)
    if late:
        say(f"{counted(late, 'window')} may be deleted by the provider before their turn; the most urgent go first")


def _document(each: Outlook) -> dict[str, object]:
    return {
        "source": each.source,
        "exports": each.exports,
        "per_hour": each.pace,
        "done_by": each.done_by,
        "streams": [
            {
                "stream": stream.stream,
                "exports": stream.exports,
                "from": stream.first,
                "done_by": stream.done_by,
                "first_loss": stream.first_loss,
                "late": stream.late,
                "known": stream.known,
            }
            for stream in each.streams
        ],
    }
