"""The vault's own notion of time: it never runs backwards, and it is not believed merely because a clock says so.

What is destroyed by is the time that the chained log vouches for (model/time_log.py): the log tells who spoke for it.
The high-water mark in the catalogue is a memory for alarms and for reckoning, which whoever can write there can change:
nothing is destroyed on its word. It follows a provider's `Date`, and steps no longer than the tolerance.

Is our clock one to plan by? Asked of the log and of the providers before a run that nobody watches.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from strongroom.engine.core.engine import Engine, SourceAccount
from strongroom.engine.core.moments import newest_moments
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Verifier, open_note
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.clock_check import (
    ClockFault,
    ClockVerdict,
    ClockVote,
    Tolerance,
    check_skew,
    check_start,
    check_trust,
    check_voices,
)
from strongroom.model.errors import ProviderError, StrongroomError, Transient, UsageError, VaultError, WorldError
from strongroom.model.time_log import ACCEPTED, ADDRESS, BUILT_IN, CONFIRMED, CREATED, TimeLog
from strongroom.model.times import Clock, format_instant, parse_instant, rough_duration
from strongroom.vault.catalogue import PUT_FACT, Catalogue, read_fact
from strongroom.vault.log import add_entry
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.retention_records import last_entry_at
from strongroom.vault.rows import UNREADABLE, to_instant, to_text
from strongroom.vault.vault import Vault

MARK = "time"  # the high-water mark, as a fact of the vault
SAID = "time confirmed"  # when the log was last told who vouches
TOLERANCE = timedelta(days=1)
_AT = b'"at":"'
_ABOUT = b'{"archive":"'  # how a canonical line about an archive begins
_MARKS = tuple(b'"kind":"%b"' % kind.encode() for kind in (CREATED, ADDRESS, CONFIRMED, ACCEPTED))
_HINT = (
    "set the clock (timedatectl), or see: strongroom doctor; people accept a time with: strongroom destroy accept-time"
)
STEP = timedelta(minutes=10)  # the mark is written anew no more often than this


def vault_now(vault: Vault, clock: Clock) -> datetime:
    """Return the present by our clock, or the high-water mark where the clock is behind it."""
    mark = _mark(vault.catalogue)
    now = clock()
    return now if mark is None else max(now, mark)


def require_trustworthy_time(
    vault: Vault,
    clock: Clock,
    skews: Mapping[str, timedelta | None],
    tolerance: timedelta = TOLERANCE,
    *,
    addresses: Mapping[str, str] = MappingProxyType({}),
    approvers: Collection[str] = (),
    people: int = 1,
) -> None:
    """Raise WorldError unless our clock is one to destroy by, by the chained log; else remember the time.

    `skews` is what each source's `Date` is ahead of our clock, None where one did not answer; `addresses` where each is
    asked that is not asked where its adapter says. A clock past the time that the log vouches for by more than the
    tolerance, as after weeks switched off, needs a provider at an established address that says the same, or people.
    """
    now, told = clock(), read_time(vault.catalogue, tolerance, approvers, people)
    voices = [ClockVote(name, name, addresses.get(name, BUILT_IN), skew) for name, skew in skews.items()]
    verdict = _judge(now, told, voices, tolerance)
    if verdict.fault is not None:
        raise WorldError(f"nothing is destroyed by this clock: {verdict.words}", hint=_HINT)
    confirm(vault, now, vouchers(told, voices), tolerance)
    remember_time(vault, now)


def _judge(now: datetime, told: TimeLog, voices: Sequence[ClockVote], tolerance: timedelta) -> ClockVerdict:
    """Judge a clock: anybody may contradict it, only who is established may vouch for it."""
    verdict = _contradicted(voices, tolerance)
    if verdict.fault is not None:
        return verdict
    established = vouchers(told, voices)
    verdict = check_trust(now, told.vouched, told.last, {each.source: each.skew for each in established}, tolerance)
    strangers = [each.source for each in voices if each.skew is not None and each not in established]
    if verdict.fault is not None and strangers:
        words = f"{verdict.words}; the address of {', '.join(strangers)} came lately and does not confirm a time yet"
        return ClockVerdict(verdict.fault, words)
    open_leaps = [each for each in told.leaps if not (established and each.after - now <= tolerance)]
    if verdict.fault is None and open_leaps:
        leap = open_leaps[0]
        length = rough_duration(leap.after - leap.before)
        words = f"the log jumped ahead by {length} at line {leap.seq}, and nobody confirmed that time"
        return ClockVerdict(ClockFault.FORWARD, words)
    return verdict


def _contradicted(voices: Sequence[ClockVote], tolerance: timedelta) -> ClockVerdict:
    for voice in voices:
        if voice.skew is not None and abs(voice.skew) > tolerance:
            return check_skew(voice.source, voice.skew.total_seconds(), Tolerance(skew=tolerance))
    return ClockVerdict()


def require_uncontradicted(now: datetime, told: TimeLog, voices: Sequence[ClockVote], tolerance: timedelta) -> None:
    """Raise WorldError where a provider says another time than our clock, or the log vouches for a later one."""
    verdict = _contradicted(voices, tolerance)
    if verdict.fault is None and told.vouched is not None and told.vouched - now > tolerance:
        words = f"it is {rough_duration(told.vouched - now)} behind the time that the log confirms"
        verdict = ClockVerdict(ClockFault.BACK, words)
    if verdict.fault is not None:
        raise WorldError(f"this clock is not accepted: {verdict.words}", hint="set the clock (timedatectl)")


def vouchers(told: TimeLog, voices: Sequence[ClockVote]) -> list[ClockVote]:
    """Return who told a time and may vouch for it: established by the log, or asked where its adapter says."""
    return [each for each in voices if each.skew is not None and told.is_established(each.source, each.address)]


def read_time(
    catalogue: Catalogue, tolerance: timedelta = TOLERANCE, approvers: Collection[str] | None = None, people: int = 1
) -> TimeLog:
    """Return what the chained log tells of time. Raises VaultError where it cannot be read to its end."""
    told, walk = TimeLog(tolerance, approvers, people, _is_signed), LogWalk()
    for line in walk.lines(catalogue):
        try:
            told.pass_by(walk.seq, time_of(line), archive=line.startswith(_ABOUT))
            if any(mark in line for mark in _MARKS):
                told.hear(walk.seq, json.loads(line))
        except UNREADABLE as error:
            raise VaultError(
                f"entry {walk.seq} of the evidence log has no readable time", hint="strongroom audit verify"
            ) from error
    return told


def acceptance_text(since: str, at: datetime, by: str) -> str:
    """Return what a person with a key signs to accept a time, ready for a signed note."""
    return f"strongroom acceptance of time 1\nfrom {since}\nat {format_instant(at)}\nby {by}\n"


def _is_signed(at: datetime, facts: Mapping[str, Any]) -> bool:
    try:
        text = open_note(facts["note"], Verifier.parse(facts["signer"]))
    except (UsageError, VaultError):
        return False
    return text == acceptance_text(facts["from"], at, facts["by"])


def time_of(line: bytes) -> datetime:
    """Return when a canonical line was written: but for an archive's id nothing stands before its time."""
    start = line.index(_AT) + len(_AT)
    return parse_instant(line[start : line.index(b'"', start)].decode())


def is_confirmation_due(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> bool:
    """Say whether the log should hear again who vouches for our clock."""
    entered = catalogue_fact(vault.catalogue, SAID)
    return entered is None or abs(now - entered) >= tolerance / 2


def confirm(vault: Vault, now: datetime, voices: Sequence[ClockVote], tolerance: timedelta = TOLERANCE) -> None:
    """Enter who vouches for our clock now, once in half a tolerance: the log is where the vault has its time from."""
    said = [each for each in voices if each.skew is not None and abs(each.skew) <= tolerance]
    if not said or not is_confirmation_due(vault, now, tolerance):
        return
    sources: list[Fact] = [
        {"source": each.source, "address": each.address, "ahead_seconds": round(each.skew.total_seconds())}
        for each in said
        if each.skew is not None
    ]
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, SAID, to_text(now))
        add_entry(vault.catalogue, Entry(CONFIRMED, now, facts={"sources": sources}))
    vault.write_log()


def remember_time(vault: Vault, now: datetime) -> None:
    """Raise the mark: somebody else spoke for this time. It is never lowered."""
    mark = _mark(vault.catalogue)
    if mark is not None and now < mark + STEP:
        return
    with vault.catalogue.transaction():
        again = _mark(vault.catalogue)
        if again is None or now > again:
            vault.catalogue.write(PUT_FACT, MARK, to_text(now))


def remember_confirmed(vault: Vault, now: datetime) -> None:
    """Remember when the log was last told who vouches for the time."""
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, SAID, to_text(now))


def keep_time(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Let the mark follow our clock as long as it takes no leap. Called often by whoever runs all the time."""
    mark = _mark(vault.catalogue)
    if mark is not None and now - mark <= tolerance:
        remember_time(vault, now)


def time_alarms(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> list[Alert]:
    """Return the alarm for a time that nobody has spoken for: as long as it stands, nothing is destroyed."""
    mark = _mark(vault.catalogue)
    if mark is None or abs(now - mark) <= tolerance:
        return []
    side = "past" if now > mark else "behind"
    body = f"our clock is {rough_duration(abs(now - mark))} {side} the last time that the vault confirmed"
    title = "nobody confirms the time of this machine: nothing is destroyed until a provider does"
    return [Alert(f"{AlertKind.CLOCK} unconfirmed", Level.WARNING, title, body)]


def time_mark(catalogue: Catalogue) -> datetime | None:
    """Return the newest time that something besides our clock spoke for, None where nothing ever did."""
    return _mark(catalogue)


def _mark(catalogue: Catalogue) -> datetime | None:
    return catalogue_fact(catalogue, MARK)


def catalogue_fact(catalogue: Catalogue, name: str) -> datetime | None:
    """Return an instant that the catalogue remembers. Nothing is destroyed by it."""
    return read_fact(catalogue, name, to_instant)


_AT_A_START = frozenset(
    {
        "recipients.changed",
        "destruction.rules-changed",
        "recipient.proven",
        "retention.changed",
        "vault.locked",
        "source.address",
    }
)
_ENOUGH = 200  # entries: more than one changed configuration makes
_CLOCK_CHECK_HINT = (
    "set the clock (timedatectl), or see that a provider can be asked, then run again: nothing was planned"
)


class ClockRefused(WorldError):
    """Nothing is begun by this clock."""


def voices_of(sources: Mapping[str, SourceAccount]) -> list[ClockVote]:
    """Ask every provider for the time, and return what each says; one that tells none has no skew.

    One that is out of reach, refuses or lacks a key tells none: its jobs say why.
    """
    return _asked(sources)[0]


def judge_clock(engine: Engine, tolerance: Tolerance | None = None) -> ClockVerdict:
    """Judge our clock by every provider that answers, and by the vault where none tells the time.

    A provider's word outweighs the log: a vault that rested for a year is far behind and yet right. Where none is in
    reach the log may have been written by the same wrong clock, so the time that somebody else last spoke for counts.
    """
    bounds, now = tolerance or Tolerance(), engine.clock()
    voices, answered = _asked(engine.sources)
    verdict = check_voices(voices, bounds)
    if verdict.fault is not None:
        return verdict
    if any(each.skew is not None for each in voices):
        remember_time(engine.vault, now)
        confirm(engine.vault, now, voices, engine.clock_tolerance)
        return ClockVerdict()
    catalogue = engine.vault.catalogue
    moments = [last_said(engine), *([] if answered else [time_mark(catalogue)])]
    for moment in moments:
        verdict = check_start(now, moment, bounds)
        if verdict.fault is not None:
            return ClockVerdict(verdict.fault, f"{verdict.words}, and no provider told the time")
    if answered:
        keep_time(engine.vault, now, engine.clock_tolerance)
    return ClockVerdict()


def last_said(engine: Engine) -> datetime | None:
    """Return when the log was last written to by whoever had judged the clock, or did not have to.

    What a start enters of a changed configuration stands there before our clock is judged, and must not speak for it.
    """
    entries = (each.at for each in newest_moments(engine.vault, _ENOUGH) if each.kind not in _AT_A_START)
    return next(entries, None) or last_entry_at(engine.vault.catalogue)


def require_sane_clock(engine: Engine, tolerance: Tolerance | None = None) -> None:
    """Raise WorldError where a provider, or without one the vault, says another time than our clock.

    With a clock that is ahead, windows that have not ended would be exported as if they had, others counted as lost.
    """
    verdict = judge_clock(engine, tolerance)
    if verdict.fault is not None:
        raise refusal(verdict)


def refusal(verdict: ClockVerdict) -> ClockRefused:
    """Return the error for a clock that something speaks against."""
    return ClockRefused(verdict.words, hint=_CLOCK_CHECK_HINT)


def voice_of(source: SourceAccount, skew: timedelta | None) -> ClockVote:
    """Return what a source says, as the voice of who is asked: built-in addresses of one provider are one."""
    return ClockVote(source.name, source.address or source.kind, source.address, skew)


def _asked(sources: Mapping[str, SourceAccount]) -> tuple[list[ClockVote], bool]:
    """Return what each provider told, and whether any was in reach; where there is none, nobody is out of reach."""
    found: list[ClockVote] = []
    answered = not sources
    for source in sources.values():
        skew = None
        try:
            skew, answered = source.provider.probe().clock_skew, True
        except ProviderError as error:  # a refusal is an answer, if one without a time
            answered = answered or not isinstance(error, Transient)
        except StrongroomError:
            pass
        found.append(voice_of(source, skew))
    return found, answered
