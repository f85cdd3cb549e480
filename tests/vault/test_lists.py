"""Lists of the catalogue: every row once, in order, and by an index."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.paging import KEPT, all_pages, clear
from kit.vault_objects import NOW, id_number, make_archive, make_job
from strongroom.model.archive import Archive, Holding
from strongroom.model.job import Job, State
from strongroom.vault.archives import put_archive
from strongroom.vault.catalogue import Catalogue, find_by_prefix
from strongroom.vault.jobs import live_jobs, put_job, successor_of
from strongroom.vault.listing import list_archives, list_jobs

STREAMS = st.sampled_from(["a", "b"])
SECONDS = st.integers(0, 3)  # few, so that many rows share an instant


@KEPT
@given(
    st.lists(st.tuples(STREAMS, st.sampled_from([State.PLANNED, State.FAILED, State.ARCHIVED]), SECONDS), max_size=14),
    STREAMS | st.just(""),
    st.sampled_from(["", "failed", "planned"]),
    st.integers(1, 5),
)
def test_paging_jobs_gives_every_row_once(
    catalogue: Catalogue, rows: list[tuple[str, State, int]], stream: str, state: str, most: int
) -> None:
    clear(catalogue)
    jobs = [
        make_job(number, stream=name, state=here, created_at=NOW + timedelta(seconds=second))
        for number, (name, here, second) in enumerate(rows)
    ]
    with catalogue.transaction():
        for job in jobs:
            put_job(catalogue, job)
    wanted = [job for job in jobs if stream in ("", job.stream) and state in ("", job.state)]
    wanted.sort(key=lambda job: (job.created_at, job.id), reverse=True)

    def page(before: Job | None) -> list[Job]:
        return list_jobs(catalogue, stream=stream, state=state, before=before, most=most)

    assert all_pages(page, most) == wanted


@KEPT
@given(
    st.lists(st.tuples(STREAMS, st.sampled_from((Holding.HELD, Holding.QUARANTINED)), SECONDS), max_size=10),
    STREAMS | st.just(""),
    st.sampled_from(["", "held", "quarantined"]),
    st.integers(1, 5),
)
def test_paging_archives_gives_every_row_once(
    catalogue: Catalogue, rows: list[tuple[str, Holding, int]], stream: str, holding: str, most: int
) -> None:
    clear(catalogue)
    archives = [
        make_archive(make_job(number, stream=name), number, holding=here, verified_at=NOW + timedelta(seconds=second))
        for number, (name, here, second) in enumerate(rows)
    ]
    with catalogue.transaction():
        for number, archive in enumerate(archives):
            put_job(catalogue, make_job(number, stream=archive.stream))
            put_archive(catalogue, archive, "0" * 64)
    wanted = [item for item in archives if stream in ("", item.stream) and holding in ("", item.holding)]
    wanted.sort(key=lambda item: (item.verified_at, item.id), reverse=True)

    def page(before: Archive | None) -> list[Archive]:
        return list_archives(catalogue, stream=stream, holding=holding, before=before, most=most)

    assert all_pages(page, most) == wanted


def test_a_page_is_not_shifted_by_what_is_new(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        for number in range(4):
            put_job(catalogue, make_job(number, created_at=NOW + timedelta(seconds=number)))
    first = list_jobs(catalogue, most=2)
    with catalogue.transaction():
        put_job(catalogue, make_job(9, created_at=NOW + timedelta(seconds=9)))
    second = list_jobs(catalogue, most=2, before=first[-1])
    assert [job.id for job in first + second] == [id_number(number) for number in (3, 2, 1, 0)]


def test_the_live_jobs_come_with_the_most_urgent_first(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_job(catalogue, make_job(1, next_at=NOW))
        put_job(catalogue, make_job(2, next_at=NOW - timedelta(days=1), priority=-1))
        put_job(catalogue, make_job(3, next_at=NOW + timedelta(microseconds=1)))
        put_job(catalogue, make_job(4, next_at=NOW, priority=10))
        put_job(catalogue, make_job(5, next_at=NOW - timedelta(days=9), state=State.FAILED))
    assert [job.id for job in live_jobs(catalogue)] == [id_number(number) for number in (4, 1, 3, 2)]


def test_the_successor_is_the_newest_child(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_job(catalogue, make_job(1))
        put_job(catalogue, make_job(2, parent=id_number(1)))
        put_job(catalogue, make_job(3, parent=id_number(1), created_at=NOW + timedelta(seconds=1)))
    assert successor_of(catalogue, id_number(1)) == id_number(3)
    assert successor_of(catalogue, id_number(3)) == ""
    assert successor_of(catalogue, "") == ""


@pytest.mark.parametrize(
    ("part", "count"),
    [
        (id_number(7), 1),
        (id_number(7)[-4:], 1),
        (id_number(7)[-4:].upper(), 1),
        (id_number(7)[:8], 3),  # three are enough to say that it is not clear which
        ("%", 0),
        ("_" * 26, 0),
        ("*", 0),
        ("zz" + id_number(7), 0),
        ("' OR 1=1 --", 0),
    ],
)
def test_a_part_of_an_id_finds_it_and_a_wildcard_finds_nothing(catalogue: Catalogue, part: str, count: int) -> None:
    with catalogue.transaction():
        for number in range(10):
            job = make_job(number)
            put_job(catalogue, job)
            put_archive(catalogue, make_archive(job, id=job.id), "0" * 64)
    assert len(find_by_prefix(catalogue, "jobs", part)) == count
    assert len(find_by_prefix(catalogue, "archives", part)) == count


LISTED = ("alerts", "archives", "catalogue", "coverage", "jobs", "log", "requests", "sources", "streams", "tombstones")
"""Modules whose tables a person pages through, or that are asked at every step."""


WALKS = {
    *("OF_RENAMES", "ABOUT_EMPTY", "COVERED_BY", "SAID_OF_UNFINISHED"),
    *("BURIED_IDS", "EVERY_TOMBSTONE", "UNTOLD_TOMBSTONES"),
}
"""Asked by an audit, a rebuild or a second look: they may walk."""


def every_constant() -> Iterator[tuple[str, object]]:
    for name in LISTED:
        yield from vars(importlib.import_module(f"strongroom.vault.{name}")).items()


def reading_queries() -> Iterator[tuple[str, str]]:
    for name, query in dict(every_constant()).items():
        if not name.isupper() or name.startswith("_") or name in WALKS:
            continue
        if isinstance(query, dict):
            yield from ((f"{name} {asked}", text) for asked, text in query.items() if isinstance(text, str))
        elif isinstance(query, str) and query.strip().startswith("SELECT"):
            yield name, query


SCANS = {
    "JOBS_LIVE": "jobs_due",  # only unfinished jobs are in that index
    "JOBS_BY_STATE": "SCAN job_sums",  # a row for each state
    **dict.fromkeys((f"IDS_LIKE {table}" for table in ("archives", "jobs")), "COVERING INDEX"),
    **dict.fromkeys((f"IDS_LIKE {table}" for table in ("holds", "proposals", "erasures", "tombstones")), "SCAN"),  # few
    "ALL_ARCHIVE_IDS": "COVERING INDEX",
    "ARCHIVE_TOTALS": "SCAN archive_sums",
    "COVERAGE_TOTALS": "SCAN coverage_sums",  # a row for each stream and state
    "TOMBSTONES_FROM": "tombstones_newest",  # in order, from the newest
    "COUNT_TOMBSTONES": "COVERING INDEX",  # each counts only where the log has its entry
    "UNFINISHED": "tombstones_unfinished",  # a row is there only while a destruction is under way
    "LAST_ENTRY": "SCAN entries",  # from its end, one row
    "LAST_ENTRY_TIME": "SCAN entries",
    "ENTRIES_NEWEST": "SCAN entries",
    "SOURCES": "SCAN sources",
    "ALL_PROGRESS": "SCAN progress",
    "REQUESTS_WAITING": "requests_waiting",
    "DELETIONS": "deletions_due",  # a row is there only until the provider has done it
    **dict.fromkeys(("REQUESTS_NEWEST", "STREAMS", "NOTICES", "NOTICES_STANDING", "NOTICES_UNTOLD"), "SCAN"),  # small
}
"""The queries that may walk a whole table, and what they walk."""


@pytest.mark.parametrize(("name", "query"), reading_queries(), ids=[name for name, _ in reading_queries()])
def test_no_query_walks_a_table_unless_it_is_meant_to(catalogue: Catalogue, name: str, query: str) -> None:
    numbered = set(re.findall(r"\?[0-9]", query))
    values = ["x"] * (len(numbered) or query.count("?"))
    plan = [str(row["detail"]) for row in catalogue.read(f"EXPLAIN QUERY PLAN {query}", *values)]
    scans = [line for line in plan if line.startswith("SCAN")]
    assert len(scans) <= (name in SCANS), plan
    assert all(SCANS[name] in line for line in scans)
    if name.startswith(("ENTRIES_NEWEST", "LAST_ENTRY", "SUCCESSOR")):
        assert not any("TEMP B-TREE" in line for line in plan), plan


SUMS = {
    "archive_sums": "SELECT holding, count(*), sum(size), sum(sealed_size), sum(records) FROM archives GROUP BY 1",
    "coverage_sums": "SELECT stream, cover, count(*) FROM coverage GROUP BY stream, cover",
    "job_sums": "SELECT state, count(*) FROM jobs GROUP BY state",
}
CHANGES = (
    "UPDATE jobs SET state = 'failed' WHERE rowid % 3 = 1",
    "UPDATE archives SET holding = 'quarantined', records = records + 7 WHERE rowid % 2 = 1",
    "UPDATE archives SET size = size * 2, sealed_size = sealed_size + 1",
    "INSERT INTO coverage VALUES ('a', '1', '2', 'proven', 'x', '', ''), ('a', '2', '3', 'lost', '', '', '')",
    "INSERT INTO coverage VALUES ('a', '1', '2', 'empty', 'x', '', '')"
    " ON CONFLICT DO UPDATE SET cover = excluded.cover",
    "UPDATE coverage SET stream = 'b'",
    "DELETE FROM coverage WHERE cover = 'lost'",
    "DELETE FROM archives WHERE rowid % 2 = 0",
)


def test_totals_are_those_of_the_rows_whatever_changes_them(catalogue: Catalogue) -> None:
    for change in CHANGES:
        with catalogue.transaction():
            catalogue.write(change)
        for table, query in SUMS.items():
            kept = [tuple(row) for row in catalogue.read(f"SELECT * FROM {table} WHERE count > 0")]
            assert kept == sorted(tuple(row) for row in catalogue.read(query)), (change, table)
