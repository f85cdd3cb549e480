"""Records made on the spot, and always the same: each is a pure function of seed, dataset and time slot.

Time is cut into equal slots and each slot holds one record at a moment of its own, so any window holds the same
records whenever it is asked for, adjacent windows share none, and nothing has to be stored.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

from strongroom.sandbox.shapes import DATASETS, TEXT_FIELDS, VARIETY, bodies

DAY = 86_400_000_000
"""Microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MASK = (1 << 64) - 1
_LEAST_TARGET = 4096
_SPARE = 2048
"""Bytes left for the last record of an exact size: more than any record, so that it always has room."""


@dataclass(frozen=True, slots=True)
class DataOptions:
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


@dataclass(frozen=True, slots=True)
class Span:
    """Moments from `first` to `last`, both included, in microseconds since 1970."""

    first: int
    last: int

    @classmethod
    def between(cls, first: datetime, last: datetime) -> Span:
        """Return the span of two instants, both included."""
        return cls(_micros(first), _micros(last))


@dataclass(frozen=True, slots=True)
class _Slots:
    """Slot i begins at origin + i * width // parts."""

    origin: int
    width: int
    parts: int

    def index(self, moment: int) -> int:
        return (moment - self.origin) * self.parts // self.width


class RecordSource:
    """Gives the records of a simulated account."""

    def __init__(self, options: DataOptions) -> None:
        self.options = options

    def records(self, dataset: str, span: Span) -> Iterator[bytes]:
        """Yield each record created inside the span as JSON, oldest first unless the options say otherwise."""
        if self.options.target_bytes is not None:
            yield from self._sized(dataset, span, self.options.target_bytes)
            return
        rate = self.options.per_day.get(dataset, 0)
        if rate > 0 and span.first <= span.last:
            yield from self._drawn(dataset, span, _Slots(0, DAY, rate))

    def _sized(self, dataset: str, span: Span, target: int) -> Iterator[bytes]:
        """Yield records whose array `[a,b,...]` is exactly `target` bytes long; the last one is padded to fit."""
        left = target - 2
        count = left // self._mean_size(dataset) * 21 // 20 + 2
        slots = _Slots(span.first, max(1, span.last - span.first), count)
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
        probe = Span(0, DAY)
        sizes = [len(record) + 1 for record in self._drawn(dataset, probe, _Slots(0, DAY, 1024))]
        return sum(sizes) // len(sizes)

    def _drawn(self, dataset: str, span: Span, slots: _Slots) -> Iterator[bytes]:
        key = zlib.crc32(f"{self.options.seed}/{dataset}".encode()) << 32 | self.options.seed & 0xFFFFFFFF
        pool = bodies(self.options.seed, dataset, self.options.canary)
        digits, grain = (6, 1) if self.options.microseconds else (3, 1000)
        indices = range(slots.index(span.first) - 1, slots.index(span.last) + 2)
        origin, width, parts = slots.origin, slots.width, slots.parts
        length = max(1, width // parts)
        for index in reversed(indices) if self.options.newest_first else indices:
            draw = _mix(index * 0x9E3779B97F4A7C15 + key)
            moment = origin + index * width // parts + (draw >> 20) % length
            moment -= moment % grain
            if span.first <= moment <= span.last:
                # The product of two even draws is skewed: some texts go to very many people, as campaigns do.
                body = pool[(draw & 511) * (draw >> 9 & 511) * (draw >> 18 & 511) * VARIETY >> 27]
                yield body.template % tuple(
                    [draw if hole is None else stamp(moment + hole, digits) for hole in body.holes]
                )


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


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _mix(value: int) -> int:
    """Scatter 64 bits (the finaliser of SplitMix64): neighbours in, strangers out."""
    value &= _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def _padded(record: bytes, text_field: str, size: int) -> bytes:
    """Return the record made exactly `size` bytes long by filling up its text."""
    # A quote inside a JSON string is escaped, so the first match is the field itself.
    opening = f'"{text_field}":"'.encode()
    place = record.index(opening) + len(opening)
    return record[:place] + b"x" * (size - len(record)) + record[place:]
