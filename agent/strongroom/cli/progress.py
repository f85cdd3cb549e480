"""Progress on a screen: one bar for each job under way, one for all of them; what is finished scrolls by as a line.

One bar for one command that reads many bytes or archives. It draws from the caller's thread.

A process that forks must have no other thread.

Progress where there is no screen: one plain line for each transition, or JSON lines for programs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from strongroom.cli.documents import moment_document, running_document, wait_group_document
from strongroom.cli.follow import Display, JobSnapshot
from strongroom.cli.output import put_line
from strongroom.cli.terminal import clean, is_screen, tell
from strongroom.engine.core.moments import Moment
from strongroom.engine.queries.lists import Running
from strongroom.model.job import Job, State
from strongroom.model.waiting import group_words
from strongroom.text.events import moment_words
from strongroom.text.layout import clip
from strongroom.text.times import job_name, utc_clock
from strongroom.text.units import short, size

_STAGES = {State.FETCHING: "download", State.SEALED: "verify"}  # the stages whose progress is stored
_SHOWN = 8
_NAME = 28
_STAGE = 11
_AMOUNT = 21
_NEWS = {
    "job.proven": ("green", "+"),
    "job.unanswered": ("yellow", "!"),
    "job.adopted": ("yellow", "!"),
    "job.broken": ("yellow", "!"),
    "job.link-died": ("yellow", "!"),
    "job.died": ("yellow", "!"),
    "job.rejected": ("red", "!"),
    "job.refused": ("red", "x"),
    "job.given-up": ("red", "x"),
}
"""Moments worth a line of their own, with its colour and mark; the others show in the bars."""


class Bars:
    """Bars on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[stage]}", markup=False),
            BarColumn(bar_width=14),
            TextColumn("{task.fields[amount]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._total = self._progress.add_task(" " * _NAME, stage=" " * _STAGE, amount=" " * _AMOUNT, total=1)
        self._rows: dict[str, TaskID] = {}
        self._paces: dict[str, ProgressPace] = {}
        self._progress.start()

    def show(self, glance: JobSnapshot) -> None:
        """Bring the bars up to date."""
        for moment in glance.moments:
            if moment.kind in _NEWS:
                self._progress.console.print(_news(moment, glance.jobs.get(moment.job)))
        for group in glance.waits:
            self._progress.console.print(Text.assemble(("! ", "yellow"), clean(group_words(group))))
        under_way = _under_way(glance)
        for job_id in [job_id for job_id in self._rows if job_id not in under_way]:
            self._progress.remove_task(self._rows.pop(job_id))
        for job in list(under_way.values())[:_SHOWN]:
            self._show_job(job, glance.running.get(job.id))
        self._show_total(glance)

    def close(self) -> None:
        """Take the bars away; the lines stay."""
        self._progress.stop()

    def _show_job(self, job: Job, transfer: Running | None) -> None:
        row = self._rows.get(job.id)
        if row is None:
            name = f"{clip(job_name(job), _NAME):<{_NAME}}"
            row = self._rows[job.id] = self._progress.add_task(name, stage="", amount="", total=None)
        stage = _STAGES.get(job.state, job.state.value)
        # Progress is written a moment after the move, so it counts only while it is of this stage.
        if transfer is not None and transfer.stage == stage:
            amount = self._paces.setdefault(f"{job.id} {stage}", ProgressPace(transfer)).words(transfer)
            total, done = transfer.total, transfer.done
        else:
            total, done, amount = None, 0, ""
        self._progress.update(
            row, total=total, completed=done, stage=f"{stage:<{_STAGE}}", amount=f"{amount:<{_AMOUNT}}"
        )

    def _show_total(self, glance: JobSnapshot) -> None:
        jobs = [job for job in glance.jobs.values() if job.state is not State.REPLACED]
        finished = sum(job.finished for job in jobs)
        planned = sum(job.state is State.PLANNED for job in jobs)
        amount = f"{planned} planned" if planned else ""
        name = f"{finished} of {len(jobs)} done"
        self._progress.update(
            self._total,
            total=max(1, len(jobs)),
            completed=finished,
            description=f"{name:<{_NAME}}",
            stage=" " * _STAGE,
            amount=f"{amount:<{_AMOUNT}}",
        )


class ProgressPace:
    """How fast one stage of one job goes, from its first look on."""

    def __init__(self, first: Running) -> None:
        self._at: datetime = first.at
        self._done = first.done

    def words(self, now: Running) -> str:
        """Write how far it has come and how fast."""
        seconds = (now.at - self._at).total_seconds()
        rate = f" {size(int((now.done - self._done) / seconds))}/s" if seconds > 0 else ""
        return f"{size(now.done)}{rate}"


def _under_way(glance: JobSnapshot) -> dict[str, Job]:
    """Return the jobs that something is happening to, those in transfer first."""
    live = [job for job in glance.jobs.values() if not job.finished and job.state is not State.PLANNED]
    return {job.id: job for job in sorted(live, key=lambda job: (job.id not in glance.running, job.spec.window.start))}


def _news(moment: Moment, job: Job | None) -> Text:
    colour, mark = _NEWS[moment.kind]
    name = job_name(job) if job else short(moment.job)
    return Text.assemble((f"{mark} ", colour), clean(f"{name}: {moment_words(moment)}"))


def choose_display(*, as_json: bool) -> Display:
    """Return bars on a screen, lines elsewhere, JSON lines where a program asked for them."""
    if as_json:
        return JsonLines()
    if is_screen():
        # gone  # rich is slow to import: only a screen pays for it

        return Bars()
    return PlainLines()


class PlainLines:
    """One line for each transition, on standard error."""

    def show(self, glance: JobSnapshot) -> None:
        """Write what happened since the last look."""
        for moment in glance.moments:
            job = glance.jobs.get(moment.job)
            name = job_name(job) if job else ""
            tell(clean(f"{utc_clock(moment.at)} {short(moment.job)} {name}: {moment_words(moment)}"))
        for group in glance.waits:
            tell(clean(f"{utc_clock(datetime.now(UTC))} {group_words(group)}"))

    def close(self) -> None:
        """Leave everything as it is."""


class JsonLines:
    """`{"event": "moment", …}` for each transition and `{"event": "progress", …}` for bytes, on standard output."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, int]] = {}

    def show(self, glance: JobSnapshot) -> None:
        """Print what is new."""
        for moment in glance.moments:
            put_line({"event": "moment", **moment_document(moment)})
        for group in glance.waits:
            put_line({"event": "waiting", **wait_group_document(group)})
        for each in glance.running.values():
            if self._told.get(each.job) != (each.stage, each.done):
                self._told[each.job] = (each.stage, each.done)
                put_line({"event": "progress", **running_document(each)})

    def close(self) -> None:
        """Leave everything as it is."""
