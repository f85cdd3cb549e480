"""What to raise the voice about, worked out from ledger, plans, disk and clock alone.

How a run ended is not asked: a run that never began, a stopped daemon and a bug in the engine look the same from here,
and what they have in common, records that nobody holds while their end comes nearer, is what is watched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from strongroom.engine.coverage.sights import LEAST_LOSS, Keeps, Sight, sights_of
from strongroom.engine.destruction.overdue import destruction_alarms
from strongroom.engine.health.emptiness import doubted_windows, empty_alarms
from strongroom.engine.health.scrubview import scrub_alarms
from strongroom.engine.health.standing import growth_of
from strongroom.engine.health.vaulttime import TOLERANCE, time_alarms
from strongroom.engine.keys.recipients import drill_alarms
from strongroom.engine.proof.notary import evidence_alarms
from strongroom.engine.retention.retain import is_lock_unwanted
from strongroom.evidence.line import Entry
from strongroom.model.alarm import Alarm, Kind, Level
from strongroom.model.counts import counted, noun_of
from strongroom.model.disk import Growth, forecast_disk
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.instants import format_instant
from strongroom.model.plan import Plan
from strongroom.model.scrub import Pace
from strongroom.model.volume import judge_volume
from strongroom.model.window import Window
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault
from strongroom.vault.watching import (
    known_retention,
    paused_sources,
    quarantined_counts,
    remember_retention,
)

DAY = timedelta(days=1)
WARN = 14 * DAY  # before the provider begins to destroy what is not held
URGE = 3 * DAY
DISK_AHEAD = 14 * DAY
JUDGED = 8  # newest windows whose volume is compared with those before them
BY_A_PERSON = "paused by "


def alarms(vault: Vault, plans: Iterable[Plan], keeps: Keeps, now: datetime, *, reserve: int = 0) -> list[Alarm]:
    """Return everything that is wrong now. `reserve` is how many bytes of the disk stay free.

    Brings the log file level with the catalogue as it checks it, as every act in the vault does.
    """
    return alarms_in(vault, sights_of(vault, plans, keeps, now), keeps, now, reserve=reserve)


def alarms_in(
    vault: Vault,
    sights: Sequence[Sight],
    keeps: Keeps,
    now: datetime,
    *,
    reserve: int = 0,
    pace: Pace | None = None,
    drill_every: timedelta | None = None,
    tolerance: timedelta = TOLERANCE,
    log: bool = True,
) -> list[Alarm]:
    """Return everything that is wrong, given what is seen of the streams. The loudest come first.

    Without `log` nothing is written: the log file is not brought level with the catalogue.
    """
    doubted = doubted_windows(vault)  # one alert of a window, not two
    found = [alarm for sight in sights for alarm in _of_stream(sight, now, doubted)]
    found += [*_paused(vault), *_quarantined(vault), *_shrunk(vault, keeps, now)]
    found += _log(vault, now) if log else ()
    found += empty_alarms(vault, {sight.stream for sight in sights}, now)
    found += evidence_alarms(vault)
    found += _disk(vault.free_bytes(), reserve, sights)
    found += scrub_alarms(vault, now, pace or Pace())
    found += drill_alarms(vault, now, drill_every)
    found += destruction_alarms(vault, now)
    found += [*time_alarms(vault, now, tolerance), *_unlocked(vault)]
    return sorted(found, key=lambda alarm: -alarm.severity.rank)


def remember_keeps(vault: Vault, keeps: Keeps, now: datetime) -> None:
    """Remember how long each source keeps its records, once the alarm about a change has been entered."""
    changed = {
        source: (before, kept)
        for source, kept in keeps.items()
        if kept is not None and kept != (before := known_retention(vault.catalogue, source))
    }
    if not changed:
        return
    with vault.catalogue.transaction():
        for source, (before, kept) in changed.items():
            remember_retention(vault.catalogue, source, kept)
            if before is not None:
                facts = {"source": source, "before": _words(before), "now": _words(kept)}
                add_entry(vault.catalogue, Entry("source.retention-changed", now, facts=facts))
    vault.write_log()


def _of_stream(sight: Sight, now: datetime, doubted: frozenset[tuple[str, Window]] = frozenset()) -> Iterator[Alarm]:
    yield from _at_risk(sight, now)
    yield from _late(sight)
    yield from (_lost(sight.stream, window) for window in sight.lost if window.length >= LEAST_LOSS)
    yield from (_uncopied(sight.stream, window) for window in sight.uncopied)
    yield from _failed(sight)
    yield from _volumes(sight, doubted)


def _at_risk(sight: Sight, now: datetime) -> Iterator[Alarm]:
    """Warn 14 and urge 3 days ahead, less where the provider keeps so little that this would never be quiet."""
    risk, keeps = sight.risk, sight.keeps
    if risk is None or keeps is None or risk.first_loss - now > min(WARN, keeps / 3):
        return
    severity = Level.CRITICAL if risk.first_loss - now <= min(URGE, keeps / 10) else Level.WARNING
    title = f"{_words(risk.amount)} of one stream will be deleted by the provider, from {risk.first_loss:%Y-%m-%d} on"
    gaps = len(risk.gaps)
    body = f"stream {sight.stream}: not archived are {_words(risk.amount)} in {counted(gaps, 'gap')} from " + _period(
        Window(risk.gaps[0].start, risk.gaps[-1].end)
    )
    yield Alarm(f"{Kind.AT_RISK} {sight.stream}", severity, title, body)


def _late(sight: Sight) -> Iterator[Alarm]:
    """Tell of a delay that outlasts what the provider keeps: what is asked for when it is gone is never held."""
    if sight.keeps is None or not (sight.late or sight.late_pass):
        return
    kept = f"records are kept for {_words(sight.keeps)}"
    if sight.late:
        title = f"one stream settles too late: {kept}, and every window will be lost"
        body = f"stream {sight.stream}: shorten settle, or window, in the configuration"
        yield Alarm(f"{Kind.LATE} {sight.stream}", Level.CRITICAL, title, body)
        return
    title = f"one stream's second pass comes too late: {kept}, and it is never done"
    body = f"stream {sight.stream}: shorten settled_pass in the configuration"
    yield Alarm(f"{Kind.LATE} {sight.stream}", Level.WARNING, title, body)


def _lost(stream: str, window: Window) -> Alarm:
    title = f"{_words(window.length)} of one stream are lost: the provider deleted them before they were archived"
    key = f"{Kind.LOST} {stream} {format_instant(window.start)}"
    return Alarm(key, Level.CRITICAL, title, f"stream {stream}: lost is {_period(window)}")


def _uncopied(stream: str, window: Window) -> Alarm:
    title = f"no copy of one stream was taken for {_words(window.length)}: what there was at that time is not archived"
    key = f"{Kind.LOST} {stream} {format_instant(window.start)}"
    return Alarm(key, Level.WARNING, title, f"stream {stream}: no copy for {_period(window)}")


def _failed(sight: Sight) -> Iterator[Alarm]:
    if not sight.missing:
        return
    count = len(sight.missing)
    causes = Counter(each.cause for each in sight.missing)
    listed = ", ".join(f"{cause or 'no cause'} ({times})" for cause, times in sorted(causes.items()))
    title = (
        f"{counted(count, 'window')} of one stream failed for good and {noun_of(count, 'waits', 'wait')} for a person"
    )
    body = f"stream {sight.stream}: {listed}, the first is {_period(sight.missing[0].window)}"
    yield Alarm(f"{Kind.FAILED} {sight.stream}", Level.WARNING, title, body)


def _volumes(sight: Sight, doubted: frozenset[tuple[str, Window]]) -> Iterator[Alarm]:
    most = max((sample.records for sample in sight.samples), default=0)
    for place, sample in enumerate(sight.samples[:JUDGED]):
        if sample.records * 10 >= most or (sight.stream, sample.window) in doubted:  # the first: none made it small
            continue
        like = [each for each in sight.samples[place + 1 :] if _alike(each.window, sample.window)]
        anomaly = judge_volume(sample.records, [each.records for each in like])
        if anomaly is None:
            continue
        nothing = anomaly.code == "volume-none"
        title = f"one stream suddenly returned {'nothing' if nothing else 'very little'}"
        body = f"stream {sight.stream}: {_period(sample.window)} has {anomaly.message}"
        key = f"{Kind.VOLUME} {sight.stream} {format_instant(sample.window.start)}"
        yield Alarm(key, Level.WARNING if nothing else Level.INFO, title, body)


def _alike(one: Window, other: Window) -> bool:
    """Say whether two windows are of one length, but for clocks that change and months that differ."""
    return abs(one.length - other.length) <= max(one.length, other.length) / 9


def _paused(vault: Vault) -> Iterator[Alarm]:
    for source, why in paused_sources(vault.catalogue).items():
        by_person = why.startswith(BY_A_PERSON)
        title = "one source is paused" + (" by a person" if by_person else ": nothing is archived from it")
        body = f"source {source}; the reason: strongroom status"
        severity = Level.WARNING if by_person else Level.CRITICAL
        yield Alarm(f"{Kind.PAUSED} {source}", severity, title, body)


def _quarantined(vault: Vault) -> Iterator[Alarm]:
    for stream, count in sorted(quarantined_counts(vault.catalogue).items()):
        title = (
            f"{counted(count, 'export')} of one stream came unsound and {noun_of(count, 'lies', 'lie')} in quarantine"
        )
        body = f"stream {stream}; what is wrong: strongroom archives --holding quarantined"
        yield Alarm(f"{Kind.QUARANTINED} {stream}", Level.WARNING, title, body)


def _shrunk(vault: Vault, keeps: Keeps, now: datetime) -> Iterator[Alarm]:
    for source, kept in keeps.items():
        before = known_retention(vault.catalogue, source)
        if kept is None or before is None or kept >= before:
            continue
        title = f"a provider keeps its records for {_words(kept)} only; it was {_words(before)}"
        body = f"source {source}, seen on {now:%Y-%m-%d}; what is nearest to its end is exported first"
        yield Alarm(f"{Kind.RETENTION} {source}", Level.CRITICAL, title, body)


def _log(vault: Vault, now: datetime) -> Iterator[Alarm]:
    title = "the evidence log cannot be trusted or not be written"
    try:
        vault.write_log(now)  # raises an alarm of its own where the file is gone
    except (VaultError, WorldError) as error:
        yield Alarm(Kind.LOG, Level.CRITICAL, title, error.message)


def _unlocked(vault: Vault) -> Iterator[Alarm]:
    if is_lock_unwanted(vault):
        title = "the configuration wants the vault's lock mode off: it cannot be, and stays on"
        yield Alarm(Kind.LOCK, Level.WARNING, title, "put [vault] lock = true back; see: strongroom log")


def _disk(free: int, reserve: int, sights: Sequence[Sight]) -> list[Alarm]:
    words = f"{_size(free)} are free, the reserve is {_size(reserve)}"
    if free < reserve:
        title = "free disk space is below the reserve: no export is made"
        return [Alarm(Kind.DISK, Level.CRITICAL, title, words)]
    lasts = forecast_disk(free, reserve, map(_growth, sights)).lasts
    if lasts is None or lasts >= DISK_AHEAD:
        return []
    return [Alarm(Kind.DISK, Level.WARNING, f"the disk is full in about {_words(lasts)}", words)]


def _growth(sight: Sight) -> Growth:
    """Return what a stream brings, and that all that is at risk now is still to be taken."""
    return growth_of(sight.samples, sight.risk.amount if sight.risk else timedelta(0))


def _words(length: timedelta) -> str:
    """Write a length of time in its largest sensible unit, rounded down."""
    for unit, each in (("day", DAY), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if length >= each:
            return counted(length // each, unit)
    return "less than a minute"


def _period(window: Window) -> str:
    return f"{format_instant(window.start)} to {format_instant(window.end)}"


def _size(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
