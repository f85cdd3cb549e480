"""Periods of archives that a version before 0.4 counted in UTC, in a stream whose days end elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from bench_engine import Bench
from test_renamed_streams import cover, kinds, rename

from strongroom.engine.assembly import open_reading
from strongroom.engine.recovery.rebuild import Rebuild, rebuild
from strongroom.engine.retention.verdicts import verdicts
from strongroom.model.period import Period
from strongroom.model.retention import Fate

ZONE = "America/Santiago"  # in May an hour farther from UTC than in November


def test_the_first_start_lengthens_them_to_the_calendar_of_the_zone_and_never_shortens(bench: Bench) -> None:
    (rule,), (stream,) = bench.config.retention, bench.config.streams
    bench.config = replace(bench.config, retention=(replace(rule, period=Period.parse("6m")),))
    cover(bench)  # in UTC, as 0.3 did it
    with open_reading(bench.config) as vault:
        before = {each.archive: each.until for each in verdicts(vault, bench.clock())}
    with closing(sqlite3.connect(bench.config.vault.path / "catalogue.sqlite")) as catalogue, catalogue:
        assert catalogue.execute("DELETE FROM vault WHERE name = 'periods-in-zones'").rowcount == 1
    bench.config = replace(bench.config, streams=(replace(stream, time_zone=ZONE),))
    rename(bench)  # in the same edit
    for _ in range(2):  # once, not at every start
        with bench.engine():
            pass
        assert kinds(bench).count("retention.extended") == len(before) == 2
    with open_reading(bench.config) as vault:
        found = list(verdicts(vault, min(filter(None, before.values()))))
        assert {each.fate for each in found} == {Fate.KEEP}
        assert {each.archive: each.until for each in found} == {
            name: until + timedelta(hours=1) for name, until in before.items() if until
        }
    made = bench.base / "made.sqlite"
    rebuild(Rebuild(bench.config.vault.path, bench.clock, {}, to=made))
    with closing(sqlite3.connect(made)) as catalogue:
        rows = catalogue.execute("SELECT archive, until FROM retained").fetchall()
        assert len(rows) == 2 and all(ZONE in text for (text,) in catalogue.execute("SELECT rule FROM retained"))
    with closing(sqlite3.connect(bench.config.vault.path / "catalogue.sqlite")) as catalogue:
        assert sorted(rows) == sorted(catalogue.execute("SELECT archive, until FROM retained").fetchall())
