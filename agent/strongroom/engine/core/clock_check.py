"""Is our clock one to plan by? Asked of the log and of the providers before a run that nobody watches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from strongroom.engine.core.engine import Engine, SourceAccount
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.trusted_clock import confirm, keep_time, remember_time, time_mark
from strongroom.model.clock_check import ClockVerdict, ClockVote, Tolerance, check_start, check_voices
from strongroom.model.errors import ProviderError, StrongroomError, Transient, WorldError
from strongroom.vault.retention_records import last_entry_at

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
_HINT = "set the clock (timedatectl), or see that a provider can be asked, then run again: nothing was planned"


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
    return ClockRefused(verdict.words, hint=_HINT)


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
