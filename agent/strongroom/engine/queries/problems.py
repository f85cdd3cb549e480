"""What is wrong now, each with the command to run next: the answer of `strongroom status`.

Judged by the rules that raise alerts, at this moment and without a daemon. What heals by itself or is over is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.copies.copy_status import rehearsal_periods
from strongroom.engine.core.alert_store import open_alerts
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.sources import engine_to_look, plans_of
from strongroom.engine.ingest.coverage import mark_snapshot
from strongroom.engine.monitor.alert_rules import alarms_in
from strongroom.engine.monitor.metrics_snapshot import limits_of
from strongroom.engine.monitor.stream_status import keeps_of, stream_statuses_of
from strongroom.engine.proof.unbacked import unbacked_coverage
from strongroom.engine.queries.lists import Status
from strongroom.engine.repair.scrub_report import pace_of
from strongroom.model.alert import CONTRADICTED, LOG_REMADE, Alert, AlertKind, Level
from strongroom.model.errors import StrongroomError
from strongroom.model.provider import Limits
from strongroom.model.times import format_instant, rough_duration
from strongroom.vault.vault import Vault

_NOTES = (
    AlertKind.QUARANTINED,
    AlertKind.VOLUME,
    AlertKind.EMPTY,
    AlertKind.EMPTY_REFUTED,
    AlertKind.EMPTY_UNCONFIRMED,
    AlertKind.RECIPIENTS,
)
"""Kinds that ask for a look and no more: the window is exported again, or what happened is over."""

_REMEMBERED = (AlertKind.LOG, LOG_REMADE, CONTRADICTED, AlertKind.CLOCK, AlertKind.CONFIGURATION)
"""Keys of alerts that only the working process can see: they stay open until it resolves them."""

_NEXT: Mapping[AlertKind, str] = {
    AlertKind.AT_RISK: "strongroom plan",
    AlertKind.LOST: "strongroom coverage",
    AlertKind.LATE: "strongroom plan",
    AlertKind.FAILED: "strongroom jobs --state failed",
    AlertKind.PAUSED: "strongroom plan resume",
    AlertKind.QUARANTINED: "strongroom archives --holding quarantined",
    AlertKind.VOLUME: "strongroom coverage",
    AlertKind.EMPTY: "strongroom coverage",
    AlertKind.EMPTY_REFUTED: "strongroom coverage",
    AlertKind.EMPTY_UNCONFIRMED: "strongroom coverage",
    AlertKind.DISK: "strongroom doctor",
    AlertKind.CLOCK: "strongroom doctor",
    AlertKind.LOCK: "strongroom log",
    AlertKind.RETENTION: "strongroom plan",
    AlertKind.LOG: "strongroom audit verify",
    AlertKind.CONFIGURATION: "strongroom config check",
    AlertKind.RECIPIENTS: "strongroom key list",
    AlertKind.DRILL: "strongroom key drill",
    AlertKind.WITNESS: "strongroom audit",
    AlertKind.FIXITY: "strongroom recover",
    AlertKind.SCRUB: "strongroom scrub status",
    AlertKind.DESTRUCTION: "strongroom destroy list",
    AlertKind.ANSWER: "strongroom subject list",
    AlertKind.COPY: "strongroom copy status",
    AlertKind.COPY_DAMAGED: "strongroom repair",
    AlertKind.COPY_REHEARSAL: "strongroom copy rehearse",
}


class Problem(Struct, frozen=True):
    """One thing that is wrong, or worth a look."""

    kind: str
    level: Level  # INFO for what is only worth a look
    title: str
    body: str
    next: str  # a command to copy
    subject: str = ""  # the stream or source that it is about, empty for the vault


class Health(Struct, frozen=True):
    """Everything that is wrong now, the most severe first, and what is only worth a look."""

    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    limits: Mapping[str, Limits]  # what is known of each source's quota


def health_of(vault: Vault, config: Config, found: Status, now: datetime, known_engine: Engine | None = None) -> Health:
    """Judge a vault at one instant. Changes nothing, and asks no provider.

    `known_engine` looks with the sources of this configuration, where the caller has built them already.
    """
    problems = [*_silence(found, now), *_unconfirmed(vault)]
    limits: Mapping[str, Limits] = {}
    alarms = _wrong_clock(vault, config, found, now)
    if not alarms:  # by a wrong clock everything looks lost or at risk
        try:
            engine = known_engine or engine_to_look(config, vault)
            limits, keeps = limits_of(engine), keeps_of(engine)
            stream_statuses = stream_statuses_of(
                vault, [mark_snapshot(engine, plan) for plan in plans_of(config)], keeps, now
            )
            alarms = alarms_in(
                vault,
                stream_statuses,
                keeps,
                now,
                reserve=engine.min_free,
                pace=pace_of(config),
                drill_every=config.vault.drill_every,
                rehearse=rehearsal_periods(config),
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


def _problem(alarm: Alert) -> Problem:
    kind, _, subject = alarm.key.partition(" ")
    command = _NEXT[AlertKind(kind)]
    if kind in (
        AlertKind.LOST,
        AlertKind.VOLUME,
        AlertKind.EMPTY,
        AlertKind.EMPTY_REFUTED,
        AlertKind.EMPTY_UNCONFIRMED,
    ):
        command = f"{command} --stream {subject.partition(' ')[0]}"
    if kind == AlertKind.PAUSED:
        command = f"{command} {subject}"
    if kind == AlertKind.ANSWER and "erasure" in alarm.body:
        command = "strongroom erase list"
    level = Level.INFO if kind in _NOTES else alarm.severity
    return Problem(kind, level, alarm.title, alarm.body, command, subject.partition(" ")[0])


def _wrong_clock(vault: Vault, config: Config, found: Status, now: datetime) -> list[Alert]:
    """Return why this machine's clock is in doubt; nothing where it is not."""
    title = "the clock of this machine cannot be trusted"
    last = found.last_entry
    if last is not None and last - now > config.vault.clock_tolerance:
        words = f"it reads {format_instant(now)}, but the last entry of the log is from {format_instant(last)}"
        return [Alert(AlertKind.CLOCK, Level.CRITICAL, title, words)]
    return [alarm for alarm in _remembered(vault) if alarm.key == AlertKind.CLOCK]


def _remembered(vault: Vault) -> Sequence[Alert]:
    return [
        Alert(each.key, Level(each.severity), each.title, each.body)
        for each in open_alerts(vault)
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
        title = "windows are recorded as archived, but their archives are not in the catalogue"
        yield Problem("unconfirmed", Level.CRITICAL, title, wrong[0].where, "strongroom audit verify")
