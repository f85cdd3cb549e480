"""The vault's own notion of time: it never runs backwards, and does not believe our clock without confirmation.

Destruction goes by the time that the chained log confirms (model/time_log.py): its entries name who confirmed it. The
high-water mark in the catalogue serves alerts and estimates only, because anyone who can write there can change it. It
follows a provider's `Date`, and our clock in steps no longer than the tolerance.

Before a run without a person, our clock is checked against the providers and the log.
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
    check_votes,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import ProviderError, StrongroomError, Transient, UsageError, VaultError, WorldError
from strongroom.model.time_log import BUILT_IN, TimeLog
from strongroom.model.times import Clock, format_instant, parse_instant, rough_duration
from strongroom.vault.catalogue import PUT_FACT, Catalogue, read_fact
from strongroom.vault.log import add_entry
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.retention_records import last_entry_at
from strongroom.vault.rows import UNREADABLE, to_instant, to_text
from strongroom.vault.vault import Vault

MARK = "time"  # the fact that holds the high-water mark
CONFIRMED_AT = "time confirmed"  # the fact that holds when the log last recorded a confirmation
TOLERANCE = timedelta(days=1)
STEP = timedelta(minutes=10)  # the mark is written no more often than this

_AT = b'"at":"'
_ABOUT = b'{"archive":"'  # how a canonical line about an archive begins
_TIME_KINDS = tuple(
    b'"kind":"%b"' % kind.encode()
    for kind in (EntryKind.VAULT_CREATED, EntryKind.SOURCE_ADDRESS, EntryKind.CLOCK_CONFIRMED, EntryKind.CLOCK_ACCEPTED)
)
_WRITTEN_AT_START = frozenset(
    {
        EntryKind.RECIPIENTS_CHANGED,
        EntryKind.DESTRUCTION_RULES_CHANGED,
        EntryKind.RECIPIENT_PROVEN,
        EntryKind.RETENTION_CHANGED,
        EntryKind.VAULT_LOCKED,
        EntryKind.SOURCE_ADDRESS,
    }
)
_ENOUGH = 200  # entries: more than one changed configuration writes
_DESTROY_HINT = (
    "set the clock (timedatectl), or run: strongroom doctor; people can accept a time with: strongroom destroy"
    " accept-time"
)
_RUN_HINT = "set the clock (timedatectl), or make a provider reachable, then run again: nothing was planned"


class ClockRefused(WorldError):
    """Our clock is wrong or unconfirmed, so nothing was started."""


def clock_votes(sources: Mapping[str, SourceAccount]) -> list[ClockVote]:
    """Ask every provider for the time; a vote has no skew where the provider gave none.

    A provider that cannot be reached, refuses or lacks a key gives none: its jobs report why.
    """
    return _ask(sources)[0]


def judge_clock(engine: Engine) -> ClockVerdict:
    """Judge our clock by every provider that answers, and by the vault where none gives the time.

    A provider outweighs the log: a vault that was off for a year is far behind and yet right. Where no provider can be
    reached, the log may have been written by the same wrong clock, so the last confirmed time counts too.
    """
    bounds, now = Tolerance(), engine.clock()
    votes, answered = _ask(engine.sources)
    verdict = check_votes(votes, bounds)
    if verdict.fault is not None:
        return verdict
    if any(each.skew is not None for each in votes):
        remember_time(engine.vault, now)
        confirm(engine.vault, now, votes, engine.clock_tolerance)
        return ClockVerdict()
    moments = [last_judged_at(engine.vault), *([] if answered else [time_mark(engine.vault.catalogue)])]
    for moment in moments:
        verdict = check_start(now, moment, bounds)
        if verdict.fault is not None:
            return ClockVerdict(verdict.fault, f"{verdict.words}, and no provider reported the time")
    if answered:
        keep_time(engine.vault, now, engine.clock_tolerance)
    return ClockVerdict()


def last_judged_at(vault: Vault) -> datetime | None:
    """Return the time of the newest log entry that was not written before the clock was judged.

    A start logs a changed configuration before it judges our clock, so those entries do not count.
    """
    entries = (each.at for each in newest_moments(vault, _ENOUGH) if each.kind not in _WRITTEN_AT_START)
    return next(entries, None) or last_entry_at(vault.catalogue)


def clock_refusal(verdict: ClockVerdict) -> ClockRefused:
    """Return the error for a clock that was judged wrong."""
    return ClockRefused(verdict.words, hint=_RUN_HINT)


def clock_vote(source: SourceAccount, skew: timedelta | None) -> ClockVote:
    """Return a source's vote; sources at the built-in address of one provider count as one voter."""
    return ClockVote(source.name, source.address or source.kind, source.address, skew)


def _ask(sources: Mapping[str, SourceAccount]) -> tuple[list[ClockVote], bool]:
    """Return the votes, and whether any provider answered; true where no source is configured."""
    votes: list[ClockVote] = []
    answered = not sources
    for source in sources.values():
        skew = None
        try:
            skew, answered = source.provider.probe().clock_skew, True
        except ProviderError as error:  # a refusal is an answer too, but without a time
            answered = answered or not isinstance(error, Transient)
        except StrongroomError:
            pass
        votes.append(clock_vote(source, skew))
    return votes, answered


def vault_now(vault: Vault, clock: Clock) -> datetime:
    """Return the present by our clock, or the high-water mark where the clock is behind it."""
    mark = time_mark(vault.catalogue)
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
    """Raise WorldError unless the chained log confirms our clock, as a destruction needs; else remember the time.

    `skews` is how far each source's `Date` is ahead of our clock, None where it did not answer; `addresses` holds each
    source's address where it is not the adapter's own. A clock that is past the confirmed time by more than the
    tolerance, as after weeks switched off, needs a provider at an established address that agrees, or people.
    """
    now, time_log = clock(), read_time(vault.catalogue, tolerance, approvers, people)
    votes = [ClockVote(name, name, addresses.get(name, BUILT_IN), skew) for name, skew in skews.items()]
    verdict = _judge(now, time_log, votes, tolerance)
    if verdict.fault is not None:
        raise WorldError(f"nothing is destroyed while the clock is in doubt: {verdict.words}", hint=_DESTROY_HINT)
    confirm(vault, now, established_votes(time_log, votes), tolerance)
    remember_time(vault, now)


def _judge(now: datetime, time_log: TimeLog, votes: Sequence[ClockVote], tolerance: timedelta) -> ClockVerdict:
    """Judge a clock: any source may contradict it, only an established one may confirm it."""
    verdict = _contradicted(votes, tolerance)
    if verdict.fault is not None:
        return verdict
    established = established_votes(time_log, votes)
    skews = {each.source: each.skew for each in established}
    verdict = check_trust(now, time_log.vouched, time_log.last, skews, tolerance)
    strangers = [each.source for each in votes if each.skew is not None and each not in established]
    if verdict.fault is not None and strangers:
        words = f"{verdict.words}; the address of {', '.join(strangers)} is too new to confirm a time"
        return ClockVerdict(verdict.fault, words)
    open_leaps = [each for each in time_log.leaps if not (established and each.after - now <= tolerance)]
    if verdict.fault is None and open_leaps:
        leap = open_leaps[0]
        length = rough_duration(leap.after - leap.before)
        words = f"the log jumps ahead by {length} at line {leap.seq}, and nobody has confirmed that time"
        return ClockVerdict(ClockFault.FORWARD, words)
    return verdict


def _contradicted(votes: Sequence[ClockVote], tolerance: timedelta) -> ClockVerdict:
    for vote in votes:
        if vote.skew is not None and abs(vote.skew) > tolerance:
            return check_skew(vote.source, vote.skew.total_seconds(), Tolerance(skew=tolerance))
    return ClockVerdict()


def require_uncontradicted(now: datetime, time_log: TimeLog, votes: Sequence[ClockVote], tolerance: timedelta) -> None:
    """Raise WorldError where a provider gives another time than our clock, or the log confirms a later one."""
    verdict = _contradicted(votes, tolerance)
    if verdict.fault is None and time_log.vouched is not None and time_log.vouched - now > tolerance:
        words = f"it is {rough_duration(time_log.vouched - now)} behind the time that the log confirms"
        verdict = ClockVerdict(ClockFault.BACK, words)
    if verdict.fault is not None:
        raise WorldError(f"the system clock is not accepted: {verdict.words}", hint="set the clock (timedatectl)")


def established_votes(time_log: TimeLog, votes: Sequence[ClockVote]) -> list[ClockVote]:
    """Return the votes that may confirm a time: at an address that the log established, or at the adapter's own."""
    return [each for each in votes if each.skew is not None and time_log.is_established(each.source, each.address)]


def read_time(
    catalogue: Catalogue, tolerance: timedelta = TOLERANCE, approvers: Collection[str] | None = None, people: int = 1
) -> TimeLog:
    """Return what the chained log records about time. Raises VaultError where it cannot be read to its end."""
    time_log, walk = TimeLog(tolerance, approvers, people, _is_signed), LogWalk()
    for line in walk.lines(catalogue):
        try:
            time_log.pass_by(walk.seq, time_of(line), archive=line.startswith(_ABOUT))
            if any(kind in line for kind in _TIME_KINDS):
                time_log.hear(walk.seq, json.loads(line))
        except UNREADABLE as error:
            raise VaultError(
                f"entry {walk.seq} of the evidence log has no readable time", hint="run: strongroom audit verify"
            ) from error
    return time_log


def acceptance_text(since: str, at: datetime, by: str) -> str:
    """Return the text that a person with a key signs to accept a time."""
    return f"strongroom acceptance of time 1\nfrom {since}\nat {format_instant(at)}\nby {by}\n"


def _is_signed(at: datetime, facts: Mapping[str, Any]) -> bool:
    try:
        text = open_note(facts["note"], Verifier.parse(facts["signer"]))
    except (UsageError, VaultError):
        return False
    return text == acceptance_text(facts["from"], at, facts["by"])


def time_of(line: bytes) -> datetime:
    """Return when a canonical line was written: only an archive's id may come before its time."""
    start = line.index(_AT) + len(_AT)
    return parse_instant(line[start : line.index(b'"', start)].decode())


def is_confirmation_due(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> bool:
    """Return whether the log needs a new confirmation of our clock."""
    confirmed_at = read_fact(vault.catalogue, CONFIRMED_AT, to_instant)
    return confirmed_at is None or abs(now - confirmed_at) >= tolerance / 2


def confirm(vault: Vault, now: datetime, votes: Sequence[ClockVote], tolerance: timedelta = TOLERANCE) -> None:
    """Log who confirms our clock now, once in half a tolerance: the log is the vault's source of time."""
    sources: list[Fact] = [
        {"source": each.source, "address": each.address, "ahead_seconds": round(each.skew.total_seconds())}
        for each in votes
        if each.skew is not None and abs(each.skew) <= tolerance
    ]
    if not sources or not is_confirmation_due(vault, now, tolerance):
        return
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, CONFIRMED_AT, to_text(now))
        add_entry(vault.catalogue, Entry(EntryKind.CLOCK_CONFIRMED, now, facts={"sources": sources}))
    vault.write_log()


def remember_confirmed(vault: Vault, now: datetime) -> None:
    """Remember that the log recorded a confirmation of the time."""
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, CONFIRMED_AT, to_text(now))


def remember_time(vault: Vault, now: datetime) -> None:
    """Raise the high-water mark to a confirmed time. It is never lowered."""
    mark = time_mark(vault.catalogue)
    if mark is not None and now < mark + STEP:
        return
    with vault.catalogue.transaction():
        again = time_mark(vault.catalogue)
        if again is None or now > again:
            vault.catalogue.write(PUT_FACT, MARK, to_text(now))


def keep_time(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Let the mark follow our clock unless it jumped. A process that runs all the time calls this often."""
    mark = time_mark(vault.catalogue)
    if mark is not None and now - mark <= tolerance:
        remember_time(vault, now)


def time_mark(catalogue: Catalogue) -> datetime | None:
    """Return the newest time that something besides our clock confirmed, None where nothing ever did."""
    return read_fact(catalogue, MARK, to_instant)


def time_alarms(vault: Vault, now: datetime, tolerance: timedelta = TOLERANCE) -> list[Alert]:
    """Return the alert for an unconfirmed time: while it is active, nothing is destroyed."""
    mark = time_mark(vault.catalogue)
    if mark is None or abs(now - mark) <= tolerance:
        return []
    side = "past" if now > mark else "behind"
    body = f"our clock is {rough_duration(abs(now - mark))} {side} the last confirmed time of the vault"
    title = "nobody confirms the time of this machine: nothing is destroyed until a provider does"
    return [Alert(f"{AlertKind.CLOCK} unconfirmed", Level.WARNING, title, body)]
