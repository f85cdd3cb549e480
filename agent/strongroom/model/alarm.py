"""Alarms: what a person must hear of. An alarm is worked out again at every look; nobody switches it on or off.

A title never names a stream, a source or a person, so that it can leave the machine; the body may. Neither ever holds
a provider's words, a secret or a record's text: only names from the configuration, counts, sizes and dates.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from strongroom.model.clockcheck import ClockVerdict


class Level(StrEnum):
    """How much an alarm matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Order levels: the higher, the louder."""
        return list(Level).index(self)


class Kind(StrEnum):
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
    DESTRUCTION = "destruction-stuck"


_ONCE = frozenset(
    {
        Kind.LOST,
        Kind.QUARANTINED,
        Kind.VOLUME,
        Kind.RETENTION,
        Kind.RECIPIENTS,
        Kind.APPROVERS,
        Kind.EMPTY_REFUTED,
        Kind.EMPTY_UNCONFIRMED,
    }
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong. Equal keys are the same trouble."""

    key: str  # a kind, and where there can be several a subject: "at-risk zavu-messages"
    severity: Level
    title: str
    body: str


LOG_REMADE = f"{Kind.LOG} remade"
"""The key, before a time, of the alarm that the log's file was gone: once it is written anew nothing else shows it."""


CONTRADICTED = f"{Kind.LOG} contradicts"
"""The key, before what it is about, of the alarm that a destruction was stopped because rows and log differ."""


def happens_once(key: str) -> bool:
    """Say whether an alarm tells what has happened and cannot be mended: told once, never "recovered" from."""
    return key.partition(" ")[0] in _ONCE or key.startswith((f"{LOG_REMADE} ", f"{CONTRADICTED} "))


def configuration_alarm() -> Alarm:
    """Return the alarm for a configuration file that was changed to what cannot be taken over."""
    title = "the changed configuration is refused: the previous one is still active"
    return Alarm(Kind.CONFIGURATION, Level.CRITICAL, title, "what is wrong with it: strongroom config check")


def clock_alarm(verdict: ClockVerdict) -> Alarm | None:
    """Return the alarm for a clock that something speaks against."""
    if verdict.fault is None:
        return None
    title = "the clock of this machine cannot be trusted: nothing is planned or destroyed until it can"
    return Alarm(Kind.CLOCK, Level.CRITICAL, title, verdict.words)
