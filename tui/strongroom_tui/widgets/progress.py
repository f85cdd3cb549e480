"""What a job is doing, in words for one cell: how far a transfer is, what it waits for, or how it ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.queries.lists import Running
from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.waiting import cause_words, job_words, wait_of, wait_words
from strongroom_tui.widgets.amounts import bar, first_that_fits, size, span, time_left
from strongroom_tui.widgets.text import clip

SILENCE = timedelta(seconds=10)
"""How long a transfer may say nothing before the screen says so."""

_AT = {
    State.PLANNED: "to be requested",
    State.UNCERTAIN: "looking for it on the provider's list",
    State.WAITING: "the provider is preparing it",
    State.READY: "the file can be fetched",
    State.FETCHING: "starting the download",
    State.SEALED: "starting to read back",
    State.DEAD: "a new export will be requested",
    State.REPLACED: "a successor took over",
    State.CANCELLED: "a person said stop",
}


class ProgressContext(Struct, frozen=True):
    """What a job's words depend on besides the job."""

    now: datetime
    busy: bool  # some process is working in the vault
    running: Running | None = None  # the transfer of this job, as last told


def doing(job: Job, scene: ProgressContext, width: int) -> str:
    """Return what the job is doing, in the most words that fit into `width` cells."""
    running = scene.running
    if running is not None and job.state in (State.FETCHING, State.SEALED):
        return clip(first_that_fits(_transfer(job, running, scene), width), width)
    if job.state is State.ARCHIVED:
        return "" if job.size is None else size(job.size)
    if job.state is State.FAILED:
        return clip(job_words(job, scene.now) or cause_words(job.cause, job.detail), width)
    if job.finished:
        return clip(_AT[job.state], width)
    return clip(first_that_fits(_waits(job, scene.now), width), width)


def rate_of(job: Job, running: Running) -> float | None:
    """Return bytes in a second since this stage began, or None while that is too short to say."""
    seconds = (running.at - job.changed_at).total_seconds()
    return running.done / seconds if seconds >= 1 and running.done else None


def _transfer(job: Job, running: Running, scene: ProgressContext) -> list[str]:
    done, rate = size(running.done), rate_of(job, running)
    speed = f"{size(int(rate))}/s" if rate else ""
    tail = _interruption(running, scene)
    if not running.total:
        pace = tail or speed
        return _joined([(f"{done} of unknown size", pace), (done, pace), (done,)])
    share = min(1.0, running.done / running.total)
    percent, whole = f"{int(share * 100)}%", f"{done} of {size(running.total)}"
    left = time_left(running.total - running.done, rate)
    pace = tail or speed
    return _joined(
        [
            (bar(share, 12), percent, whole, pace, "" if tail else left),
            (bar(share, 10), percent, whole, pace),
            (bar(share, 5), percent, done, pace),
            (percent, done, pace),
            (percent, pace),
            (percent,),
        ]
    )


def _interruption(running: Running, scene: ProgressContext) -> str:
    if not scene.busy:
        return "interrupted"
    silent = scene.now - running.at
    return f"silent for {span(silent)}" if silent > SILENCE else ""


def _waits(job: Job, now: datetime) -> list[str]:
    wait = wait_of(job, now)
    if wait is None or not wait.cause:  # its last trouble, if any, is behind it: the next step can be taken
        wait = Wait(job.cause, job.detail, job.next_at)
    left = wait.until - now if wait.until is not None else None
    when = "" if left is None else f", next in {span(left)}" if left > timedelta(0) else ", now"
    at = _AT[job.state]
    if job.state in (State.FETCHING, State.SEALED):  # a worker has it in hand
        return [at]
    if wait.cause is Cause.NONE:
        return [f"{at}{when}", at, when.removeprefix(", ")]
    words = wait_words(replace(wait, until=None))
    brief = words.removeprefix("waits for ")
    detail = [f"{words}{when}: {wait.words}"] if wait.words else []
    return [*detail, f"{words}{when}", f"{brief}{when}", brief, cause_words(wait.cause, wait.words)]


def _joined(variants: list[tuple[str, ...]]) -> list[str]:
    return [" ".join(part for part in parts if part) for parts in variants]
