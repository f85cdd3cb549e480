"""Records as cells, for CSVs and lists: drawn like all others, and settling down some time after they happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from msgspec import Struct, field

from strongroom_sandbox.records import Slots, SlotSpan, draws, pick

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
    """A decimal number, written with four decimals and the sign that is the file's habit."""

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
