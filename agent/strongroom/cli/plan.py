"""`strongroom plan edit`: change the plan of a stream in the configuration file.

`strongroom plan`: the pending work, before it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from strongroom.cli import terminal
from strongroom.cli.options import Session, json_option, pass_session, report_pending_renames
from strongroom.cli.output import TextColumn, hang, past_unreadable, put_document, render_table
from strongroom.cli.requests import pause, resume
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.errors import UsageError
from strongroom.model.text import counted, noun_of
from strongroom.model.times import rough_duration
from strongroom.text.layout import cells
from strongroom.text.sentences import unknown_words
from strongroom.text.times import utc, utc_day
from strongroom.text.units import number

if TYPE_CHECKING:
    from datetime import datetime

    from strongroom.config.schema import Config
    from strongroom.config.sources import StreamSettings
    from strongroom.engine.queries.change_preview import ChangePreview
    from strongroom.model.backlog_forecast import BacklogForecast


_Command = TypeVar("_Command", bound=Callable[..., object])
_OPTIONS = (
    ("window", "hour, day, week or month."),
    ("settle", "How long after a window ends to export it, such as 6h."),
    ("settled-pass", "How long after a window ends to export it a second time; empty for never."),
    ("since", 'A date, a time with a zone, or "oldest".'),
    ("time-zone", "The time zone in which windows begin at midnight, such as Europe/Berlin."),
    ("retention", "The retention classes, separated by commas."),
    ("priority", "From -10 to 10."),
    ("paused", "true or false."),
)


def _fields(command: _Command) -> _Command:
    for name, words in reversed(_OPTIONS):
        command = click.option(f"--{name}", metavar="VALUE", default=None, help=words)(command)
    return command


@click.command("edit")
@click.argument("stream")
@_fields
@click.option("--dry-run", is_flag=True, help="Show what the change means, and change nothing.")
@click.option("--yes", is_flag=True, help="Write the change even if it means more work or loss.")
@json_option
@pass_session
def edit(session: Session, /, stream: str, dry_run: bool, yes: bool, as_json: bool, **typed: str | None) -> None:
    """Change a stream's plan in the configuration file. Comments and everything else in it are kept.

    An empty value removes the key. First you see what the change means: how many exports, how fast, when they will be
    done, and what will be late.
    """
    from strongroom.config.edit import changed_fields, rewrite_stream, try_stream
    from strongroom.engine.bootstrap import open_looking
    from strongroom.engine.queries.change_preview import foresee

    config = session.config()
    was = config.stream(stream)
    changes = changed_fields(was, {name: text for name, text in typed.items() if text is not None})
    would_be = try_stream(config.file, stream, changes) if changes else config
    with open_looking(config) as engine:
        seen = foresee(engine, config, would_be, stream)
    if not as_json:
        _say(seen)
    written = bool(changes) and not dry_run
    if written:
        _confirm(seen, was, would_be, yes=yes)
        rewrite_stream(config.file, stream, changes)
    if as_json:
        put_document(_document(config, changes, seen, written=written))
    else:
        report(_outcome(config, changes, written=written))


def _confirm(seen: ChangePreview, was: StreamSettings, would_be: Config, *, yes: bool) -> None:
    from strongroom.engine.queries.change_preview import wants_more

    grows = seen.more or wants_more(was.plan(), would_be.stream(was.name).plan())
    if yes or not grows:
        return
    if not terminal.can_ask():
        raise UsageError(
            "this means more work, and it was not confirmed", hint="look at it with --dry-run, then add --yes"
        )
    if not click.confirm("Write it?", default=False, err=True):
        raise UsageError("nothing was changed")


def _say(seen: ChangePreview) -> None:
    say(f"{clean(seen.stream)}: {counted(seen.exports, 'export')} pending by the change, now {number(seen.before)}")
    if seen.exports and seen.first:
        words = f"from {utc_day(seen.first)} on, up to {seen.pace:g} an hour, archived by {utc(seen.done_by)}"
        say(f"{words}; {number(seen.late)} late")
    if seen.late_beside:
        say(f"{counted(seen.late_beside, 'window')} of other streams of {clean(seen.source)} would become late")
    if seen.lost:
        lost = f"{counted(seen.lost, 'window')} {noun_of(seen.lost, 'is', 'are')} lost"
        say(f"{lost} at once: the provider no longer has their records")


def _outcome(config: Config, changes: dict[str, str], *, written: bool) -> str:
    if not changes:
        return "The configuration has these values already."
    return f"Written to {config.file}; a running daemon reads it automatically." if written else "Nothing was written."


def _document(config: Config, changes: dict[str, str], seen: ChangePreview, *, written: bool) -> dict[str, object]:
    return {
        "file": str(config.file),
        "stream": seen.stream,
        "changed": changes,
        "written": written,
        "work": {
            "source": seen.source,
            "exports_before": seen.before,
            "exports": seen.exports,
            "per_hour": seen.pace,
            "from": seen.first,
            "done_by": seen.done_by,
            "first_loss": seen.first_loss,
            "late": seen.late,
            "late_beside": seen.late_beside,
            "lost": seen.lost,
        },
    }


_COLUMNS = (
    TextColumn("STREAM", least=8),
    TextColumn("EXPORTS", right=True),
    TextColumn("FROM"),
    TextColumn("DONE BY"),
    TextColumn("FIRST LOSS"),
    TextColumn("LATE", right=True),
)


@click.group("plan", invoke_without_command=True)
@json_option
@click.pass_context
def plan(ctx: click.Context, as_json: bool) -> None:
    """Show how many exports are pending, how long they will take under the quota, and which will be too late."""
    if ctx.invoked_subcommand is not None:
        return
    from strongroom.engine.bootstrap import open_looking
    from strongroom.engine.core.sources import plans_of
    from strongroom.engine.queries.coverage_report import outlook_of_plans

    config = ctx.ensure_object(Session).config()
    with past_unreadable(), open_looking(config) as engine:
        report_pending_renames(config, engine.vault)
        now = engine.clock()
        found = outlook_of_plans(engine, plans_of(config))
    if as_json:
        put_document({"sources": [_plan_document(each) for each in found]})
        return
    for each in found:
        _plan_say(each, now)
    if not found:
        say("no stream is configured: add a [[stream]] to the configuration")


for each in (edit, pause, resume):
    plan.add_command(each)


def _plan_say(each: BacklogForecast, now: datetime) -> None:
    unknown = [stream.stream for stream in each.streams if not stream.known]
    if each.exports == 0 and not unknown:
        say(f"{each.source}: nothing is pending")
    for stream in unknown:
        words = f"{unknown_words(each.source)}; or set a start date: strongroom plan edit {stream} --since DAY"
        say_lines(hang(f"{clean(stream)}: ", cells(stream) + 2, f"the first day is {words}", width()))
    if each.exports == 0:
        return
    took = rough_duration(each.done_by - now)
    say(f"{each.source}: {counted(each.exports, 'export')}, up to {each.pace:g} an hour, archived in about {took}")
    rows = [
        (
            stream.stream,
            number(stream.exports),
            utc_day(stream.first) if stream.first else "-",
            utc(stream.done_by),
            utc_day(stream.first_loss) if stream.first_loss else "not known",
            number(stream.late),
        )
        for stream in each.streams
        if stream.exports
    ]
    say_lines(render_table(_COLUMNS, rows, width()))
    late = sum(stream.late for stream in each.streams)
    if late:
        say(f"{counted(late, 'window')} may be deleted by the provider before their turn; the most urgent go first")


def _plan_document(each: BacklogForecast) -> dict[str, object]:
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
