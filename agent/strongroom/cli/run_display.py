"""What happens to the jobs of a run, followed from the catalogue and shown: bars, plain lines or JSON lines.

Any process could follow them so. On a screen there is one bar for each job in progress and one for all of them, drawn
from one thread, because a process that forks must have no other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from msgspec.structs import asdict
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from strongroom.cli.documents import wait_group_document
from strongroom.cli.output import put_line
from strongroom.cli.terminal import clean, is_screen, report
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.moments import Moment, newest_moments
from strongroom.engine.queries.lists import Running, Vault, list_live_jobs, running
from strongroom.model.entry_kind import EntryKind
from strongroom.model.job import Cause, Job, State
from strongroom.model.waiting import WaitGroup, group_waits, group_words
from strongroom.text.events import moment_words
from strongroom.text.layout import clip
from strongroom.text.times import job_name, utc_clock
from strongroom.text.units import short, size

if TYPE_CHECKING:
    from types import TracebackType


EVERY = 0.2
"""Seconds between two looks."""


class Family:
    """Jobs that were chosen, and those that replace them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.ids = {job.id for job in jobs}

    def take_in(self, jobs: Iterable[Job]) -> list[Job]:
        """Add jobs that were entered on the way, and return them."""
        joined = list(jobs)
        self.ids.update(job.id for job in joined)
        return joined

    def __contains__(self, job: Job) -> bool:
        if job.id not in self.ids and job.parent and job.parent in self.ids:
            self.ids.add(job.id)
        return job.id in self.ids


class JobSnapshot(Struct, frozen=True):
    """What one look found."""

    jobs: Mapping[str, Job]  # all of the family, finished ones included
    running: Mapping[str, Running]  # by job
    moments: tuple[Moment, ...]  # since the last look, oldest first
    waits: tuple[WaitGroup, ...] = ()  # what jobs have begun to wait for since the last look, each once


class Display(Protocol):
    """Something that shows snapshots."""

    def show(self, snapshot: JobSnapshot) -> None:
        """Show what is new."""
        ...

    def close(self) -> None:
        """Leave the screen as it should remain."""
        ...


class Follower:
    """Looks at one family of jobs again and again."""

    def __init__(self, vault: Vault, family: Family) -> None:
        self._vault = vault
        self._family = family
        self._jobs: dict[str, Job] = {}
        self._waits: dict[tuple[str, Cause], int] = {}
        self._shown: dict[tuple[str, Cause], int] = {}
        self._seq = newest[0].seq if (newest := newest_moments(vault, 1)) else 0

    def look(self) -> JobSnapshot:
        """Look once."""
        moments = tuple(self._new_moments())
        live = {job.id: job for job in list_live_jobs(self._vault) if job in self._family}
        left = [job_id for job_id, job in self._jobs.items() if not job.finished and job_id not in live]
        unseen = [job_id for job_id in tuple(self._family.ids) if job_id not in self._jobs and job_id not in live]
        self._jobs |= live
        self._jobs |= {job_id: find_job(self._vault, job_id) for job_id in (*left, *unseen)}
        transfers = {each.job: each for each in running(self._vault) if each.job in live}
        return JobSnapshot(dict(self._jobs), transfers, moments, tuple(self._new_waits()))

    def _new_waits(self) -> Iterator[WaitGroup]:
        """Yield what jobs wait for once their number has settled: twelve that come one after the other are one line."""
        now = datetime.now(UTC)
        groups = {(group.source, group.wait.cause): group for group in group_waits(self._jobs.values(), now)}
        for key, group in groups.items():
            if self._waits.get(key) == group.jobs and group.jobs > self._shown.get(key, 0):
                self._shown[key] = group.jobs
                yield group
        self._shown = {key: count for key, count in self._shown.items() if key in groups}
        self._waits = {key: group.jobs for key, group in groups.items()}

    def _new_moments(self) -> list[Moment]:
        most, found = 64, newest_moments(self._vault, 64)
        while len(found) == most and found[-1].seq > self._seq + 1:
            most *= 4
            found = newest_moments(self._vault, most)
        fresh = [moment for moment in reversed(found) if moment.seq > self._seq]
        self._seq = max((moment.seq for moment in fresh), default=self._seq)
        return [moment for moment in fresh if moment.job in self._family.ids]


class Following:
    """While entered, a thread shows what happens to a family of jobs. A display that fails ends the showing alone."""

    def __init__(self, vault: Vault, family: Family, display: Display) -> None:
        self._follower = Follower(vault, family)
        self._display = display
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            ended = False
            while not ended:
                ended = self._done.wait(EVERY)
                self._display.show(self._follower.look())
        except (OSError, ValueError):
            return  # the display is closed: the work continues
        finally:
            self._display.close()


_STAGES = {State.FETCHING: "download", State.SEALED: "verify"}  # the stages whose progress is stored
_SHOWN = 8
_NAME = 28
_STAGE = 11
_AMOUNT = 21
_NEWS = {
    EntryKind.JOB_PROVEN: ("green", "+"),
    EntryKind.JOB_UNANSWERED: ("yellow", "!"),
    EntryKind.JOB_ADOPTED: ("yellow", "!"),
    EntryKind.JOB_BROKEN: ("yellow", "!"),
    EntryKind.JOB_LINK_DIED: ("yellow", "!"),
    EntryKind.JOB_DIED: ("yellow", "!"),
    EntryKind.JOB_REJECTED: ("red", "!"),
    EntryKind.JOB_REFUSED: ("red", "x"),
    EntryKind.JOB_GIVEN_UP: ("red", "x"),
}
"""Events that get a line of their own, with its color and mark; the others show in the bars."""


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

    def show(self, snapshot: JobSnapshot) -> None:
        """Update the bars."""
        for moment in snapshot.moments:
            if moment.kind in _NEWS:
                self._progress.console.print(_news(moment, snapshot.jobs.get(moment.job)))
        for group in snapshot.waits:
            self._progress.console.print(Text.assemble(("! ", "yellow"), clean(group_words(group))))
        under_way = _under_way(snapshot)
        for job_id in [job_id for job_id in self._rows if job_id not in under_way]:
            self._progress.remove_task(self._rows.pop(job_id))
        for job in list(under_way.values())[:_SHOWN]:
            self._show_job(job, snapshot.running.get(job.id))
        self._show_total(snapshot)

    def close(self) -> None:
        """Remove the bars; the lines remain."""
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

    def _show_total(self, snapshot: JobSnapshot) -> None:
        jobs = [job for job in snapshot.jobs.values() if job.state is not State.REPLACED]
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


def _under_way(snapshot: JobSnapshot) -> dict[str, Job]:
    """Return the jobs in progress, those in transfer first."""
    live = [job for job in snapshot.jobs.values() if not job.finished and job.state is not State.PLANNED]
    return {
        job.id: job for job in sorted(live, key=lambda job: (job.id not in snapshot.running, job.spec.window.start))
    }


def _news(moment: Moment, job: Job | None) -> Text:
    color, mark = _NEWS[EntryKind(moment.kind)]
    name = job_name(job) if job else short(moment.job)
    return Text.assemble((f"{mark} ", color), clean(f"{name}: {moment_words(moment)}"))


def choose_display(*, as_json: bool) -> Display:
    """Return bars on a screen, lines elsewhere, JSON lines with --json."""
    if as_json:
        return JsonLines()
    if is_screen():
        # gone  # rich is slow to import: only a screen pays for it

        return Bars()
    return PlainLines()


class PlainLines:
    """One line for each transition, on standard error."""

    def show(self, snapshot: JobSnapshot) -> None:
        """Write what happened since the last look."""
        for moment in snapshot.moments:
            job = snapshot.jobs.get(moment.job)
            name = job_name(job) if job else ""
            report(clean(f"{utc_clock(moment.at)} {short(moment.job)} {name}: {moment_words(moment)}"))
        for group in snapshot.waits:
            report(clean(f"{utc_clock(datetime.now(UTC))} {group_words(group)}"))

    def close(self) -> None:
        """Leave everything as it is."""


class JsonLines:
    """`{"event": "moment", …}` for each transition and `{"event": "progress", …}` for bytes, on standard output."""

    def __init__(self) -> None:
        self._shown: dict[str, tuple[str, int]] = {}

    def show(self, snapshot: JobSnapshot) -> None:
        """Print what is new."""
        for moment in snapshot.moments:
            put_line({"event": "moment", **asdict(moment)})
        for group in snapshot.waits:
            put_line({"event": "waiting", **wait_group_document(group)})
        for each in snapshot.running.values():
            if self._shown.get(each.job) != (each.stage, each.done):
                self._shown[each.job] = (each.stage, each.done)
                put_line({"event": "progress", **asdict(each)})

    def close(self) -> None:
        """Leave everything as it is."""
