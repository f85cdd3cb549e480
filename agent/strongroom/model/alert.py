"""Alerts: what a person must know. Alerts are computed again at every check; nobody sets or clears one by hand.

A title never names a stream, a source or a person, so that it can leave the machine; the body may. Neither ever holds
a provider's words, a secret or a record's text: only names from the configuration, counts, sizes and dates.

The daemon's condition in one line: for systemd's status, the heartbeat, and monitoring that reads it.

What is wrong comes first. "Everything" is said to be archived only where nothing is wrong and nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from strongroom.model.clock_check import ClockVerdict
from strongroom.model.text import counted
from strongroom.model.waiting import WaitGroup, group_words


class Level(StrEnum):
    """How much an alarm matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Order levels: the higher, the louder."""
        return list(Level).index(self)


class AlertKind(StrEnum):
    """What an alarm is about; the first word of its key."""

    AT_RISK = "at-risk"
    LOST = "lost"
    LATE = "settles-late"
    FAILED = "failed"
    PAUSED = "source-paused"
    QUARANTINED = "quarantined"
    VOLUME = "volume"
    EMPTY = "empty"
    EMPTY_REFUTED = "empty-refuted"
    EMPTY_UNCONFIRMED = "empty-unconfirmed"
    DISK = "disk"
    CLOCK = "clock"
    LOCK = "lock-mode"
    RETENTION = "retention"
    LOG = "log"
    CONFIGURATION = "configuration"
    RECIPIENTS = "recipients"
    APPROVERS = "approvers"
    DRILL = "drill"
    WITNESS = "witness"
    FIXITY = "fixity"
    SCRUB = "scrub-behind"
    COPY = "copy-behind"
    COPY_DAMAGED = "copy-damaged"
    COPY_REHEARSAL = "copy-rehearsal"
    DESTRUCTION = "destruction-stuck"
    ANSWER = "answer-due"


_ONCE = frozenset(
    {
        AlertKind.LOST,
        AlertKind.QUARANTINED,
        AlertKind.VOLUME,
        AlertKind.RETENTION,
        AlertKind.RECIPIENTS,
        AlertKind.APPROVERS,
        AlertKind.EMPTY_REFUTED,
        AlertKind.EMPTY_UNCONFIRMED,
    }
)


class Alert(Struct, frozen=True):
    """One thing that is wrong. Equal keys are the same trouble."""

    key: str  # a kind, and where there can be several a subject: "at-risk zavu-messages"
    severity: Level
    title: str
    body: str


LOG_REMADE = f"{AlertKind.LOG} remade"
"""The key, before a time, of the alarm that the log's file was gone: once it is written anew nothing else shows it."""


CONTRADICTED = f"{AlertKind.LOG} contradicts"
"""The key, before what it is about, of the alarm that a destruction was stopped because rows and log differ."""


def happens_once(key: str) -> bool:
    """Return whether an alert reports an event that cannot be undone: it is sent once and never marked as resolved."""
    return key.partition(" ")[0] in _ONCE or key.startswith((f"{LOG_REMADE} ", f"{CONTRADICTED} "))


def configuration_alarm() -> Alert:
    """Return the alarm for a configuration file that was changed to what cannot be taken over."""
    title = "the changed configuration is refused: the previous one is still active"
    return Alert(AlertKind.CONFIGURATION, Level.CRITICAL, title, "what is wrong with it: strongroom config check")


def clock_alarm(verdict: ClockVerdict) -> Alert | None:
    """Return the alert for a clock that is in doubt."""
    if verdict.fault is None:
        return None
    title = "the clock of this machine cannot be trusted: nothing is planned or destroyed until it can"
    return Alert(AlertKind.CLOCK, Level.CRITICAL, title, verdict.words)


ALL_WELL = "everything pending is archived"


class Condition(Struct, frozen=True):
    """What a daemon knows of itself and of what it covers."""

    clock: str = ""  # why the machine's clock is in doubt, or empty
    refused: bool = False  # the configuration file was changed, and what it says now is refused
    failed: int = 0  # windows of which every attempt failed
    lost: int = 0  # periods that the provider deleted before they were archived
    doubted: int = 0  # unusually empty windows with a pending second look
    paused: tuple[str, ...] = ()  # sources and streams that are paused in the vault
    unknown: tuple[str, ...] = ()  # streams of which nobody knows yet from when on they must be covered
    waits: tuple[WaitGroup, ...] = ()
    jobs: int = 0  # unfinished

    @property
    def all_well(self) -> bool:
        """Say whether nothing is wrong and nothing is left to do."""
        return self == Condition()


def condition_words(condition: Condition) -> str:
    """Return the condition in one line."""
    return "; ".join(_parts(condition)) or ALL_WELL


def _parts(each: Condition) -> Iterator[str]:
    if each.clock:
        yield f"standing by: {each.clock}"
    if each.refused:
        yield "the changed configuration is refused and the previous one is active: run strongroom config check"
    if each.failed:
        yield f"{counted(each.failed, 'window')} failed: run strongroom coverage"
    if each.lost:
        yield f"{counted(each.lost, 'period')} lost: run strongroom coverage"
    if each.doubted:
        yield f"{counted(each.doubted, 'empty window')} to be exported again: run strongroom coverage"
    if each.paused:
        yield f"paused: {', '.join(each.paused)}"
    if each.unknown:
        yield f"the first day is not known yet: {', '.join(each.unknown)}"
    yield from map(group_words, each.waits)
    moving = each.jobs - sum(group.jobs for group in each.waits)
    if moving > 0:
        yield f"{counted(moving, 'job')} in progress"
