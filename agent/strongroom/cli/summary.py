"""The result of a run: a table of what was archived, and for everything else the reason and the next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, groupby

import click
from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.cli.documents import archive_document, job_document, wait_group_document
from strongroom.cli.output import TextColumn, hang, put_line, render_table
from strongroom.cli.run_display import Family
from strongroom.cli.terminal import clean, say, say_lines, width
from strongroom.engine.access.inventory import find_archive, find_job
from strongroom.engine.core.alert_store import alert_document
from strongroom.engine.monitor.stream_status import Losses
from strongroom.engine.queries.lists import Vault, status_of
from strongroom.model.archive import Archive
from strongroom.model.errors import ExitCode
from strongroom.model.job import BY_PERSON, Cause, Job, State, Wait
from strongroom.model.text import counted
from strongroom.model.times import rough_duration
from strongroom.model.waiting import (
    WaitGroup,
    group_key,
    group_waits,
    group_words,
    wait_of,
    wait_words,
    waits_for_quota_alone,
)
from strongroom.text.sentences import next_step, waiting_step
from strongroom.text.times import utc_clock, utc_window
from strongroom.text.units import number, short, size

_COLUMNS = (
    TextColumn("JOB"),
    TextColumn("WINDOW"),
    TextColumn("ARCHIVE"),
    TextColumn("RECORDS", right=True),
    TextColumn("SIZE", right=True),
    TextColumn("STORED"),
    TextColumn("VERIFIED"),
)

_REASONS = 12
"""How many jobs that were not archived are listed one by one."""


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RunOutcome(Struct, frozen=True):
    """The jobs of a run as they are at its end."""

    archived: tuple[tuple[Job, Archive], ...]
    others: tuple[Job, ...]  # failed, cancelled or not finished; where its source is paused, with that as the reason
    losses: Losses = field(default_factory=Losses)  # of a run that is watched
    at: datetime = EPOCH  # when it ended

    @property
    def complete(self) -> bool:
        """Return whether everything was archived."""
        return not self.others

    @property
    def exit_code(self) -> ExitCode:
        """Return 0 when everything was archived and nothing is lost or missing, 75 for quota alone, 1 otherwise."""
        if self.losses.any or any(job.finished for job in self.others):
            return ExitCode.FINDINGS
        if self.complete:
            return ExitCode.OK
        return ExitCode.WAITING if waits_for_quota_alone(self.others, self.at) else ExitCode.FINDINGS


def outcome_of(vault: Vault, family: Family, at: datetime) -> RunOutcome:
    """Read how every job of a family ended. For one that was replaced, its successor is given."""
    jobs = sorted((find_job(vault, job_id) for job_id in family.ids), key=_order)
    archived = [(job, find_archive(vault, job.archive)) for job in jobs if job.state is State.ARCHIVED]
    others = [job for job in jobs if job.state not in (State.ARCHIVED, State.REPLACED)]
    paused = {source.name: source.paused for source in status_of(vault).sources if source.paused}
    return RunOutcome(tuple(archived), tuple(_with_pause(job, paused) for job in others), at=at)


def _with_pause(job: Job, paused: Mapping[str, str]) -> Job:
    """Return an unfinished job of a paused source with that pause as its cause, because it ends last."""
    if job.finished or job.source not in paused:
        return job
    words = paused[job.source]
    cause = Cause.PAUSED if words.startswith(BY_PERSON) else Cause.AUTH
    return replace(job, cause=cause, detail=words, wait=Wait(cause, words))


def say_outcome(outcome: RunOutcome) -> None:
    """Print the tables for a person."""
    for stream, pairs in groupby(outcome.archived, key=lambda pair: pair[0].stream):
        say(click.style(clean(stream), bold=True))
        say_lines(render_table(_COLUMNS, [_row(job, archive) for job, archive in pairs], width()))
        say()
    reasons = _reasons(outcome)
    say_lines(chain.from_iterable(reasons[:_REASONS]))
    if len(reasons) > _REASONS:
        say(f"and {len(reasons) - _REASONS} more: strongroom jobs")
    say_lines([*_total(outcome), *_losses(outcome.losses)])


def put_outcome(outcome: RunOutcome) -> None:
    """Print the closing line of a JSON stream."""
    put_line(
        {
            "event": "summary",
            "complete": outcome.complete,
            "archived": [archive_document(archive) for _, archive in outcome.archived],
            "unfinished": [{**job_document(job, outcome.at), "next_step": next_step(job)} for job in outcome.others],
            "waiting": [wait_group_document(group) for group in group_waits(outcome.others, outcome.at)],
            "newly_lost_seconds": int(outcome.losses.fresh.total_seconds()),
            "standing": [alert_document(alert) for alert in outcome.losses.standing],
        }
    )


def _order(job: Job) -> tuple[str, datetime, str]:
    return job.stream, job.spec.window.start, job.id


def _row(job: Job, archive: Archive) -> tuple[str, ...]:
    return (
        short(job.id),
        utc_window(job.spec.window),
        short(archive.id),
        number(archive.inspection.records),
        size(archive.seal.size),
        utc_clock(archive.durable_at),
        utc_clock(archive.verified_at),
    )


def _reasons(outcome: RunOutcome) -> list[list[str]]:
    """Return what was not archived: jobs that wait for the same thing as one, with their count, others one by one."""
    groups = [group for group in group_waits(outcome.others, outcome.at) if group.jobs > 1]
    grouped = {(group.source, group.wait.cause) for group in groups}
    single = [job for job in outcome.others if group_key(job, outcome.at) not in grouped]
    return [*map(_group_reason, groups), *([*_reason(job, outcome.at)] for job in single)]


def _group_reason(group: WaitGroup) -> list[str]:
    words = hang("", 10, group_words(group), width())
    return [*words, *hang(" " * 10 + "-> ", 13, waiting_step(group.wait.cause), width())]


def _reason(job: Job, now: datetime) -> Iterable[str]:
    state = job.state.value
    wait = wait_of(job, now)
    words = f"{state}, {wait_words(wait)}" if wait and wait.cause else state
    detail = (wait.words if wait and wait.cause else "") or job.detail
    text = f"{job.stream} {utc_window(job.spec.window)}: {words}" + (f": {detail}" if detail else "")
    yield from hang(f"{short(job.id)}  ", 10, text, width())
    yield from hang(" " * 10 + "-> ", 13, next_step(job), width())


def _total(outcome: RunOutcome) -> Sequence[str]:
    if not outcome.archived and not outcome.others:
        return ["Nothing is pending."]
    records = sum(archive.inspection.records for _, archive in outcome.archived)
    total = sum(archive.seal.size for _, archive in outcome.archived)
    words = f"{len(outcome.archived)} archived, {counted(records, 'record')}, {size(total)}"
    return [words + (f"; {len(outcome.others)} not" if outcome.others else "")]


def _losses(losses: Losses) -> Iterable[str]:
    """Say in one line what is lost, whichever run should have archived it."""
    found = []
    if losses.fresh:
        of = counted(losses.streams, "stream")
        found.append(f"{rough_duration(losses.fresh)} of {of} are lost, found by this run: strongroom coverage")
    if losses.standing:
        count = counted(len(losses.standing), "alert")
        found.append(f"{count} of lost or failed windows active: strongroom notify list")
    if found:
        yield click.style("; ".join(found), fg="red")
