"""Moments drawn from time slots: time is cut into equal slots, and each holds one record at a moment of its own.

A draw is a pure function of seed, dataset and slot, so any window holds the same records whenever it is asked for,
adjacent windows share none, and nothing has to be stored.

Records made on the spot, and always the same: each is a pure function of seed, dataset and time slot.

Where they lie in time is the slots' matter; here they become JSON.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache

from msgspec import Struct, field

from strongroom_sandbox.zavu_shapes import DATASETS, TEXT_FIELDS, VARIETY, bodies

DAY = 86_400_000_000
"""Microseconds."""
MILLISECOND = 1000
"""Microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MASK = (1 << 64) - 1


class SlotBounds(StrEnum):
    """Which ends of a window belong to it."""

    CLOSED = "closed"  # both
    HALF_OPEN = "half-open"  # the first alone
    OPEN_CLOSED = "open-closed"  # the last alone
    OPEN = "open"  # neither


class SlotSpan(Struct, frozen=True):
    """Moments from `first` to `last`, both included, in microseconds since 1970."""

    first: int
    last: int

    @classmethod
    def between(cls, first: datetime, last: datetime, bounds: SlotBounds = SlotBounds.CLOSED) -> SlotSpan:
        """Return the span of two instants; which of the two belong to it is up to `bounds`."""
        return cls(
            micros(first) + (bounds in (SlotBounds.OPEN_CLOSED, SlotBounds.OPEN)),
            micros(last) - (bounds in (SlotBounds.HALF_OPEN, SlotBounds.OPEN)),
        )

    def since(self, first: int) -> SlotSpan:
        """Return the part that does not lie before this moment."""
        return SlotSpan(max(self.first, first), self.last)

    def until(self, last: int) -> SlotSpan:
        """Return the part that does not lie after this moment."""
        return SlotSpan(self.first, min(self.last, last))


class Slots(Struct, frozen=True):
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
    seed: int, dataset: str, span: SlotSpan, slots: Slots, *, grain: int = MILLISECOND, newest_first: bool = False
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


_LEAST_TARGET = 4096
_SPARE = 2048
"""Bytes left for the last record of an exact size: more than any record, so that it always has room."""


class DataOptions(Struct, frozen=True):
    """What the simulated account holds."""

    seed: int = 1
    per_day: Mapping[str, int] = field(
        default_factory=lambda: {
            "messages": 400,
            "conversations": 60,
            "webhookDeliveries": 300,
            "agentExecutions": 40,
            "activities": 12,
        }
    )  # records a day; a dataset that is not named has none
    target_bytes: int | None = None
    """Exact bytes of JSON of each dataset in each export, whatever its window; None: as `per_day` says."""
    canary: str = ""  # appended to a text in every record
    microseconds: bool = False  # record times have six digits, not three
    newest_first: bool = False  # order of records in a file
    zlib_level: int | None = None  # 1 to 9; None: the fast compressor

    def __post_init__(self) -> None:
        if unknown := set(self.per_day) - set(DATASETS):
            raise ValueError(f"no such dataset: {', '.join(sorted(unknown))}")
        if self.target_bytes is not None and self.target_bytes < _LEAST_TARGET:
            raise ValueError(f"an exact size starts at {_LEAST_TARGET} bytes, got {self.target_bytes}")


class RecordSource:
    """Gives the records of a simulated account."""

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    def records(self, dataset: str, span: SlotSpan) -> Iterator[bytes]:
        """Yield each record created inside the span as JSON, oldest first unless the options say otherwise."""
        if self.options.target_bytes is not None:
            yield from self._sized(dataset, span, self.options.target_bytes)
            return
        rate = self.options.per_day.get(dataset, 0)
        if rate > 0 and span.first <= span.last:
            yield from self._drawn(dataset, span, Slots.daily(rate))

    def _sized(self, dataset: str, span: SlotSpan, target: int) -> Iterator[bytes]:
        """Yield records whose array `[a,b,...]` is exactly `target` bytes long; the last one is padded to fit."""
        left = target - 2
        count = left // self._mean_size(dataset) * 21 // 20 + 2
        slots = Slots(span.first, max(1, span.last - span.first), count)
        drawn = self._drawn(dataset, span, slots)
        held = next(drawn)
        for record in drawn:
            if left - len(held) - 1 < _SPARE:
                break
            left -= len(held) + 1
            yield held
            held = record
        yield _padded(held, TEXT_FIELDS[dataset], left)

    def _mean_size(self, dataset: str) -> int:
        probe = SlotSpan(0, DAY)
        sizes = [len(record) + 1 for record in self._drawn(dataset, probe, Slots(0, DAY, 1024))]
        return sum(sizes) // len(sizes)

    def _drawn(self, dataset: str, span: SlotSpan, slots: Slots) -> Iterator[bytes]:
        options = self.options
        pool = bodies(options.seed, dataset, options.canary)
        digits, grain = (6, 1) if options.microseconds else (3, MILLISECOND)
        for moment, draw in draws(options.seed, dataset, span, slots, grain=grain, newest_first=options.newest_first):
            body = pool[pick(draw, VARIETY)]
            yield body.template % tuple([draw if hole is None else stamp(moment + hole, digits) for hole in body.holes])


def json_array(records: Iterator[bytes], batch: int = 512) -> Iterator[bytes]:
    """Yield the pieces of one JSON array of these records."""
    lead = b"["
    waiting: list[bytes] = []
    for record in records:
        waiting.append(record)
        if len(waiting) == batch:
            yield lead + b",".join(waiting)
            lead = b","
            waiting.clear()
    if waiting:
        yield lead + b",".join(waiting)
    elif lead == b"[":
        yield lead
    yield b"]"


def stamp(moment: int, digits: int = 3) -> bytes:
    """Write microseconds since 1970 as RFC 3339 with this many decimals, 3 or 6; the rest is cut."""
    minute, rest = divmod(moment, 60_000_000)
    if digits == 6:
        return b"%b%02d.%06dZ" % (_minute(minute), rest // 1_000_000, rest % 1_000_000)
    return _minute(minute) + _endings()[rest // 1000]


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(minutes * 60)).encode("ascii")


@cache
def _endings() -> tuple[bytes, ...]:
    # Looking seconds and milliseconds up is twice as fast as writing them, and big files hold millions.
    return tuple(b"%02d.%03dZ" % divmod(millis, 1000) for millis in range(60_000))


def _padded(record: bytes, text_field: str, size: int) -> bytes:
    """Return the record made exactly `size` bytes long by filling up its text."""
    # A quote inside a JSON string is escaped, so the first match is the field itself.
    opening = f'"{text_field}":"'.encode()
    place = record.index(opening) + len(opening)
    return record[:place] + b"x" * (size - len(record)) + record[place:]
