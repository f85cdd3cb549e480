"""`strongroom jobs`: the list of export jobs, and the whole life of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.documents import job_document
from strongroom.cli.options import (
    OneOf,
    Session,
    asked_stream,
    from_option,
    json_option,
    limit_option,
    pass_session,
    report_pending_renames,
    stretch,
    to_option,
)
from strongroom.cli.output import (
    TextColumn,
    hang,
    past_unreadable,
    put_document,
    render_fields,
    render_table,
    report_total,
)
from strongroom.cli.requests import cancel
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.job import Job, State
from strongroom.model.provider import shown_ref
from strongroom.model.waiting import cause_words, group_waits, group_words, job_words, wait_of
from strongroom.text.events import moment_words
from strongroom.text.sentences import beside_detail, next_step
from strongroom.text.times import utc, utc_minute, utc_window
from strongroom.text.units import short, size

if TYPE_CHECKING:
    from datetime import datetime

    from strongroom.engine.core.moments import Moment
    from strongroom.engine.queries.lists import JobLife

_COLUMNS = (
    TextColumn("JOB"),
    TextColumn("STREAM", least=8),
    TextColumn("WINDOW"),
    TextColumn("STATE"),
    TextColumn("CHANGED"),
    TextColumn("RESULT", least=8),
)


@click.group("jobs", invoke_without_command=True)
@click.option("--stream", default="", help="Only jobs of this stream.")
@click.option(
    "--state",
    type=OneOf([state.value for state in State]),
    metavar="STATE",  # all of them in one line are wider than a terminal
    default=None,
    help=f"Only in this state: {', '.join(state.value for state in State)}.",
)
@click.option(
    "--purpose",
    type=OneOf(["coverage", "manual", "regenerate", "settled", "second-look", "retry"]),
    default=None,
    help="Only jobs with this purpose.",
)
@from_option
@to_option
@limit_option
@json_option
@click.pass_context
def jobs(
    ctx: click.Context,
    /,
    stream: str,
    state: str | None,
    purpose: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List export jobs, newest first. Times are in UTC. Every command accepts the shortened ID.

    With --from or --to it lists the jobs whose windows touch that period, latest window first.
    """
    if ctx.invoked_subcommand is not None:
        return
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.queries.lists import count_listed_jobs, list_jobs, with_real_archives

    config = ctx.ensure_object(Session).config()
    with past_unreadable(), open_reading(config) as vault:
        report_pending_renames(config, vault)
        stream, period = asked_stream(config, vault, stream), stretch(start, end)
        page = list_jobs(vault, stream=stream, state=state or "", purpose=purpose or "", period=period, most=limit)
        found, total = with_real_archives(vault, page), len(page)
        if total == limit:
            total = count_listed_jobs(vault, stream=stream, state=state or "", purpose=purpose or "", period=period)
    now = system_clock()
    if as_json:
        put_document({"jobs": [job_document(job, now) for job in found]})
    elif found:
        say_lines(render_table(_COLUMNS, [_row(job, now) for job in found], width()))
        report_total(len(found), total, "job")
        for group in group_waits(found, now):  # the table has no room for it
            say_lines(hang("", 2, clean(group_words(group)), width()))
    else:
        report("There are no such jobs.")


jobs.add_command(cancel)


@jobs.command("show")
@click.argument("job_id", metavar="ID")
@json_option
@pass_session
def show(session: Session, job_id: str, as_json: bool) -> None:
    """Show everything that happened to one job: each transition with its time, cause and facts, and related jobs."""
    from strongroom.engine.access.inventory import find_job
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.ingest.job_lineage import lineage_of
    from strongroom.engine.queries.lists import job_life, with_real_archives

    config = session.config()
    with open_reading(config) as vault:
        report_pending_renames(config, vault)
        life = job_life(vault, find_job(vault, job_id))
        kin = lineage_of(vault, life.job)
        (job,) = with_real_archives(vault, [life.job])
    if as_json:
        put_document(
            {
                "job": job_document(job, system_clock()),
                "successor": life.successor,
                "lineage": {"before": [job.id for job in kin.before], "after": [job.id for job in kin.after]},
                "findings": list(kin.archive.inspection.findings) if kin.archive else [],
                "moments": list(life.moments),
            }
        )
        return
    say_lines(
        [
            *render_fields(_fields(life, system_clock()), width()),
            "",
            *moment_lines(life.moments, width()),
        ]
    )


@jobs.command("retry")
@click.argument("job_id", metavar="ID")
@json_option
@pass_session
def retry(session: Session, job_id: str, as_json: bool) -> None:
    """Try the window of a failed job again. A new job replaces it, and the next run processes it."""
    from strongroom.engine.access.inventory import find_job
    from strongroom.engine.bootstrap import open_engine
    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.ingest import job_lineage as use_case

    with open_engine(session.config(), "strongroom jobs retry") as engine:
        successor = use_case.retry(engine, find_job(engine.vault, job_id))
    if as_json:
        put_document({"job": job_document(successor, system_clock())})
        return
    say(successor.id)
    report("To process it now: strongroom run --once")


def moment_lines(moments: tuple[Moment, ...] | list[Moment], columns: int) -> list[str]:
    """Write what happened, one moment under the other, wrapped."""
    lines = []
    for moment in moments:
        lines += hang(f"{utc(moment.at)}  ", 22, moment_words(moment), columns)
    return lines


def _row(job: Job, now: datetime) -> tuple[str, ...]:
    result = short(job.archive) if job.state is State.ARCHIVED else job_words(job, now) or "-"
    when = utc_minute(job.changed_at)
    return (short(job.id), job.stream, utc_window(job.spec.window), job.state.value, when, result)


def _fields(life: JobLife, now: datetime) -> list[tuple[str, str]]:
    job = life.job
    window = job.spec.window
    tried = ", ".join(f"{cause} {count}x" for cause, count in job.attempts.items())
    return [
        ("job", job.id),
        ("stream", f"{job.stream} ({', '.join(job.spec.datasets)}) of {job.source}"),
        ("window", f"{utc(window.start)} to {utc(window.end)}, the end not included"),
        ("state", job.state.value + (f" ({cause_words(job.cause, job.detail)})" if job.cause else "")),
        ("reason", job.detail),
        ("waits for", beside_detail(job, wait_of(job, now))),
        ("next step", "" if job.finished and job.state is not State.FAILED else next_step(job)),
        ("next look", "" if job.finished else utc(job.next_at)),
        ("purpose", job.purpose),
        ("export", shown_ref(job.ref)),
        ("announced", size(job.size) if job.size is not None else ""),
        ("expires", utc(job.expires_at) if job.expires_at else ""),
        ("troubles", tried),
        ("archive", job.archive if job.state is State.ARCHIVED else ""),
        ("replaces", job.parent),
        ("replaced by", life.successor),
    ]
