"""What is wrong now, each with the command to run next: the answer of `strongroom status`.

Judged by the rules that raise alerts, at this moment and without a daemon. What heals by itself or is over is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from strongroom.config.schema import Config
from strongroom.engine.assembly import engine_to_look, plans_of
from strongroom.engine.coverage.sights import keeps_of, sights_of
from strongroom.engine.coverage.snapshots import marked
from strongroom.engine.health.figures import limits_of
from strongroom.engine.health.notices import standing_notices
from strongroom.engine.health.scrubview import pace_of
from strongroom.engine.health.watching import alarms_in
from strongroom.engine.readings import Status
from strongroom.engine.recovery.derived import unbacked_coverage
from strongroom.model.alarm import CONTRADICTED, LOG_REMADE, Alarm, Kind, Level
from strongroom.model.durations import rough_duration
from strongroom.model.errors import StrongroomError
from strongroom.model.instants import format_instant
from strongroom.model.provider import Limits
from strongroom.vault.vault import Vault

_NOTES = (Kind.QUARANTINED, Kind.VOLUME, Kind.EMPTY, Kind.EMPTY_REFUTED, Kind.EMPTY_UNCONFIRMED, Kind.RECIPIENTS)
"""Kinds that ask for a look and no more: the window is exported again, or what happened is over."""

_REMEMBERED = (Kind.LOG, LOG_REMADE, CONTRADICTED, Kind.CLOCK, Kind.CONFIGURATION)
"""Keys of alerts that only the process at work can see: they stand until it finds otherwise."""

_NEXT: Mapping[Kind, str] = {
    Kind.AT_RISK: "strongroom plan",
    Kind.LOST: "strongroom coverage",
    Kind.LATE: "strongroom plan",
    Kind.FAILED: "strongroom jobs --state failed",
    Kind.PAUSED: "strongroom plan resume",
    Kind.QUARANTINED: "strongroom archives --holding quarantined",
    Kind.VOLUME: "strongroom coverage",
    Kind.EMPTY: "strongroom coverage",
    Kind.EMPTY_REFUTED: "strongroom coverage",
    Kind.EMPTY_UNCONFIRMED: "strongroom coverage",
    Kind.DISK: "strongroom doctor",
    Kind.CLOCK: "strongroom doctor",
    Kind.LOCK: "strongroom log",
    Kind.RETENTION: "strongroom plan",
    Kind.LOG: "strongroom audit verify",
    Kind.CONFIGURATION: "strongroom config check",
    Kind.RECIPIENTS: "strongroom key list",
    Kind.DRILL: "strongroom key drill",
    Kind.WITNESS: "strongroom audit",
    Kind.FIXITY: "strongroom recover",
    Kind.SCRUB: "strongroom scrub status",
    Kind.DESTRUCTION: "strongroom destroy list",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth a look."""

    kind: str
    level: Level  # INFO for what is only worth a look
    title: str
    body: str
    next: str  # a command to copy


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that is wrong now, the most severe first, and what is only worth a look."""

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    limits: Mapping[str, Limits]  # what is known of each source's quota


def health_of(vault: Vault, config: Config, found: Status, now: datetime) -> Health:
    """Judge a vault at one instant. Changes nothing, and asks no provider."""
    problems = [*_silence(found, now), *_unconfirmed(vault)]
    limits: Mapping[str, Limits] = {}
    alarms = _wrong_clock(vault, config, found, now)
    if not alarms:  # by a wrong clock everything looks lost or at risk
        try:
            engine = engine_to_look(config, vault)
            limits, keeps = limits_of(engine), keeps_of(engine)
            sights = sights_of(vault, [marked(engine, plan) for plan in plans_of(config)], keeps, now)
            alarms = alarms_in(
                vault,
                sights,
                keeps,
                now,
                reserve=engine.min_free,
                pace=pace_of(config),
                drill_every=config.vault.drill_every,
                tolerance=engine.clock_tolerance,
                log=False,
            )
        except StrongroomError as error:
            title = "not everything could be judged"
            problems.append(Problem("unjudged", Level.WARNING, title, error.message, "strongroom doctor"))
    seen = {alarm.key for alarm in alarms}
    alarms += [alarm for alarm in _remembered(vault) if alarm.key not in seen]
    judged = [*problems, *map(_problem, alarms)]
    wrong = sorted((each for each in judged if each.level is not Level.INFO), key=lambda each: -each.level.rank)
    return Health(tuple(wrong), tuple(each for each in judged if each.level is Level.INFO), limits)


def _problem(alarm: Alarm) -> Problem:
    kind, _, subject = alarm.key.partition(" ")
    command = _NEXT[Kind(kind)]
    if kind in (Kind.LOST, Kind.VOLUME, Kind.EMPTY, Kind.EMPTY_REFUTED, Kind.EMPTY_UNCONFIRMED):
        command = f"{command} --stream {subject.partition(' ')[0]}"
    if kind == Kind.PAUSED:
        command = f"{command} {subject}"
    level = Level.INFO if kind in _NOTES else alarm.severity
    return Problem(kind, level, alarm.title, alarm.body, command)


def _wrong_clock(vault: Vault, config: Config, found: Status, now: datetime) -> list[Alarm]:
    """Return what speaks against this machine's clock; nothing where nothing does."""
    title = "the clock of this machine cannot be trusted"
    last = found.last_entry
    if last is not None and last - now > config.vault.clock_tolerance:
        words = f"it reads {format_instant(now)}, but the last entry of the log is from {format_instant(last)}"
        return [Alarm(Kind.CLOCK, Level.CRITICAL, title, words)]
    return [alarm for alarm in _remembered(vault) if alarm.key == Kind.CLOCK]


def _remembered(vault: Vault) -> Sequence[Alarm]:
    return [
        Alarm(each.key, Level(each.severity), each.title, each.body)
        for each in standing_notices(vault)
        if each.key in _REMEMBERED or each.key.startswith((f"{LOG_REMADE} ", f"{CONTRADICTED} "))
    ]


def _silence(found: Status, now: datetime) -> Iterator[Problem]:
    silence = found.silence(now)
    if silence is not None:
        title, body = "the daemon does not answer", f"it has been silent for {rough_duration(silence)}"
        yield Problem("daemon", Level.CRITICAL, title, body, "strongroom service status")


def _unconfirmed(vault: Vault) -> Iterator[Problem]:
    wrong = unbacked_coverage(vault)
    if wrong:
        title = "the catalogue has windows as archived of which it has no archive"
        yield Problem("unconfirmed", Level.CRITICAL, title, wrong[0].where, "strongroom audit verify")
