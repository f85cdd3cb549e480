"""How long planning takes: 1,000 streams with three years of daily windows, all at once and after one new day.

The pure function alone, without the catalogue. Limits: under 1 s for all from nothing known in advance, under 50 ms
when each stream's held prefix is known (what the daemon does at every beat).
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta

from strongroom.model.coverage import Cover, Interval, due_windows
from strongroom.model.plan import Plan, Span, Stream
from strongroom.model.window import Window

STREAMS, DAYS, ROUNDS = 1_000, 3 * 365, 5
SINCE = datetime(2023, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def main() -> None:
    now = SINCE + DAYS * DAY + timedelta(hours=2)
    ledger = [
        Interval("s", Window(SINCE + day * DAY, SINCE + (day + 1) * DAY), Cover.PROVEN)
        for day in range(DAYS)
        if day % 365 != 100  # a gap in each year
    ]
    plans = [Plan(Stream(f"s{number}", "zavu", ("messages",)), SINCE, Span.DAY) for number in range(STREAMS)]
    whole = _median(lambda: [due_windows(plan, ledger, now) for plan in plans])
    edge = SINCE + (DAYS - 1) * DAY
    tail = [Plan(plan.stream, edge, Span.DAY) for plan in plans]
    small = _median(lambda: [due_windows(plan, ledger[-1:], now + DAY) for plan in tail])
    print(f"{STREAMS} streams, {DAYS} days each: all {whole:.2f} s, one new day {small * 1000:.0f} ms")


def _median(work: object) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()  # type: ignore[operator]
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    main()
