"""Moments drawn from time slots: time is cut into equal slots, and each holds one record at a moment of its own.

A draw is a pure function of seed, dataset and slot, so any window holds the same records whenever it is asked for,
adjacent windows share none, and nothing has to be stored.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

DAY = 86_400_000_000
"""Microseconds."""
MILLISECOND = 1000
"""Microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MASK = (1 << 64) - 1


class Bounds(StrEnum):
    """Which ends of a window belong to it."""

    CLOSED = "closed"  # both
    HALF_OPEN = "half-open"  # the first alone
    OPEN_CLOSED = "open-closed"  # the last alone
    OPEN = "open"  # neither


@dataclass(frozen=True, slots=True)
class Span:
    """Moments from `first` to `last`, both included, in microseconds since 1970."""

    first: int
    last: int

    @classmethod
    def between(cls, first: datetime, last: datetime, bounds: Bounds = Bounds.CLOSED) -> Span:
        """Return the span of two instants; which of the two belong to it is up to `bounds`."""
        return cls(
            micros(first) + (bounds in (Bounds.OPEN_CLOSED, Bounds.OPEN)),
            micros(last) - (bounds in (Bounds.HALF_OPEN, Bounds.OPEN)),
        )

    def since(self, first: int) -> Span:
        """Return the part that does not lie before this moment."""
        return Span(max(self.first, first), self.last)

    def until(self, last: int) -> Span:
        """Return the part that does not lie after this moment."""
        return Span(self.first, min(self.last, last))


@dataclass(frozen=True, slots=True)
class Slots:
    """Slot i begins at origin + i * width // parts."""

    origin: int
    width: int
    parts: int

    @classmethod
    def daily(cls, rate: int) -> Slots:
        """Return slots for this many records a day, at the same places whatever is asked."""
        return cls(0, DAY, rate)

    def index(self, moment: int) -> int:
        """Return the slot that this moment falls into, give or take one where slots are not of equal length."""
        return (moment - self.origin) * self.parts // self.width


def micros(instant: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def scatter(value: int) -> int:
    """Scatter 64 bits (the finaliser of SplitMix64): neighbours in, strangers out."""
    value &= _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def pick(draw: int, count: int) -> int:
    """Return an index below `count`. The product of even draws is skewed: some are had very often, as in real life."""
    return (draw & 511) * (draw >> 9 & 511) * (draw >> 18 & 511) * count >> 27


def draws(
    seed: int, dataset: str, span: Span, slots: Slots, *, grain: int = MILLISECOND, newest_first: bool = False
) -> Iterator[tuple[int, int]]:
    """Yield the moment and the 64-bit draw of each record inside the span; moments are cut to `grain` microseconds."""
    key = zlib.crc32(f"{seed}/{dataset}".encode()) << 32 | seed & 0xFFFFFFFF
    indices = range(slots.index(span.first) - 1, slots.index(span.last) + 2)
    origin, width, parts = slots.origin, slots.width, slots.parts
    length = max(1, width // parts)
    for index in reversed(indices) if newest_first else indices:
        draw = scatter(index * 0x9E3779B97F4A7C15 + key)
        moment = origin + index * width // parts + (draw >> 20) % length
        moment -= moment % grain
        if span.first <= moment <= span.last:
            yield moment, draw
