"""What waits for a person as lines of the overview: the verdict, and for each problem the place where it is solved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from strongroom.engine.queries.attention import Attention, OpenProposal
from strongroom.engine.queries.overview import Overview
from strongroom.engine.queries.problems import Problem
from strongroom.model.alert import AlertKind
from strongroom.text.sentences import attention_words, calm_words, named_title
from strongroom.text.states import BAD, DOUBT, GOOD, LEVELS, Mark
from strongroom.text.units import number, short, span
from strongroom_tui.widgets.attention import Errand
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.text import in_keys

PLANS = "plans"
MAP = "overview"

_PLACES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        AlertKind.AT_RISK: (MAP, ""),
        AlertKind.LOST: (MAP, ""),
        AlertKind.LATE: ("schedules", ""),
        AlertKind.FAILED: ("jobs", "failed"),
        AlertKind.PAUSED: ("schedules", ""),
        AlertKind.QUARANTINED: ("archives", "quarantined"),
        AlertKind.VOLUME: ("archives", ""),
        AlertKind.EMPTY: ("archives", ""),
        AlertKind.EMPTY_REFUTED: ("archives", ""),
        AlertKind.EMPTY_UNCONFIRMED: ("archives", ""),
        AlertKind.RETENTION: ("schedules", ""),
        AlertKind.LOCK: ("evidence", ""),
        AlertKind.LOG: ("evidence", ""),
        AlertKind.RECIPIENTS: ("evidence", ""),
        AlertKind.APPROVERS: ("evidence", ""),
        AlertKind.WITNESS: ("evidence", ""),
        AlertKind.FIXITY: ("evidence", ""),
        AlertKind.DESTRUCTION: (PLANS, ""),
        "unconfirmed": ("evidence", ""),
    }
)
"""By the kind of a problem: a tab, and a state by which its list is filtered. Everything else is solved in Health."""

_OF_SOURCES = frozenset({AlertKind.PAUSED, AlertKind.RETENTION})
"""Kinds whose subject is a source: no list can be filtered by it."""


def errands(attention: Attention | None, overview: Overview, now: datetime) -> tuple[Errand, ...]:
    """Return what waits for a person, the most urgent first; what is only worth a look comes last."""
    if attention is None:
        return tuple(_unknown(overview))
    health = attention.health
    return (
        *map(_of_problem, health.problems),
        *(_of_proposal(each, now) for each in attention.approvals),
        *_unknown(overview),
        *map(_of_problem, health.notes),
    )


def verdict(attention: Attention | None, overview: Overview, now: datetime) -> Mark:
    """Return the state of the vault in one sentence; "covered" is said only where nothing speaks against it."""
    if attention is None:
        return Mark("…", "checking whether everything is all right")
    problems, waiting = len(attention.health.problems), len(attention.approvals)
    if problems or waiting:
        worst = attention.health.problems[0].level if problems else None
        mark = LEVELS[worst] if worst is not None else Mark("!", "", DOUBT)
        return Mark(mark.symbol, attention_words(problems, waiting), BAD if mark.style == BAD else "yellow")
    if not overview.streams:
        return Mark("○", "Nothing is archived yet: no stream is configured.")
    if overview.unknown:
        return Mark("?", "It is not known yet what is at risk.", DOUBT)
    return Mark("✓", calm_words(overview.signed_at, now), GOOD)


def _of_problem(problem: Problem) -> Errand:
    mode, kind = _PLACES.get(problem.kind, ("health", ""))
    mark = LEVELS[problem.level]
    stream = "" if problem.kind in _OF_SOURCES else problem.subject
    title = named_title(problem.title, problem.subject)
    body = f"{in_keys(problem.body)}\nenter goes there, or run: {problem.next}"
    return Errand(Mark(mark.symbol, title, mark.style), body, mode, Filter(stream, kind))


def _of_proposal(each: OpenProposal, now: datetime) -> Errand:
    words = f"A plan to destroy {number(each.archives, 'archive')} waits for approval"
    plan = f"plan {short(each.proposal)}, proposed {span(now - each.at)} ago by {each.by}"
    body = f"{plan}\nenter goes there; the proposer cannot approve it"
    return Errand(Mark("!", words, DOUBT), body, PLANS)


def _unknown(overview: Overview) -> Iterator[Errand]:
    if overview.unknown:
        names = ", ".join(overview.unknown[:3])
        body = "set retention_days for the source,\nor start the daemon, which asks the provider"
        yield Errand(Mark("?", f"It is not known how long {names} keeps records", DOUBT), body, "schedules")
