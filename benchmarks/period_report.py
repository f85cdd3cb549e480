"""How long the report of a long period takes, and how large it is: ten streams over ten years of days.

    python benchmarks/period_report.py

Writes the HTML page and its JSON twin in a process of its own, and prints its CPU time, its memory and the sizes.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crowd import Crowd, fill

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAYS, STREAMS = 3_650, 10
_ARCHIVES = """
UPDATE coverage SET archive = coalesce(
    (SELECT id FROM archives WHERE archives.stream = coverage.stream
        AND archives.window_start = coverage.window_start), '')
WHERE cover <> 'lost'
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = fill(folder, Crowd(STREAMS * DAYS, STREAMS * DAYS, STREAMS, DAYS), NOW)
        with sqlite3.connect(config.vault.path / "catalogue.sqlite") as database:
            database.execute(_ARCHIVES)
        database.close()
        filed = folder / "filed"
        filed.mkdir()
        start = (NOW - timedelta(days=DAYS)).date()
        words = ["--config", config.file, "report", filed, "--from", start, "--to", NOW.date()]
        subprocess.run([sys.executable, "-m", "strongroom", *map(str, words)], check=True, capture_output=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"CPU {used.ru_utime + used.ru_stime:.2f} s, {used.ru_maxrss / 1024:.0f} MiB")
        for path in sorted(filed.iterdir()):
            print(f"{path.suffix}  {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
