"""Records that can be generated at any time and are always the same: pure functions of seed, dataset and time slot.

Time is cut into equal slots, and each slot holds one record at a moment of its own. So any window holds the same
records whenever it is exported, adjacent windows share none, and nothing has to be stored. Rows are records as cells,
for CSV files and lists; a young record may still look different some time after it happened.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from msgspec import Struct, field

from strongroom_sandbox.options import SlotBounds

DAY = 86_400_000_000
"""Microseconds."""
MILLISECOND = 1000
"""Microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MASK = (1 << 64) - 1


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
        """Return slots for this many records a day, at the same places whatever the window."""
        return cls(0, DAY, rate)

    def index(self, moment: int) -> int:
        """Return the slot that this moment falls into, give or take one where slots are not of equal length."""
        return (moment - self.origin) * self.parts // self.width


def micros(instant: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def scatter(value: int) -> int:
    """Scatter 64 bits (the finalizer of SplitMix64): neighbors in, strangers out."""
    value &= _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


def pick(draw: int, count: int) -> int:
    """Return an index below `count`. The product of uniform draws is skewed: some are picked often, as in real life."""
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


VARIETY = 512
"""How many pre-made records each dataset draws from."""


class Serial(Struct, frozen=True):
    """The record's own identifier: this prefix and 16 hexadecimal digits."""

    prefix: str = ""


class Later(Struct, frozen=True):
    """A time so many microseconds after the record's own moment."""

    micros: int = 0

    @classmethod
    def by(cls, seconds: float) -> Later:
        """Return a time so many seconds later."""
        return cls(int(seconds * 1_000_000))


class Amount(Struct, frozen=True):
    """A decimal number, written with four decimals and the decimal sign of the file's style."""

    value: float


Cell = str | int | Serial | Later | Amount | None
"""None is an empty cell."""


class Record(Struct, frozen=True, eq=False):
    """A record with holes where its identity and times go; compared by identity, so that it can be a key."""

    cells: Mapping[str, Cell]


class SandboxRow(NamedTuple):
    """One record that happened."""

    moment: int  # microseconds since 1970
    draw: int  # its 64-bit number
    record: Record

    def serial(self, prefix: str = "") -> str:
        """Return its identifier."""
        return f"{prefix}{self.draw:016x}"


class Pool(Struct, frozen=True):
    """What one dataset draws from: each record as it stays, and as it is while it is young."""

    settled: tuple[Record, ...]
    young: tuple[Record, ...]


class RowOptions(Struct, frozen=True):
    """What the simulated HookBridge and Qlara accounts hold."""

    seed: int = 1
    per_day: Mapping[str, int] = field(
        default_factory=lambda: {
            "outbound": 300,
            "inbound": 80,
            "api": 200,
            "campaign": 250,
            "console": 6,
            "contacts": 2,
        }
    )  # records a day: HookBridge's two directions, Qlara's three ways to send, and new contacts
    canary: str = ""  # appended to a text in every record
    unsettled_for: timedelta = timedelta(0)
    """A record younger than this when it is exported still shows its first status, and changes later."""
    newest_first: bool = False  # order of records in a file


class RowSource:
    """Gives the records of one simulated account; `pool_of` knows its datasets."""

    def __init__(self, options: RowOptions, pool_of: Callable[[str], Pool]) -> None:
        self.options = options
        self._pool_of = pool_of

    def rows(self, dataset: str, span: SlotSpan, seen_at: int) -> Iterator[SandboxRow]:
        """Yield each record that happened inside the span, as it looks at the moment `seen_at`."""
        options = self.options
        rate = options.per_day.get(dataset, 0)
        if rate <= 0 or span.first > span.last:
            return
        pool = self._pool_of(dataset)
        young_from = seen_at - options.unsettled_for // timedelta(microseconds=1)
        for moment, draw in draws(options.seed, dataset, span, Slots.daily(rate), newest_first=options.newest_first):
            records = pool.young if moment > young_from else pool.settled
            yield SandboxRow(moment, draw, records[pick(draw, VARIETY)])


Wanted = tuple[tuple[str, frozenset[str]], ...]
"""Filters: the named cell must be one of these texts."""


def keep(rows: Iterator[SandboxRow], wanted: Wanted) -> Iterator[SandboxRow]:
    """Yield the rows that pass every filter."""
    if not wanted:
        yield from rows
        return
    known: dict[Record, bool] = {}
    for row in rows:
        record = row.record
        if record not in known:
            known[record] = all(str(record.cells.get(name)) in values for name, values in wanted)
        if known[record]:
            yield row
