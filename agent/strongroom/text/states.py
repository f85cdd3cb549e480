"""The one table of states: the symbol, the word and the color of each state that a person sees.

The symbol and the word carry the meaning; the color only repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from strongroom.engine.core.check import CheckResult
from strongroom.model.alert import Level
from strongroom.model.archive import Archive, Holding
from strongroom.model.coverage import Cover
from strongroom.model.coverage_strip import Heat
from strongroom.model.destruction import Stage
from strongroom.model.inspection import Severity
from strongroom.model.job import State
from strongroom.model.retention import Fate
from strongroom.text.units import number

if TYPE_CHECKING:
    from strongroom.engine.queries.change_preview import Schedule


class Mark(Struct, frozen=True):
    """A symbol one cell wide, the word beside it, and the style of both as rich names it ("bold red")."""

    symbol: str
    word: str
    style: str = ""


def plain_mark(mark: Mark) -> str:
    """Return symbol and word on one line."""
    return f"{mark.symbol} {mark.word}"


GOOD, MOVING, DOUBT, BAD = "green", "cyan", "yellow", "bold red"

JOBS: Mapping[State, Mark] = MappingProxyType(
    {
        State.PLANNED: Mark("○", State.PLANNED),
        State.UNCERTAIN: Mark("?", State.UNCERTAIN, DOUBT),
        State.WAITING: Mark("…", State.WAITING),
        State.READY: Mark("◇", State.READY, MOVING),
        State.FETCHING: Mark("↓", State.FETCHING, MOVING),
        State.SEALED: Mark("■", State.SEALED, MOVING),
        State.DEAD: Mark("!", State.DEAD, DOUBT),
        State.ARCHIVED: Mark("✓", State.ARCHIVED, GOOD),
        State.REPLACED: Mark("→", State.REPLACED),
        State.FAILED: Mark("✗", State.FAILED, BAD),
        State.CANCELLED: Mark("–", State.CANCELLED),  # noqa: RUF001 - a dash is meant
    }
)

WINDOWS: Mapping[Heat, Mark] = MappingProxyType(
    {
        Heat.OUTSIDE: Mark(" ", Heat.OUTSIDE),
        Heat.NOTHING: Mark("░", Heat.NOTHING, "dim"),
        Heat.DESTROYED: Mark("†", Heat.DESTROYED),
        Heat.EMPTY: Mark("·", Heat.EMPTY, GOOD),
        Heat.HELD: Mark("█", Heat.HELD, GOOD),
        Heat.OPEN: Mark("▒", Heat.OPEN, MOVING),
        Heat.DUE: Mark("○", Heat.DUE),
        Heat.RISK: Mark("▲", Heat.RISK, "bold yellow"),
        Heat.MISSING: Mark("!", Heat.MISSING, BAD),
        Heat.LOST: Mark("x", Heat.LOST, BAD),
    }
)

COVERS: Mapping[str, Mark] = MappingProxyType(
    {**{cover.value: WINDOWS[Heat(cover.words)] for cover in Cover}, "due": WINDOWS[Heat.DUE]}
)
"""The same by the codes that catalogues and documents of every version have; `due` is the code of a pending window."""

FATES: Mapping[Fate, Mark] = MappingProxyType(
    {
        Fate.KEEP: Mark("✓", Fate.KEEP.words, GOOD),
        Fate.HELD: Mark("■", Fate.HELD.words, MOVING),
        Fate.DUE: Mark("○", Fate.DUE.words, DOUBT),
        Fate.UNKNOWN: Mark("?", Fate.UNKNOWN.words, DOUBT),
        Fate.DESTROYED: Mark("-", Fate.DESTROYED.words),
    }
)

STAGES: Mapping[Stage, Mark] = MappingProxyType(
    {
        Stage.PROPOSED: Mark("○", Stage.PROPOSED, DOUBT),
        Stage.APPROVED: Mark("!", Stage.APPROVED, "bold yellow"),
        Stage.DESTROYING: Mark("✗", Stage.DESTROYING, BAD),
        Stage.DESTROYED: Mark("-", Stage.DESTROYED),
        Stage.WITHDRAWN: Mark("←", Stage.WITHDRAWN),
        Stage.SPARED: Mark("✓", Stage.SPARED, GOOD),
    }
)

SEVERITIES: Mapping[Severity, Mark] = MappingProxyType(
    {
        Severity.FAULT: Mark("✗", Severity.FAULT, BAD),
        Severity.WARNING: Mark("!", Severity.WARNING, DOUBT),
        Severity.NOTE: Mark("·", Severity.NOTE),
    }
)

CHECKS: Mapping[CheckResult, Mark] = MappingProxyType(
    {
        CheckResult.OK: Mark("✓", "ok", GOOD),
        CheckResult.WARN: Mark("!", "warning", DOUBT),
        CheckResult.FAIL: Mark("✗", "failed", BAD),
    }
)

LEVELS: Mapping[str, Mark] = MappingProxyType(
    {
        Level.CRITICAL: Mark("✗", "critical", BAD),
        Level.WARNING: Mark("!", "warning", DOUBT),
        Level.INFO: Mark("·", "note"),
    }
)
"""Alerts that are active, by the severity on record."""

OVER = Mark("✓", "over", GOOD)
"""An alert that is not active any more."""

HOLD_ACTIVE = Mark("■", "active", MOVING)
HOLD_RELEASED = Mark("←", "released")


def alert_mark(severity: str, *, active: bool) -> Mark:
    """Return the mark of an alert; a severity that is not known is shown as a note."""
    return LEVELS.get(severity, LEVELS[Level.INFO]) if active else OVER


PLAN_WORDS = ("paused", "late", "failed", "pending", "running", "waiting")
"""The states of a plan."""


def plan_mark(schedule: Schedule) -> Mark:
    """Return the state of a plan: it waits for its next window only where no window is outstanding."""
    outlook = schedule.outlook
    if schedule.paused:
        return Mark("‖", "paused", DOUBT)
    if outlook is not None and outlook.late:
        return Mark("▲", "late", DOUBT)
    if schedule.failed:
        return Mark("✗", "failed", BAD)
    if outlook is not None and outlook.exports:
        return Mark("○", "pending", MOVING)
    if schedule.running:
        return Mark("▒", "running", MOVING)
    return Mark("✓", "waiting", GOOD)


def verification(archive: Archive) -> Mark:
    """Return what reading an archive back found."""
    if archive.holding is Holding.QUARANTINED:
        return Mark("✗", "quarantined", BAD)
    serious = sum(finding.severity is not Severity.NOTE for finding in archive.inspection.findings)
    if serious:
        return Mark("!", number(serious, "finding"), DOUBT)
    return Mark("✓", "empty" if archive.empty else "verified", GOOD)


COPIES: Mapping[Heat, str] = MappingProxyType(
    {
        Heat.HELD: "a copy is archived",
        Heat.EMPTY: "an empty copy is archived",
        Heat.OPEN: "a copy is being taken",
        Heat.DUE: "a copy is pending",
        Heat.RISK: "a copy is pending",
        Heat.MISSING: "no copy could be taken",
        Heat.LOST: "no copy was taken",
    }
)
"""What a window of a stream without time windows says: one copy of all there was."""
