"""How a scrub walks through a vault: how much is to be read by now, how much may be read at once, when it is behind.

A lap reads everything once, in the order of ids, spread over four fifths of the period; what is left is its reserve.
The next lap begins one period after this one began, so each archive is read again after one period. An archive costs
its bytes and a fixed amount for its small files, so that very many small archives are spread as evenly as a few large.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

OVERHEAD = 64 << 10  # bytes that opening an archive's three files is counted as
SPREAD = 0.8  # of the period, within which a lap reads everything
LOG = "~"
"""The cursor of a lap that has read every archive and is at the evidence log; sorts after every id."""


class ScrubPace(Struct, frozen=True):
    """How often everything is read, and how fast at the most."""

    every: timedelta = timedelta(days=30)
    rate: int = 16 << 20  # bytes a second, at the most


class Lap(Struct, frozen=True):
    """One walk through the vault. Amounts are costs: bytes, and `OVERHEAD` for each archive."""

    number: int
    began_at: datetime
    total: int  # when it began; archives that come later belong to it as well, where their id is after the cursor
    done: int = 0
    archives: int = 0  # checked so far
    cursor: str = ""  # the last archive that was checked
    ended_at: datetime | None = None

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.ended_at is not None:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0


def cost(sealed_size: int) -> int:
    """Return what reading one archive counts as."""
    return sealed_size + OVERHEAD


def lap_due(last: Lap | None, pace: ScrubPace, now: datetime) -> bool:
    """Say whether a new lap is to begin. A clock that was set back begins none."""
    return last is None or (last.ended_at is not None and now >= last.began_at + pace.every)


def owed(lap: Lap, pace: ScrubPace, now: datetime) -> int:
    """Return how much should have been read by now and has not been. When all is read the log is left: that is 1."""
    if lap.ended_at is not None:
        return 0
    share = min(1.0, max(0.0, (now - lap.began_at) / (pace.every * SPREAD)))
    return max(int(lap.total * share) - lap.done, int(share >= 1.0))


def slice_size(lap: Lap, pace: ScrubPace, now: datetime, since: timedelta) -> int:
    """Return how many bytes to read, `since` the last slice: the backlog, and no more than the rate allows.

    After a long pause no more than one second's worth is made up for at once.
    """
    seconds = min(1.0, max(0.0, since.total_seconds()))
    return min(owed(lap, pace, now), int(pace.rate * seconds))


def is_worth_a_look(lap: Lap, pace: ScrubPace, now: datetime) -> bool:
    """Return whether the backlog is at least a small archive, or all that is left: less can wait."""
    left = owed(lap, pace, now)
    return left >= OVERHEAD or (left > 0 and now - lap.began_at >= pace.every * SPREAD)


def is_behind(lap: Lap | None, pace: ScrubPace, now: datetime) -> bool:
    """Say whether a lap has not kept to its period: more than a tenth of it should have been read and was not."""
    if lap is None or lap.ended_at is not None:
        return lap is not None and now > lap.began_at + 2 * pace.every
    share = (now - lap.began_at) / pace.every
    return share > 1.0 or lap.done < lap.total * (share - 0.1)
