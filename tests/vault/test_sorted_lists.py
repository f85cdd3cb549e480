"""Archives and jobs in the orders that a person chooses: every row once and in order, by an index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.paging import KEPT, all_pages, clear
from kit.vault_objects import FIRST, NOW, make_archive, make_job
from strongroom.model.archive import Archive, Holding, Seal, Sort
from strongroom.model.errors import UsageError
from strongroom.model.inspection import Inspection, MemberReport
from strongroom.model.job import Job, State
from strongroom.model.plan import ExportSpec
from strongroom.model.window import Window
from strongroom.vault import listing as listqueries
from strongroom.vault.archives import put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.jobs import put_job
from strongroom.vault.listing import list_archives, list_jobs

HOUR = timedelta(hours=1)
STREAMS = st.sampled_from(["a", "b"])
WINDOWS = st.builds(
    lambda start, hours: Window(FIRST + start * HOUR, FIRST + (start + hours) * HOUR),
    st.integers(0, 60),
    st.sampled_from([1, 24, 700]),
)
KEYS = {
    Sort.ARCHIVED: lambda archive: archive.verified_at,
    Sort.WINDOW: lambda archive: archive.spec.window.start,
    Sort.SIZE: lambda archive: archive.seal.size,
    Sort.RECORDS: lambda archive: archive.inspection.records,
}


def job_of(number: int, stream: str, window: Window, **changes: object) -> Job:
    return make_job(number, stream=stream, spec=ExportSpec(("messages",), window), **changes)


def archive_of(number: int, stream: str, window: Window, holding: Holding, amount: int) -> Archive:
    job = job_of(number, stream, window)
    report = MemberReport("m.json", "messages", 1, amount % 3, 0, 0, None, None)
    return make_archive(
        job,
        number,
        holding=holding,
        seal=Seal(amount, amount, "ab" * 32, "cd" * 32, "export.zip"),
        inspection=Inspection((report,)),
        verified_at=NOW + timedelta(seconds=amount % 2),
    )


@KEPT
@given(
    st.lists(st.tuples(STREAMS, WINDOWS, st.sampled_from([Holding.HELD, Holding.QUARANTINED]), st.integers(0, 4))),
    st.sampled_from(Sort),
    STREAMS | st.just(""),
    st.sampled_from(["", "held", "quarantined"]),
    st.none() | WINDOWS,
    st.integers(1, 4),
)
def test_every_archive_once_and_in_order(
    catalogue: Catalogue,
    rows: list[tuple[str, Window, Holding, int]],
    sort: Sort,
    stream: str,
    holding: str,
    period: Window | None,
    most: int,
) -> None:
    clear(catalogue)
    archives = [archive_of(number, *row) for number, row in enumerate(rows)]
    with catalogue.transaction():
        for number, archive in enumerate(archives):
            put_job(catalogue, job_of(number, archive.stream, archive.spec.window, state=State.ARCHIVED))
            put_archive(catalogue, archive, "0" * 64)
    sort = Sort.WINDOW if period else sort
    wanted = [
        each
        for each in archives
        if stream in ("", each.stream)
        and holding in ("", each.holding)
        and (period is None or each.spec.window.overlaps(period))
    ]
    wanted.sort(key=lambda each: (KEYS[sort](each), each.id), reverse=True)

    def page(before: Archive | None) -> list[Archive]:
        return list_archives(
            catalogue, stream=stream, holding=holding, sort=sort, period=period, before=before, most=most
        )

    assert all_pages(page, most) == wanted


@KEPT
@given(
    st.lists(
        st.tuples(STREAMS, WINDOWS, st.sampled_from(["failed", "archived"]), st.sampled_from(["manual", "retry"]))
    ),
    STREAMS | st.just(""),
    st.sampled_from(["", "failed"]),
    st.sampled_from(["", "retry"]),
    st.none() | WINDOWS,
    st.integers(1, 4),
)
def test_every_job_once_and_in_order(
    catalogue: Catalogue,
    rows: list[tuple[str, Window, str, str]],
    stream: str,
    state: str,
    purpose: str,
    period: Window | None,
    most: int,
) -> None:
    clear(catalogue)
    jobs = [
        job_of(number, name, window, state=State(now), purpose=why, created_at=NOW + timedelta(seconds=number % 3))
        for number, (name, window, now, why) in enumerate(rows)
    ]
    with catalogue.transaction():
        for job in jobs:
            put_job(catalogue, job)
    wanted = [
        job
        for job in jobs
        if stream in ("", job.stream)
        and state in ("", job.state)
        and purpose in ("", job.purpose)
        and (period is None or job.spec.window.overlaps(period))
    ]
    wanted.sort(key=lambda job: (job.spec.window.start if period else job.created_at, job.id), reverse=True)

    def page(before: Job | None) -> list[Job]:
        return list_jobs(
            catalogue, stream=stream, state=state, purpose=purpose, period=period, before=before, most=most
        )

    assert all_pages(page, most) == wanted


def test_a_stretch_of_time_goes_by_windows_alone(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="listed by its windows"):
        list_archives(catalogue, sort=Sort.SIZE, period=Window(FIRST, NOW))


def named_queries() -> Iterator[tuple[str, str]]:
    for name, queries in vars(listqueries).items():
        if name.startswith(("ARCHIVES", "JOBS")):
            yield from ((f"{name} {asked}", text) for asked, text in queries.items())
        elif name.startswith("LONGEST"):
            yield name, queries


@pytest.mark.parametrize(("name", "query"), named_queries(), ids=[name for name, _ in named_queries()])
def test_no_list_walks_a_table_or_sorts_it(catalogue: Catalogue, name: str, query: str) -> None:
    plan = [str(row["detail"]) for row in catalogue.read(f"EXPLAIN QUERY PLAN {query}", *["x"] * query.count("?"))]
    assert not any("TEMP B-TREE" in line for line in plan), plan
    if name.startswith("LONGEST"):
        assert any("_by_length" in line for line in plan), plan  # from its end, one row
        return
    assert all(line.startswith("SEARCH") and "USING INDEX" in line for line in plan), plan
    if "IN_STRETCH" in name:
        assert all("window_start>?" in line for line in plan), (
            plan
        )  # the walk ends where no window can reach the stretch
