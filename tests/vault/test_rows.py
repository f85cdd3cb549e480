"""What is put into the catalogue comes out again as it was: jobs, ledger, sources, quota."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.vault_objects import NOW, day, id_number, make_archive, make_job
from strongroom.model.archive import Holding
from strongroom.model.coverage import Cover, Interval
from strongroom.model.job import Cause, Job, State, Wait
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import ExportStatus, Listed, Observation
from strongroom.vault.archives import all_archive_ids, archive_totals, get_archive, put_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.coverage import coverage_totals, drop_open, interval_at, intervals_of, put_interval
from strongroom.vault.jobs import get_job, interrupted_jobs, jobs_by_state, known_refs, put_job
from strongroom.vault.rows import Rows, RowUnreadable
from strongroom.vault.sources import (
    SourceState,
    forget_ask,
    get_source,
    put_source,
    remember_ask,
    remember_list,
    usage_of,
)

INSTANTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
WORDS = st.text(max_size=8)
KEPT = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
JOBS = st.builds(
    make_job,
    number=st.integers(0, 10**6),
    stream=WORDS,
    source=WORDS,
    spec=st.builds(
        ExportSpec,
        st.lists(WORDS, max_size=3).map(tuple),
        st.integers(0, 999).map(day),
        st.lists(st.tuples(WORDS, WORDS), max_size=3).map(tuple),
    ),
    state=st.sampled_from(State),
    created_at=INSTANTS,
    changed_at=INSTANTS,
    next_at=INSTANTS,
    ref=WORDS,
    asked_at=st.none() | INSTANTS,
    accepted_at=st.none() | INSTANTS,
    expires_at=st.none() | INSTANTS,
    size=st.none() | st.integers(0, 2**63 - 1),
    polls=st.integers(0, 2**31),
    attempts=st.dictionaries(st.sampled_from([cause.value for cause in Cause if cause]), st.integers(1, 99)),
    cause=st.sampled_from(Cause),
    detail=WORDS,
    parent=WORDS,
    generation=st.integers(0, 9),
    archive=WORDS,
)


@KEPT
@given(JOBS)
def test_a_job_comes_back_as_it_was(catalogue: Catalogue, job: Job) -> None:
    with catalogue.transaction():
        catalogue.write("DELETE FROM jobs")
        put_job(catalogue, job)
    assert get_job(catalogue, job.id) == job


@KEPT
@given(JOBS, JOBS)
def test_a_later_put_changes_the_course_of_a_job_but_never_what_it_is_about(
    catalogue: Catalogue, first: Job, second: Job
) -> None:
    with catalogue.transaction():
        catalogue.write("DELETE FROM jobs")
        put_job(catalogue, first)
        put_job(catalogue, make_job(0, **fields(second), id=first.id))
    stored = get_job(catalogue, first.id)
    assert stored is not None
    fixed = ("stream", "source", "spec", "created_at", "purpose", "retention", "parent", "generation")
    assert all(getattr(stored, name) == getattr(first, name) for name in fixed)
    assert all(value == getattr(stored, name) for name, value in fields(second).items() if name not in fixed)


def fields(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in Job.__slots__ if name != "id"}


def test_jobs_are_counted_and_the_interrupted_are_found(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        for number, state in enumerate(State):
            put_job(catalogue, make_job(number, state=state))
    assert jobs_by_state(catalogue) == dict.fromkeys((state.value for state in State), 1)
    assert {job.state for job in interrupted_jobs(catalogue)} == {State.FETCHING, State.SEALED}
    assert get_job(catalogue, "unknown") is None


def test_refs_of_other_jobs_are_known_and_those_of_other_sources_are_not(catalogue: Catalogue) -> None:
    mine = make_job(1, ref="mine")
    with catalogue.transaction():
        put_job(catalogue, mine)
        put_job(catalogue, make_job(2, ref="dead", state=State.REPLACED))
        put_job(catalogue, make_job(3, ref="foreign", source="other"))
        put_job(catalogue, make_job(4))
    assert known_refs(catalogue, mine) == {"dead"}


def test_archives_come_back_and_are_summed_by_holding(catalogue: Catalogue) -> None:
    jobs = [make_job(number) for number in range(3)]
    archives = [
        make_archive(jobs[0], 0),
        make_archive(jobs[1], 1),
        make_archive(jobs[2], 2, holding=Holding.QUARANTINED),
    ]
    with catalogue.transaction():
        for job, archive in zip(jobs, archives, strict=True):
            put_job(catalogue, job)
            put_archive(catalogue, archive, "0" * 64)
    assert [get_archive(catalogue, archive.id) for archive in archives] == archives
    assert get_archive(catalogue, "unknown") is None
    assert all_archive_ids(catalogue) == [archive.id for archive in archives]
    totals = archive_totals(catalogue)
    assert (totals["held"].count, totals["held"].size, totals["held"].sealed_size, totals["held"].records) == (
        (2, 200, 600, 6)
    )
    assert totals["quarantined"].count == 1


def intervals(catalogue: Catalogue, *entries: Interval) -> None:
    with catalogue.transaction():
        for entry in entries:
            put_interval(catalogue, entry)


def test_the_ledger_has_one_entry_for_a_window(catalogue: Catalogue) -> None:
    opened = Interval("s", day(1), Cover.OPEN, job="j")
    proven = Interval("s", day(1), Cover.PROVEN, "a", "j", "why")
    intervals(catalogue, opened, Interval("other", day(1), Cover.OPEN))
    assert interval_at(catalogue, "s", day(1)) == opened
    intervals(catalogue, proven)
    assert intervals_of(catalogue, "s") == [proven]
    assert interval_at(catalogue, "s", day(2)) is None
    assert coverage_totals(catalogue) == {"s": {"proven": 1}, "other": {"open": 1}}


@pytest.mark.parametrize("cover", Cover)
def test_only_an_open_entry_is_taken_back(catalogue: Catalogue, cover: Cover) -> None:
    intervals(catalogue, Interval("s", day(1), cover))
    with catalogue.transaction():
        drop_open(catalogue, "s", day(1))
    assert (interval_at(catalogue, "s", day(1)) is None) == (cover is Cover.OPEN)


@KEPT
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=10), st.integers(0, 20), st.integers(1, 9))
def test_a_period_of_the_ledger_is_what_touches_it(
    catalogue: Catalogue, bounds: list[tuple[int, int]], start: int, length: int
) -> None:
    with catalogue.transaction():
        catalogue.write("DELETE FROM coverage")
    windows = {type(day(0))(day(first).start, day(first + count).start) for first, count in bounds}
    intervals(catalogue, *(Interval("s", window, Cover.PROVEN) for window in windows))
    period = type(day(0))(day(start).start, day(start + length).start)
    found = [entry.window for entry in intervals_of(catalogue, "s", period)]
    assert sorted(found) == sorted(window for window in windows if window.overlaps(period))
    assert [window.start for window in found] == sorted(window.start for window in found)
    assert len(intervals_of(catalogue, "s")) == len(windows)


def test_a_source_nobody_knows_is_fresh_and_one_that_was_put_comes_back(catalogue: Catalogue) -> None:
    assert get_source(catalogue, "zavu") == SourceState("zavu")
    state = SourceState("zavu", "the key was refused", NOW, NOW + timedelta(hours=1), -3.5)
    with catalogue.transaction():
        put_source(catalogue, state)
    assert get_source(catalogue, "zavu") == state


def on_list(ref: str, standing: ExportStatus = ExportStatus.RUNNING, created: datetime | None = NOW) -> Listed:
    return Listed(None, Observation(ref, standing, standing.value, created_at=created))


def ask(catalogue: Catalogue, job: Job, at: datetime = NOW) -> None:
    with catalogue.transaction():
        put_job(catalogue, job)
        remember_ask(catalogue, job, at)


def look(catalogue: Catalogue, *entries: Listed, at: datetime = NOW) -> None:
    with catalogue.transaction():
        remember_list(catalogue, "zavu", entries, at)


def test_an_intent_counts_until_an_hour_is_over_or_nothing_was_created(catalogue: Catalogue) -> None:
    job = make_job(1, state=State.UNCERTAIN, asked_at=NOW)
    ask(catalogue, job)
    assert usage_of(catalogue, "zavu", NOW).created == [NOW]
    assert usage_of(catalogue, "zavu", NOW).running == 1
    assert usage_of(catalogue, "other", NOW).created == []
    assert usage_of(catalogue, "zavu", NOW + timedelta(hours=1)).created == []
    with catalogue.transaction():
        forget_ask(catalogue, job)
    assert usage_of(catalogue, "zavu", NOW).created == []


def test_an_ask_given_back_takes_no_other_with_it(catalogue: Catalogue) -> None:
    first, second = (make_job(number, state=State.UNCERTAIN, asked_at=NOW) for number in (1, 2))
    ask(catalogue, first)
    ask(catalogue, second)
    with catalogue.transaction():
        forget_ask(catalogue, first)
    assert usage_of(catalogue, "zavu", NOW).created == [NOW]


def test_old_asks_are_dropped(catalogue: Catalogue) -> None:
    ask(catalogue, make_job(1), NOW - timedelta(hours=3))
    ask(catalogue, make_job(2))
    assert [row["at"] for row in catalogue.read("SELECT at FROM asks")] == ["2026-03-10T12:00:00.000000Z"]


@pytest.mark.parametrize(
    ("standing", "running"),
    [
        (ExportStatus.QUEUED, 1),
        (ExportStatus.RUNNING, 1),
        (ExportStatus.UNKNOWN, 1),
        (ExportStatus.READY, 0),
        (ExportStatus.FAILED, 0),
        (ExportStatus.EXPIRED, 0),
        (ExportStatus.GONE, 0),
    ],
)
def test_exports_of_others_count(catalogue: Catalogue, standing: ExportStatus, running: int) -> None:
    look(catalogue, on_list("theirs", standing))
    usage = usage_of(catalogue, "zavu", NOW)
    assert (usage.created, usage.running) == ([NOW], running)


@pytest.mark.parametrize(
    ("state", "running"),
    [
        (State.WAITING, 1),  # once, as ours, and not once more from the list
        (State.READY, 0),  # it has ended since the list was read
        (State.FETCHING, 0),
        (State.ARCHIVED, 0),
        (State.DEAD, 1),  # we have let go of it; the provider has not
        (State.CANCELLED, 1),
        (State.REPLACED, 1),
        (State.FAILED, 1),
    ],
)
def test_an_export_of_ours_counts_once_for_as_long_as_it_runs(catalogue: Catalogue, state: State, running: int) -> None:
    ask(catalogue, make_job(1, state=state, ref="ours"))
    look(catalogue, on_list("ours"))
    usage = usage_of(catalogue, "zavu", NOW)
    assert (usage.created, usage.running) == ([NOW], running)


def test_what_has_left_the_list_runs_no_more_but_was_made(catalogue: Catalogue) -> None:
    look(catalogue, on_list("old"), on_list("kept", created=None))
    later = NOW + timedelta(minutes=5)
    look(catalogue, on_list("kept", created=later), at=later)
    usage = usage_of(catalogue, "zavu", later)
    assert (sorted(usage.created), usage.running) == ([NOW, later], 1)
    look(catalogue, at=later + timedelta(minutes=5))
    assert usage_of(catalogue, "zavu", later).running == 0


def test_the_providers_not_before_is_part_of_the_usage(catalogue: Catalogue) -> None:
    with catalogue.transaction():
        put_source(catalogue, SourceState("zavu", refused_until=NOW))
    assert usage_of(catalogue, "zavu", NOW).refused_until == NOW
    assert id_number(1) != id_number(2)


JOB_ROWS = Rows(Job, "jobs", "id")


def row_of(job: Job, **changed: object) -> sqlite3.Row:
    """Return the row of a job, with other values in some of its columns."""
    values = dict(zip(JOB_ROWS.columns.split(", "), JOB_ROWS.values(job), strict=True)) | changed
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        row: sqlite3.Row = connection.execute(
            f"SELECT {', '.join(f'? AS {name}' for name in values)}", tuple(values.values())
        ).fetchone()
        return row


@pytest.mark.parametrize(
    "column", ["id", "stream", "window_end", "datasets", "filters", "state", "next_at", "size", "attempts"]
)
def test_a_column_of_another_type_is_refused_and_its_row_is_named(column: str) -> None:
    job = make_job(1)
    assert JOB_ROWS.read(row_of(job)) == job
    with pytest.raises(RowUnreadable, match=f"the row {'bytes' if column == 'id' else job.id} of jobs"):
        JOB_ROWS.read(row_of(job, **{column: b"by alice"}))


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("datasets", '"text"'),
        ("datasets", "[1]"),
        ("filters", '[["a", 1]]'),
        ("attempts", "[]"),
        ("attempts", '{"a": ""}'),
    ],
)
def test_a_list_in_a_column_holds_what_its_field_holds(column: str, text: str) -> None:
    with pytest.raises(RowUnreadable):
        JOB_ROWS.read(row_of(make_job(1), **{column: text}))


@pytest.mark.parametrize("wait", [None, Wait(Cause.DISK, "full", NOW), Wait(Cause.PERSON)])
def test_what_a_job_waits_for_may_be_absent(wait: Wait | None) -> None:
    job = make_job(1, wait=wait)
    assert JOB_ROWS.read(row_of(job)) == job


def test_an_upsert_leaves_its_key_and_what_is_fixed() -> None:
    text = Rows(Wait, "waits", "cause").upsert("words")
    assert text.endswith("VALUES (?, ?, ?) ON CONFLICT (cause) DO UPDATE SET until = excluded.until")
