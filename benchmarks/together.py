"""Two archives at once on two workers, against the same two one after the other, in alternating pairs.

    python benchmarks/together.py [--pairs 3] [--kilobytes 10000] [--archives 2]

From the start of the first download to the last archive verified, and to its search segment, by the log of each vault.
The provider is always ready. Needs two cores that are free.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

from small_windows import Windows, make_windows, run, serve

TARGET = 0.65
ENDS = ("job.proven", "index.sealed")


def spans(vault: Path) -> tuple[float, float]:
    """Return the seconds from the first download to the last archive, and to the last segment."""
    with closing(sqlite3.connect(vault / "catalogue.sqlite")) as catalogue:
        lines = [json.loads(line) for (line,) in catalogue.execute("SELECT line FROM entries WHERE seq > 0")]
    times = {kind: [_at(each) for each in lines if each["kind"] == kind] for kind in ("job.opened", *ENDS)}
    began = min(times["job.opened"])
    verified, sealed = (max(times[kind]) - began for kind in ENDS)
    return verified, sealed


def _at(entry: dict[str, str]) -> float:
    return datetime.fromisoformat(entry["at"]).timestamp()


def measure_with(folder: Path, url: str, windows: Windows, workers: int) -> tuple[float, float]:
    """Archive all of them with so many workers; return the spans."""
    run(folder, url, windows, workers)
    return spans(folder / "vault")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--kilobytes", type=int, default=10_000, help="of each file")
    parser.add_argument("--archives", type=int, default=2)
    options = parser.parse_args()
    windows = make_windows(options.archives, options.kilobytes)
    ratios: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="together-") as scratch:
        for pair in range(options.pairs):
            with serve(windows) as url:
                one = measure_with(Path(scratch) / f"one-{pair}", url, windows, 1)
            with serve(windows) as url:
                two = measure_with(Path(scratch) / f"two-{pair}", url, windows, 2)
            ratios.append((two[0] / one[0], two[1] / one[1]))
    for name, found in zip(("verified", "with search segments"), zip(*ratios, strict=True), strict=True):
        middle = statistics.median(found)
        words = "met" if middle <= TARGET else "**missed**"
        print(
            f"| two workers / one, {name} | **{middle:.2f}** | {min(found):.2f}-{max(found):.2f} | ≤ {TARGET} {words} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
