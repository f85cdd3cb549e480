"""What was archived on each day is found through an index, and days without archives are counted as well."""

from __future__ import annotations

from datetime import date, timedelta

from kit.tui_bench import DAY, NOW, Bench, make_archive, make_job
from strongroom.model.job import State
from strongroom.vault.archives import SEALED_BY_DAY, sealed_by_day
from strongroom.vault.coverage import FIRST_COVERED


def test_days_are_counted_through_an_index(tmp_path: object) -> None:
    bench = Bench(tmp_path)  # type: ignore[arg-type]  # a folder
    jobs = [make_job(n, State.ARCHIVED) for n in range(3)]
    ages = (timedelta(hours=1), timedelta(hours=2), 3 * DAY)
    bench.write(*jobs)
    bench.write(
        *(make_archive(n, job, verified_at=NOW - age) for n, (job, age) in enumerate(zip(jobs, ages, strict=True)))
    )
    days = sealed_by_day(bench.vault.catalogue, NOW, 5 * DAY)
    assert [each.day for each in days] == [date(2026, 11, day) for day in range(16, 21)]
    assert [each.archives for each in days] == [0, 1, 0, 0, 2]
    assert days[4].sealed_size == 2 * 1_240_000 + 1
    for query, value in ((SEALED_BY_DAY, "2026"), (FIRST_COVERED, "s")):
        plan = bench.vault.catalogue.read(f"EXPLAIN QUERY PLAN {query}", value)
        assert all(str(row["detail"]).startswith(("SEARCH", "USE TEMP B-TREE FOR GROUP BY")) for row in plan)
    bench.close()
