"""One job, as far as it will go now: next_step -> perform -> advance and record, again and again until it must wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.engine import Engine, Hand
from strongroom.engine.jobs.perform import perform
from strongroom.engine.jobs.record import budget_at, must_wait_its_turn, record
from strongroom.engine.jobs.transfer import room_lacking
from strongroom.model.decision import Act, Situation, Step, next_step
from strongroom.model.errors import Interrupted
from strongroom.model.job import Job, State, Wait
from strongroom.model.table import IllegalMove
from strongroom.vault.jobs import get_job
from strongroom.vault.sources import get_source


@dataclass(frozen=True, slots=True)
class Rest:
    """A job that does not move now: finished, or waiting for an instant."""

    job: Job
    until: datetime | None  # None means finished, or stopped by a person
    reason: str = ""
    wait: Wait | None = None  # what it waits for


def work(engine: Engine, job_id: str, deadline: datetime | None = None) -> Rest:
    """Take a job as far as it goes; past the deadline no step but the one under way. Only one worker may have a job."""
    hand = Hand()
    job = _read(engine, job_id)
    try:
        while True:
            step = next_step(job, situation_of(engine, job, hand), engine.patience)
            over = engine.stop() or (deadline is not None and engine.clock() > deadline)
            if step.act is Act.WAIT:
                return Rest(job, step.until, step.reason, _wait(step))
            if step.act is Act.NOTHING or (over and not _in_hand(job, hand)):
                return Rest(job, None, step.reason)
            job = _step(engine, job, step, hand)
    except Interrupted as stopped:  # while it looked: nothing has changed
        return Rest(_read(engine, job_id), None, stopped.message)
    except IllegalMove as moved:
        return Rest(_read(engine, job_id), None, str(moved))  # a person cancelled it meanwhile
    finally:
        hand.release()


def _wait(step: Step) -> Wait | None:
    return Wait(step.cause, step.reason, None if step.lasting else step.until) if step.cause else None


def _step(engine: Engine, job: Job, step: Step, hand: Hand) -> Job:
    happening = perform(engine, job, step, hand)
    if happening is None:
        return _read(engine, job.id)
    moved = record(engine, job, happening)
    if moved.state is job.state is State.PLANNED:
        hand.intent = False  # the intent did not fit the quota and was not written
    return moved


def situation_of(engine: Engine, job: Job, hand: Hand) -> Situation:
    """Gather what a decision about this job may know."""
    now, catalogue = engine.clock(), engine.vault.catalogue
    source, able = get_source(catalogue, job.source), engine.sources[job.source].provider.capabilities
    allowed = budget_at(engine, catalogue, job, now) if job.state is State.PLANNED else None
    return Situation(
        now=now,
        in_hand=_in_hand(job, hand),
        paused=source.paused,
        refused_until=source.refused_until,
        refused_cause=source.refused_cause,
        refused_words=source.refused_words,
        no_room=room_lacking(engine, job) if job.state in (State.PLANNED, State.READY) else "",
        surveyed_at=source.surveyed_at,
        budget_at=allowed,
        match=able.match,
        renewal=able.renewal,
        list_in_hand=hand.listed,
        other_uncertain=job.state is State.PLANNED and must_wait_its_turn(engine, catalogue, job, now),
    )


def _in_hand(job: Job, hand: Hand) -> bool:
    if job.state is State.UNCERTAIN:
        return hand.intent
    return job.state in (State.FETCHING, State.SEALED) and hand.airlock is not None


def _read(engine: Engine, job_id: str) -> Job:
    job = get_job(engine.vault.catalogue, job_id)
    if job is None:
        raise LookupError(f"there is no job {job_id}")
    return job
