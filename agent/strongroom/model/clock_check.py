"""Is our clock sane? Wall time is compared with a clock that nobody sets, with the log, and with the providers.

Suspend is not a jump: the unset clock (boot time) runs on while the machine sleeps, so both advance alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from strongroom.model.times import rough_duration


class ClockFault(StrEnum):
    """What is wrong with our clock."""

    BACK = "clock-back"  # it was set back, or is behind what was already written down
    FORWARD = "clock-forward"  # it leapt ahead
    SKEWED = "clock-skewed"  # a provider's clock says something else
    UNPROVEN = "clock-unproven"  # just started, and nobody could be asked yet: no reason for alarm, nor for planning


class ClockReading(Struct, frozen=True):
    """Two clocks read at one moment."""

    wall: datetime
    boot: float  # seconds since the machine started, sleep included; never set by anyone


class Tolerance(Struct, frozen=True):
    """How far clocks may differ before an alert is raised."""

    jump: timedelta = timedelta(minutes=2)  # between two beats
    behind: timedelta = timedelta(minutes=2)  # behind the newest entry of the log
    ahead: timedelta = timedelta(days=35)  # ahead of the newest entry of the log
    skew: timedelta = timedelta(minutes=10)  # from a provider's clock


class ClockVerdict(Struct, frozen=True):
    """A fault of None means that the clock is not in doubt."""

    fault: ClockFault | None = None
    words: str = ""


def check_start(now: datetime, last_entry: datetime | None, tolerance: Tolerance) -> ClockVerdict:
    """Judge the clock at a start, against the newest entry of the log."""
    if last_entry is None:
        return ClockVerdict()
    if last_entry - now > tolerance.behind:
        return ClockVerdict(ClockFault.BACK, f"the log is {rough_duration(last_entry - now)} ahead of our clock")
    if now - last_entry > tolerance.ahead:
        words = f"our clock is {rough_duration(now - last_entry)} past the newest entry of the log"
        return ClockVerdict(ClockFault.FORWARD, words)
    return ClockVerdict()


def check_beat(before: ClockReading, now: ClockReading, tolerance: Tolerance) -> ClockVerdict:
    """Judge the clock between two beats of one process."""
    jump = (now.wall - before.wall) - timedelta(seconds=now.boot - before.boot)
    if jump < -tolerance.jump:
        return ClockVerdict(ClockFault.BACK, f"our clock was set back by {rough_duration(-jump)}")
    if jump > tolerance.jump:
        return ClockVerdict(ClockFault.FORWARD, f"our clock jumped ahead by {rough_duration(jump)}")
    return ClockVerdict()


def check_skew(source: str, seconds: float | None, tolerance: Tolerance) -> ClockVerdict:
    """Judge the clock against a provider's."""
    if seconds is None or abs(seconds) <= tolerance.skew.total_seconds():
        return ClockVerdict()
    side = "behind" if seconds > 0 else "ahead of"
    length = rough_duration(timedelta(seconds=abs(seconds)))
    return ClockVerdict(ClockFault.SKEWED, f"our clock is {length} {side} {source}'s")


class ClockVote(Struct, frozen=True):
    """How far one source's clock is ahead of ours; None where it gave no time."""

    source: str
    origin: str  # the server that answered: sources with the same origin count once
    address: str  # as recorded in the log
    skew: timedelta | None


def check_votes(voices: Iterable[ClockVote], tolerance: Tolerance) -> ClockVerdict:
    """Check our clock against all times that sources gave: it is wrong where more of them agree on another time.

    With one for and one against, either may be wrong: our clock stays accepted, because a source confirms it.
    """
    said = {voice.origin: voice for voice in voices if voice.skew is not None}
    agree = [each for each in said.values() if _is_near(each.skew, timedelta(0), tolerance)]
    against = [
        [other for other in said.values() if _is_near(other.skew, each.skew, tolerance)] for each in said.values()
    ]
    loudest = max((group for group in against if not set(map(id, group)) & set(map(id, agree))), key=len, default=[])
    if len(loudest) <= len(agree) or not loudest or loudest[0].skew is None:
        return ClockVerdict()
    return check_skew(" and ".join(each.source for each in loudest), loudest[0].skew.total_seconds(), tolerance)


def _is_near(one: timedelta | None, other: timedelta | None, tolerance: Tolerance) -> bool:
    return one is not None and other is not None and abs(one - other) <= tolerance.skew


def check_trust(
    now: datetime,
    mark: datetime | None,
    last_entry: datetime | None,
    skews: Mapping[str, timedelta | None],
    tolerance: timedelta,
) -> ClockVerdict:
    """Judge the clock as one to destroy by. `mark` is the newest time that something else spoke for.

    Whoever contradicts the clock stops it: the log, the mark, any provider. A leap past the mark needs a provider that
    says the same, and so does a vault without a mark: a log that is written by our own clock cannot confirm it.
    """
    known = {source: skew for source, skew in skews.items() if skew is not None}
    for source, skew in known.items():
        verdict = check_skew(source, skew.total_seconds(), Tolerance(skew=tolerance))
        if verdict.fault is not None:
            return verdict
    newest = max((each for each in (mark, last_entry) if each is not None), default=now)
    if newest - now > tolerance:
        length = rough_duration(newest - now)
        return ClockVerdict(ClockFault.BACK, f"it is {length} behind what the vault has seen already")
    if not known and mark is None:
        return ClockVerdict(
            ClockFault.UNPROVEN, "nothing has confirmed the time for this vault yet, and no provider could be reached"
        )
    if not known and mark is not None and now - mark > tolerance:
        length = rough_duration(now - mark)
        words = f"it is {length} past the time that the vault last was sure of, and no provider could be asked"
        return ClockVerdict(ClockFault.FORWARD, words)
    return ClockVerdict()
