"""Periods of archives that a version before 0.4 counted in UTC, in a stream whose days end elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from msgspec.structs import replace

from kit.engine_bench import Bench
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import open_reading, plans_of
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.retention.verdicts import judged
from strongroom.model.retention import Fate, Period

ZONE = "America/Santiago"  # in May an hour farther from UTC than in November


def test_the_first_start_lengthens_them_to_the_calendar_of_the_zone_and_never_shortens(bench: Bench) -> None:
    (rule,), (stream,) = bench.config.retention, bench.config.streams
    bench.config = replace(bench.config, retention=(replace(rule, period=Period.parse("6m")),))
    with bench.engine() as engine:
        while enter_due(engine, plans_of(bench.config)):  # in UTC, as 0.3 did it
            bench.run(engine)
    with open_reading(bench.config) as vault:
        before = {each.verdict.archive: each.verdict.until for each in judged(vault, bench.clock())}
    with closing(sqlite3.connect(bench.config.vault.path / "catalogue.sqlite")) as catalogue, catalogue:
        assert catalogue.execute("DELETE FROM vault WHERE name = 'periods-in-zones'").rowcount == 1
    bench.config = replace(bench.config, streams=(replace(stream, name="renamed", time_zone=ZONE),))
    for _ in range(2):  # once, not at every start
        with bench.engine():
            pass
    with open_reading(bench.config) as vault:
        kinds = [each.kind for each in newest_moments(vault, 1000)]
        assert kinds.count("retention.extended") == len(before) == 2
        found = [each.verdict for each in judged(vault, min(filter(None, before.values())))]
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
