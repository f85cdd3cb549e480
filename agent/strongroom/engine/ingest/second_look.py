"""Doubting an unusually empty window, and what its second look, or any other export beside it, came to."""

from __future__ import annotations

from datetime import datetime, timedelta

from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.provider_retention import keeps as keeps_of
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.horizon import BEYOND
from strongroom.model.job import SECOND_LOOK, Job, State
from strongroom.model.second_look import SecondLook, SecondLookOutcome, doubt_of, due_at
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import interval_at, put_interval
from strongroom.vault.second_looks import earlier_intervals, looks_to_make, note_doubt, note_outcome, pending_look


def doubt_empty(engine: Engine, catalogue: Catalogue, interval: Interval, job: Job, *, snapshot: bool) -> None:
    """Write down, where an empty window is unusual for its stream, when it gets its second look; in a transaction.

    A copy of all there is cannot be made again for its own time: that it is unusual is written down alone.
    """
    source, now = engine.sources.get(job.source), engine.clock()
    if source is None or source.second_look is None:
        return
    earlier = earlier_intervals(catalogue, interval.stream, interval.window.start)
    doubt = doubt_of(interval.window, engine.zones.get(interval.stream, "UTC"), earlier)
    if doubt is not None:
        due = due_at(interval.window, now, source.second_look, keeps_of(engine, job.source))
        note_doubt(catalogue, interval, doubt, None if snapshot else due, now)


def judge_beside(catalogue: Catalogue, job: Job, archive: Archive | None, now: datetime) -> None:
    """Let an export beside an empty window confirm or refute that it is empty; inside a transaction.

    One that has records covers the window from here on, whatever it was made for.
    """
    held = interval_at(catalogue, job.stream, job.spec.window)
    if held is None or held.cover is not Cover.EMPTY:
        return
    if archive is None:
        if job.purpose == SECOND_LOOK and job.state in (State.FAILED, State.CANCELLED):
            note_outcome(catalogue, held, SecondLookOutcome.UNCONFIRMED, now, job=job.id, cause=job.cause.value)
    elif archive.inspection.records:
        note_outcome(catalogue, held, SecondLookOutcome.REFUTED, now, job=job.id, newer=archive.id)
        put_interval(catalogue, Interval(job.stream, held.window, Cover.PROVEN, archive.id, job.id))
    elif job.purpose == SECOND_LOOK or _is_late_enough(catalogue, held, job):
        note_outcome(catalogue, held, SecondLookOutcome.CONFIRMED, now, job=job.id, newer=archive.id)


def _is_late_enough(catalogue: Catalogue, held: Interval, job: Job) -> bool:
    """Say whether an export that a person asked for, or a second pass, does for the second look that is pending."""
    look = pending_look(catalogue, held.archive)
    return look is not None and look.due is not None and (job.asked_at or job.created_at) >= look.due


def due_looks(engine: Engine, stream: str, keeps: timedelta | None) -> list[SecondLook]:
    """Return the second looks of a stream to make now; one that the provider cannot serve any more ends here.

    Inside a transaction.
    """
    catalogue, now = engine.vault.catalogue, engine.clock()
    found = looks_to_make(catalogue, stream, now)
    late = [look for look in found if keeps is not None and look.window.start < now - keeps]
    for look in late:
        held = Interval(look.stream, look.window, Cover.EMPTY, look.archive)
        note_outcome(catalogue, held, SecondLookOutcome.UNCONFIRMED, now, cause=BEYOND)
    return [look for look in found if look not in late]
