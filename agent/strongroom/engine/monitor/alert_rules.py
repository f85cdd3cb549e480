"""Alarms about windows that are unusually empty, and about what their second looks found.

Which alerts to raise, computed from ledger, plans, disk and clock alone.

How a run ended is not asked: a run that never began, a stopped daemon and a bug in the engine look the same from here,
and what they have in common, records that nobody holds while their end comes nearer, is what is watched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from strongroom.engine.access.recipients import drill_alarms
from strongroom.engine.access.subject_requests import answer_alarms
from strongroom.engine.copies.copy_status import NO_PERIODS, copy_alarms
from strongroom.engine.core.trusted_clock import TOLERANCE, time_alarms
from strongroom.engine.destruction.stuck import destruction_alarms
from strongroom.engine.monitor.stream_status import LEAST_LOSS, Keeps, StreamStatus, stream_statuses_of
from strongroom.engine.monitor.system_status import growth_of
from strongroom.engine.proof.checkpoint_delivery import evidence_alarms
from strongroom.engine.repair.scrub_report import scrub_alarms
from strongroom.engine.retention.rules import is_lock_unwanted
from strongroom.evidence.line import Entry
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.backlog_forecast import Growth, forecast_disk
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.inspection import judge_volume
from strongroom.model.plan import Plan
from strongroom.model.scrub import ScrubPace
from strongroom.model.second_look import SecondLook, SecondLookOutcome, words_of
from strongroom.model.text import counted, noun_of
from strongroom.model.times import format_instant
from strongroom.model.waiting import code_words
from strongroom.model.window import Window
from strongroom.vault.archives import quarantined_counts
from strongroom.vault.log import add_entry
from strongroom.vault.second_looks import second_looks
from strongroom.vault.sources import known_retention, paused_sources, remember_retention
from strongroom.vault.vault import Vault

RECENT = timedelta(days=30)  # an outcome that was not sent yet is sent within this period
_SEE = "see: strongroom coverage --stream"


def doubted_windows(vault: Vault) -> frozenset[tuple[str, Window]]:
    """Return the windows, with their streams, that this alert covers, so that no other is needed."""
    return frozenset((look.stream, look.window) for look in second_looks(vault.catalogue))


def empty_alarms(vault: Vault, streams: Collection[str], now: datetime) -> Iterator[Alert]:
    """Yield the alerts for the empty windows of these streams.

    A pending second look stays open until it is made. One that found records, or could not be made, is sent once.
    """
    for look in second_looks(vault.catalogue):
        if look.stream in streams and (look.outcome is SecondLookOutcome.PENDING or abs(now - look.at) <= RECENT):
            alarm = _alarm(look)
            if alarm is not None:
                yield alarm


def _alarm(look: SecondLook) -> Alert | None:
    span = f"{format_instant(look.window.start)} to {format_instant(look.window.end)}"
    body = f"stream {look.stream}: {span}: {words_of(look)}; {_SEE} {look.stream}"
    about = f"{look.stream} {format_instant(look.window.start)}"
    match look.outcome:
        case SecondLookOutcome.PENDING:
            title = f"one window of one stream is unusually empty: it will be exported again on {look.due:%Y-%m-%d}"
            return Alert(f"{AlertKind.EMPTY} {about}", Level.WARNING, title, body)
        case SecondLookOutcome.REFUTED:
            title = "one window of one stream was not empty: a later export found records, which are now archived"
            return Alert(f"{AlertKind.EMPTY_REFUTED} {about}", Level.WARNING, title, body)
        case SecondLookOutcome.UNCONFIRMED:
            title = "one window of one stream is unusually empty, and no second look could be made"
            return Alert(f"{AlertKind.EMPTY_UNCONFIRMED} {about}", Level.WARNING, title, body)
        case SecondLookOutcome.CONFIRMED:
            return None


DAY = timedelta(days=1)
WARN = 14 * DAY  # before the provider begins to destroy what is not held
URGE = 3 * DAY
DISK_AHEAD = 14 * DAY
JUDGED = 8  # newest windows whose volume is compared with those before them
BY_A_PERSON = "paused by "


def alarms(vault: Vault, plans: Iterable[Plan], keeps: Keeps, now: datetime, *, reserve: int = 0) -> list[Alert]:
    """Return everything that is wrong now. `reserve` is how many bytes of the disk stay free.

    Brings the log file level with the catalogue as it checks it, as every act in the vault does.
    """
    return alarms_in(vault, stream_statuses_of(vault, plans, keeps, now), keeps, now, reserve=reserve)


def alarms_in(
    vault: Vault,
    stream_statuses: Sequence[StreamStatus],
    keeps: Keeps,
    now: datetime,
    *,
    reserve: int = 0,
    pace: ScrubPace | None = None,
    drill_every: timedelta | None = None,
    rehearse: Mapping[str, timedelta] = NO_PERIODS,
    tolerance: timedelta = TOLERANCE,
    log: bool = True,
) -> list[Alert]:
    """Return everything that is wrong, given what is seen of the streams. The loudest come first.

    Without `log` nothing is written: the log file is not brought level with the catalogue.
    """
    doubted = doubted_windows(vault)  # one alert of a window, not two
    found = [alarm for stream_status in stream_statuses for alarm in _of_stream(stream_status, now, doubted)]
    found += [*_paused(vault), *_quarantined(vault), *_shrunk(vault, keeps, now)]
    found += _log(vault, now) if log else ()
    found += empty_alarms(vault, {stream_status.stream for stream_status in stream_statuses}, now)
    found += evidence_alarms(vault)
    found += _disk(vault.free_bytes(), reserve, stream_statuses)
    found += scrub_alarms(vault, now, pace or ScrubPace())
    found += copy_alarms(vault, now, rehearse)
    found += drill_alarms(vault, now, drill_every)
    found += destruction_alarms(vault, now)
    found += answer_alarms(vault, now)
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
                add_entry(vault.catalogue, Entry(EntryKind.SOURCE_RETENTION_CHANGED, now, facts=facts))
    vault.write_log()


def _of_stream(
    stream_status: StreamStatus, now: datetime, doubted: frozenset[tuple[str, Window]] = frozenset()
) -> Iterator[Alert]:
    yield from _at_risk(stream_status, now)
    yield from _late(stream_status)
    yield from (_lost(stream_status.stream, window) for window in stream_status.lost if window.length >= LEAST_LOSS)
    yield from (_uncopied(stream_status.stream, window) for window in stream_status.uncopied)
    yield from _failed(stream_status)
    yield from _volumes(stream_status, doubted)


def _at_risk(stream_status: StreamStatus, now: datetime) -> Iterator[Alert]:
    """Warn 14 and urge 3 days ahead, less where the provider keeps so little that this would never be quiet."""
    risk, keeps = stream_status.risk, stream_status.keeps
    if risk is None or keeps is None or risk.first_loss - now > min(WARN, keeps / 3):
        return
    severity = Level.CRITICAL if risk.first_loss - now <= min(URGE, keeps / 10) else Level.WARNING
    title = f"{_words(risk.amount)} of one stream will be deleted by the provider, from {risk.first_loss:%Y-%m-%d} on"
    gaps, amount = len(risk.gaps), _words(risk.amount)
    body = (
        f"stream {stream_status.stream}: {amount} {_is(amount)} not archived: {counted(gaps, 'gap')} from "
        + _period(Window(risk.gaps[0].start, risk.gaps[-1].end))
    )
    yield Alert(f"{AlertKind.AT_RISK} {stream_status.stream}", severity, title, body)


def _late(stream_status: StreamStatus) -> Iterator[Alert]:
    """Alert on a delay longer than the provider's retention: what is requested after deletion is never archived."""
    if stream_status.keeps is None or not (stream_status.late or stream_status.late_pass):
        return
    kept = f"records are kept for {_words(stream_status.keeps)}"
    if stream_status.late:
        title = f"one stream settles too late: {kept}, and every window will be lost"
        body = f"stream {stream_status.stream}: shorten settle, or window, in the configuration"
        yield Alert(f"{AlertKind.LATE} {stream_status.stream}", Level.CRITICAL, title, body)
        return
    title = f"one stream's second pass comes too late: {kept}, and it is never done"
    body = f"stream {stream_status.stream}: shorten settled_pass in the configuration"
    yield Alert(f"{AlertKind.LATE} {stream_status.stream}", Level.WARNING, title, body)


def _lost(stream: str, window: Window) -> Alert:
    amount = _words(window.length)
    title = f"{amount} of one stream {_is(amount)} lost: the provider deleted"
    title += " it before it was archived" if _is(amount) == "is" else " them before they were archived"
    key = f"{AlertKind.LOST} {stream} {format_instant(window.start)}"
    return Alert(key, Level.CRITICAL, title, f"stream {stream}: lost from {_period(window)}")


def _is(amount: str) -> str:
    """Return the verb of an amount in words, such as "1 day" or "3 days"."""
    return "is" if amount.startswith(("1 ", "less")) else "are"


def _uncopied(stream: str, window: Window) -> Alert:
    title = f"no copy of one stream was taken for {_words(window.length)}: its records of that time are not archived"
    key = f"{AlertKind.LOST} {stream} {format_instant(window.start)}"
    return Alert(key, Level.WARNING, title, f"stream {stream}: no copy for {_period(window)}")


def _failed(stream_status: StreamStatus) -> Iterator[Alert]:
    if not stream_status.missing:
        return
    count = len(stream_status.missing)
    causes = Counter(each.cause for each in stream_status.missing)
    listed = "; ".join(_cause_count(cause, times) for cause, times in sorted(causes.items()))
    title = f"{counted(count, 'window')} of one stream failed: a person must act"
    body = f"stream {stream_status.stream}: {listed}; the first is {_period(stream_status.missing[0].window)}"
    yield Alert(f"{AlertKind.FAILED} {stream_status.stream}", Level.WARNING, title, body)


def _cause_count(cause: str, times: int) -> str:
    words = code_words(cause)
    return f"{cause or 'no cause'} ({times})" + (f": {words}" if words else "")


def _volumes(stream_status: StreamStatus, doubted: frozenset[tuple[str, Window]]) -> Iterator[Alert]:
    most = max((sample.records for sample in stream_status.samples), default=0)
    for place, sample in enumerate(stream_status.samples[:JUDGED]):
        if (
            sample.records * 10 >= most or (stream_status.stream, sample.window) in doubted
        ):  # the first: none made it small
            continue
        like = [each for each in stream_status.samples[place + 1 :] if _alike(each.window, sample.window)]
        anomaly = judge_volume(sample.records, [each.records for each in like])
        if anomaly is None:
            continue
        nothing = anomaly.code == "volume-none"
        title = f"one stream suddenly returned {'nothing' if nothing else 'very little'}"
        body = f"stream {stream_status.stream}: {_period(sample.window)} has {anomaly.message}"
        key = f"{AlertKind.VOLUME} {stream_status.stream} {format_instant(sample.window.start)}"
        yield Alert(key, Level.WARNING if nothing else Level.INFO, title, body)


def _alike(one: Window, other: Window) -> bool:
    """Say whether two windows are of one length, but for clocks that change and months that differ."""
    return abs(one.length - other.length) <= max(one.length, other.length) / 9


def _paused(vault: Vault) -> Iterator[Alert]:
    for source, why in paused_sources(vault.catalogue).items():
        by_person = why.startswith(BY_A_PERSON)
        title = "one source is paused" + (" by a person" if by_person else ": nothing is archived from it")
        body = f"source {source}; the reason: strongroom status"
        severity = Level.WARNING if by_person else Level.CRITICAL
        yield Alert(f"{AlertKind.PAUSED} {source}", severity, title, body)


def _quarantined(vault: Vault) -> Iterator[Alert]:
    for stream, count in sorted(quarantined_counts(vault.catalogue).items()):
        faulty = noun_of(count, "is in quarantine: it is not", "are in quarantine: they are not")
        title = f"{counted(count, 'export')} of one stream {faulty} valid"
        body = f"stream {stream}; what is wrong: strongroom archives --holding quarantined"
        yield Alert(f"{AlertKind.QUARANTINED} {stream}", Level.WARNING, title, body)


def _shrunk(vault: Vault, keeps: Keeps, now: datetime) -> Iterator[Alert]:
    for source, kept in keeps.items():
        before = known_retention(vault.catalogue, source)
        if kept is None or before is None or kept >= before:
            continue
        title = f"a provider keeps its records for {_words(kept)} only; it was {_words(before)}"
        body = f"source {source}, seen on {now:%Y-%m-%d}; the records nearest to deletion are exported first"
        yield Alert(f"{AlertKind.RETENTION} {source}", Level.CRITICAL, title, body)


def _log(vault: Vault, now: datetime) -> Iterator[Alert]:
    title = "the evidence log cannot be trusted or cannot be written"
    try:
        vault.write_log(now)  # raises an alarm of its own where the file is gone
    except (VaultError, WorldError) as error:
        yield Alert(AlertKind.LOG, Level.CRITICAL, title, error.message)


def _unlocked(vault: Vault) -> Iterator[Alert]:
    if is_lock_unwanted(vault):
        title = "the configuration turns off the vault's lock mode, which is not possible: it stays on"
        yield Alert(AlertKind.LOCK, Level.WARNING, title, "set [vault] lock = true again; see: strongroom log")


def _disk(free: int, reserve: int, stream_statuses: Sequence[StreamStatus]) -> list[Alert]:
    words = f"{_size(free)} are free, the reserve is {_size(reserve)}"
    if free < reserve:
        title = "free disk space is below the reserve: no export is made"
        return [Alert(AlertKind.DISK, Level.CRITICAL, title, words)]
    lasts = forecast_disk(free, reserve, map(_growth, stream_statuses)).lasts
    if lasts is None or lasts >= DISK_AHEAD:
        return []
    return [Alert(AlertKind.DISK, Level.WARNING, f"the disk will be full in about {_words(lasts)}", words)]


def _growth(stream_status: StreamStatus) -> Growth:
    """Return what a stream brings, and that all that is at risk now is still to be taken."""
    return growth_of(stream_status.samples, stream_status.risk.amount if stream_status.risk else timedelta(0))


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
