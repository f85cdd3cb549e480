"""What the words of the job table and the log mean to a newcomer, in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from strongroom.cli.amounts import clock_words, short, size_words
from strongroom.engine.core.phrases import kind_words
from strongroom.model.job import Cause, Job, State
from strongroom.model.times import parse_instant

if TYPE_CHECKING:
    from strongroom.engine.core.moments import Moment

STAGES: Mapping[State, str] = {
    State.PLANNED: "planned",
    State.UNCERTAIN: "asking",
    State.WAITING: "waiting",
    State.READY: "ready",
    State.FETCHING: "download",
    State.SEALED: "verify",
    State.DEAD: "export lost",
    State.ARCHIVED: "archived",
    State.REPLACED: "replaced",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}

_STEPS: Mapping[Cause, str] = {
    Cause.QUOTA: "run again later: quota becomes available within the hour",
    Cause.AUTH: "fix the key and check it with: strongroom doctor; then run again",
    Cause.PAUSED: "a person paused it; to resume it: strongroom plan resume SOURCE",
    Cause.NOT_OFFERED: "ask the provider to enable exports for this account",
    Cause.REFUSED: "check datasets and window against what the provider offers",
    Cause.LINK_REFUSED: "if the host of the link belongs to the provider, allow it in the configuration",
    Cause.CODING: "ask the provider to serve exports without Content-Encoding, or with gzip or deflate",
    Cause.TRANSIENT: "run again later: the provider is in trouble",
    Cause.UNANSWERED: "run again: the provider's list shows whether the export was made",
    Cause.INDISTINCT: "compare with the provider's own list of exports",
    Cause.CONTENT: "see what is wrong with the file: strongroom archives --holding quarantined",
    Cause.DISK: "free space or fix the disk, then run again",
}

_FAILURES = frozenset(
    {Cause.NOT_OFFERED, Cause.REFUSED, Cause.INDISTINCT, Cause.CONTENT, Cause.LINK_REFUSED, Cause.CODING}
)
"""Causes that a person should look into before trying again."""


def unknown_words(source: str) -> str:
    """Say that nobody knows yet how long a provider keeps records, and how to find out."""
    return (
        f"not known yet, because {source} has not said how long it keeps records: "
        f"run strongroom source check {source}, or set retention_days for the source"
    )


def event_words(moment: Moment) -> str:
    """Say what happened."""
    return kind_words(moment.kind)


def next_step(job: Job) -> str:
    """Say what a person can do about a job that did not come to its end."""
    if job.state is State.FAILED:
        again = f"strongroom jobs retry {short(job.id)}"
        return f"{_STEPS[job.cause]}; then {again}" if job.cause in _FAILURES else f"try again: {again}"
    return waiting_step(job.wait.cause if job.wait else job.cause)


def waiting_step(cause: Cause) -> str:
    """Say what a person can do about a job that waits for this."""
    return _STEPS.get(cause, "run again: it resumes where it stopped")


def fact_words(moment: Moment) -> str:
    """Write the facts of a moment that a person wants to see."""
    return ", ".join([*_facts(moment), *([moment.words] if moment.words else [])])


def _facts(moment: Moment) -> Iterator[str]:
    facts = moment.facts
    if facts.get("cause"):
        yield f"cause {facts['cause']}"
    if facts.get("ref"):
        yield f"export {facts['ref']}"
    if isinstance(size := facts.get("size"), int):
        yield size_words(size)
    if isinstance(counts := facts.get("records"), list):
        yield f"{' records, then '.join(map(str, counts))}"
    elif "records" in facts:
        yield f"{facts['records']} records"
    if isinstance(later := facts.get("next"), str):
        yield f"next at {clock_words(parse_instant(later))}"
    for name in ("successor", "parent"):
        if facts.get(name):
            yield f"{name} {short(str(facts[name]))}"
    if moment.archive and moment.kind in ("job.proven", "job.rejected"):
        yield f"archive {short(moment.archive)}"
