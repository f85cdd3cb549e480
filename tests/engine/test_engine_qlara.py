"""The engine over Qlara: exports without a name, one sweep for all, and files that are made again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kit.csv_engine_bench import HISTORY, REPORTS, archives, kinds, newest, open_csv_bench
from kit.engine_bench import DAY, Bench
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import coverage_of, list_jobs
from strongroom.engine.queries.requests import RequestKind, ask, look_up, serve
from strongroom.model.coverage import Cover
from strongroom.model.job import Cause, Job, State
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.options import CreateAnswer, EntryField, ExpiredLook, LinkRenewal, QlaraOptions
from strongroom_sandbox.recorder import Operation

SILENT = QlaraOptions(create_answer=CreateAnswer.NOTHING)
MUTE = QlaraOptions(create_answer=CreateAnswer.NOTHING, entry_fields=frozenset())
WHOLE_LIFE = ["planned", "intended", "accepted", "completed", "opened", "durable", "proven"]


def ours(bench: Bench) -> list[str]:
    return [job.id for job in bench.sandbox.qlara.jobs if not job.foreign]


def lists(bench: Bench) -> int:
    return sum(request.operation is Operation.LIST for request in bench.sandbox.requests.all)


def regenerate(bench: Bench, subject: str) -> Job:
    with bench.engine() as engine:
        ask(engine.vault, RequestKind.REGENERATE, subject, "a person", bench.clock, engine.random_bytes)
        (request,) = serve(engine)
        assert look_up(engine.vault, request).accepted
        assert bench.run(engine) == []
    return newest(bench)


@pytest.mark.parametrize("answer", CreateAnswer)
def test_an_export_becomes_one_archive_whatever_the_create_answers(tmp_path: Path, answer: CreateAnswer) -> None:
    options = QlaraOptions(create_answer=answer, numeric_ids=answer is CreateAnswer.NUMBER)
    with open_csv_bench(tmp_path, options) as bench:
        job = bench.export(stream=HISTORY)
        (archive,) = archives(bench)
        nameless = answer in (CreateAnswer.NOTE, CreateAnswer.NOTHING)
        whole = ["unanswered" if kind == "accepted" and nameless else kind for kind in WHOLE_LIFE]
        assert [kind for kind in kinds(bench, job.id) if kind != "adopted"] == whole
        assert ("adopted" in kinds(bench, job.id)) == nameless
        assert archive.inspection.in_window > 0
        assert (archive.seal.coding, archive.expectation.overlap) == ("zstd", timedelta(seconds=2))
        with open_reading(bench.config) as vault:
            (interval,) = coverage_of(vault, HISTORY.name)
            assert (interval.cover, interval.archive) == (Cover.PROVEN, archive.id)
            assert check_fixity(vault, archive) == []
            assert check_content(vault, archive, bench.identities()) == []
        assert len(bench.sandbox.requests.creates) == 1


@pytest.mark.parametrize("mute", [False, True])
def test_what_was_on_the_list_before_is_not_ours(tmp_path: Path, mute: bool) -> None:
    """Not even made a moment before, of the same dataset and window, by a clock that stands still."""
    with open_csv_bench(tmp_path, MUTE if mute else SILENT) as bench:
        stranger = bench.sandbox.qlara.add_foreign_job("MESSAGE_HISTORY", DAY.start, DAY.end)
        bench.export(stream=HISTORY)
        (archive,) = archives(bench)
        assert [archive.ref] == ours(bench)
        assert archive.ref != stranger


def between(bench: Bench, kind: str) -> object:
    """Return a witness that lets a stranger make an export between our look at the list and our create."""

    def crash_point(place: str) -> None:
        if place == "before create":
            bench.sandbox.qlara.add_foreign_job(kind, DAY.start, DAY.end)

    return crash_point


def test_a_stranger_s_export_of_another_dataset_confuses_nobody(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, SILENT) as bench:
        bench.export(stream=HISTORY, crash_point=between(bench, "CONTACTS"))
        (archive,) = archives(bench)
        assert [archive.ref] == ours(bench)


def test_of_two_exports_that_nothing_tells_apart_neither_is_taken(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, SILENT) as bench:
        bench.export(stream=HISTORY, crash_point=between(bench, "MESSAGE_HISTORY"))
        job = newest(bench)
        assert (job.state, job.cause) == (State.FAILED, Cause.INDISTINCT)
        assert archives(bench) == []
        with open_reading(bench.config) as vault:
            (interval,) = coverage_of(vault, HISTORY.name)
        assert (interval.cover, interval.cause) == (Cover.MISSING, "indistinct")


def test_without_any_word_of_the_dataset_a_stranger_s_is_as_doubtful(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, MUTE) as bench:
        bench.export(stream=HISTORY, crash_point=between(bench, "CONTACTS"))
        assert newest(bench).cause is Cause.INDISTINCT


def test_a_list_that_repeats_the_request_tells_them_apart(tmp_path: Path) -> None:
    fields = frozenset({EntryField.TYPE, EntryField.CREATED_AT, EntryField.FILTERS})
    options = QlaraOptions(create_answer=CreateAnswer.NOTHING, entry_fields=fields)
    with open_csv_bench(tmp_path, options) as bench:
        bench.export(stream=HISTORY, crash_point=between(bench, "MESSAGE_HISTORY"))
        (archive,) = archives(bench)
        assert [archive.ref] == ours(bench)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_exports_without_names_are_asked_for_one_after_another(tmp_path: Path, workers: int) -> None:
    with open_csv_bench(tmp_path, MUTE) as bench, bench.engine() as engine:
        windows = [Window(DAY.start - timedelta(days=day), DAY.end - timedelta(days=day)) for day in range(6)]
        for window in windows:
            enter_window(engine, HISTORY, window, "standard")
            enter_window(engine, REPORTS, window, "standard")
        assert bench.run(engine, workers=workers) == []
        found = {(each.stream, each.spec.window): each.ref for each in archives(bench)}
        assert len(set(found.values())) == len(found) == 12
        made = {job.id: job.order for job in bench.sandbox.qlara.jobs}
        for (stream, window), ref in found.items():
            assert made[ref].start is not None
            assert abs(made[ref].start - window.start) <= timedelta(seconds=1)
            assert (made[ref].kind.value == "MESSAGE_HISTORY") == (stream == HISTORY.name)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4])
def test_twenty_waiting_exports_cost_one_sweep_a_round(tmp_path: Path, workers: int) -> None:
    with (
        open_csv_bench(tmp_path, QlaraOptions(processing_for=timedelta(minutes=20))) as bench,
        bench.engine() as engine,
    ):
        for day in range(20):
            window = Window(DAY.start - timedelta(days=day), DAY.end - timedelta(days=day))
            enter_window(engine, HISTORY, window, "standard")
        bench.run(engine, hours=0.1, workers=workers)
        with open_reading(bench.config) as vault:
            assert {job.state for job in list_jobs(vault)} == {State.WAITING}
        bench.sandbox.forget_requests()
        began = bench.clock()
        bench.run(engine, hours=0.25, workers=workers)
        rounds = (bench.clock() - began) / timedelta(seconds=5)
        with open_reading(bench.config) as vault:
            polls = sum(job.polls for job in list_jobs(vault))
        assert polls > 20 * 5
        assert lists(bench) < polls / 10
        assert lists(bench) < rounds


@pytest.mark.slow
@pytest.mark.parametrize("look", QlaraOptions.expired_looks)
@pytest.mark.parametrize("renewal", LinkRenewal)
def test_an_expired_export_is_made_again(tmp_path: Path, look: ExpiredLook, renewal: LinkRenewal) -> None:
    with open_csv_bench(tmp_path, QlaraOptions(expired=look, renewal=renewal)) as bench:
        bench.sandbox.faults.add(FaultKind.ANSWER, on="download", status=500, times=None)
        with bench.engine() as engine:
            job = enter_window(engine, HISTORY, DAY, "standard")
            bench.run(engine, hours=0.01)
            bench.clock.advance(timedelta(days=5))
            bench.sandbox.faults.clear()
            assert bench.run(engine) == []
        life = kinds(bench, job.id)
        creates = bench.sandbox.requests.creates
        if look is ExpiredLook.GONE:
            assert "lapsed" in life
            assert (newest(bench).parent, len(creates)) == (job.id, 2)
        else:
            assert ("renewed" in life, "lapsed" in life) == (True, False)
            assert (newest(bench).id, newest(bench).state, len(creates)) == (job.id, State.ARCHIVED, 1)
        assert len(archives(bench)) == 1


def test_renewals_are_bounded(tmp_path: Path) -> None:
    options = QlaraOptions(life=timedelta(seconds=1), link_life=timedelta(seconds=1))
    with open_csv_bench(tmp_path, options) as bench:
        with bench.engine() as engine:
            first = enter_window(engine, HISTORY, DAY, "standard")
            assert bench.run(engine, hours=24 * 6) == []
        life = kinds(bench, first.id)
        assert life.count("renewed") == engine.retry_policy.renewals
        assert life[-1] == "succeeded"
        assert newest(bench).state is State.FAILED
        assert len(bench.sandbox.requests.creates) == engine.retry_policy.generations


def test_a_regenerated_export_is_a_new_archive_beside_the_old(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        first = bench.export(stream=HISTORY)
        (older,) = archives(bench)
        bench.clock.advance(timedelta(days=5))
        fresh = regenerate(bench, older.id)
        assert (fresh.parent, fresh.purpose, fresh.state, fresh.ref) == (
            first.id,
            "regenerate",
            State.ARCHIVED,
            older.ref,
        )
        assert kinds(bench, fresh.id)[:2] == ["planned", "renewed"]
        assert len(bench.sandbox.requests.creates) == 1
        newer, kept = archives(bench)
        assert kept == older
        assert (newer.job, newer.ref, newer.spec) == (fresh.id, older.ref, older.spec)
        with open_reading(bench.config) as vault:
            # Since then the ledger goes by the configured name of what the stream exports.
            assert coverage_of(vault, HISTORY.name) == []
            (interval,) = coverage_of(vault, newer.stream)
            assert interval.archive == older.id
            assert check_content(vault, newer, bench.identities()) == []


def test_an_export_that_is_still_there_is_fetched_again(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        bench.export(stream=HISTORY)
        fresh = regenerate(bench, archives(bench)[0].id)
        assert kinds(bench, fresh.id) == ["planned", "renewed", *WHOLE_LIFE[3:]]
        newer, older = archives(bench)
        assert (newer.ref, newer.seal.size) == (older.ref, older.seal.size)
        assert len(ours(bench)) == 1


def test_an_export_that_is_gone_is_asked_for_anew(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions(expired=ExpiredLook.GONE)) as bench:
        bench.export(stream=HISTORY)
        (older,) = archives(bench)
        bench.clock.advance(timedelta(days=5))
        fresh = regenerate(bench, older.id)
        assert kinds(bench, fresh.id) == ["planned", "lapsed", *WHOLE_LIFE[1:]]
        assert (fresh.state, len(archives(bench))) == (State.ARCHIVED, 2)
        assert fresh.ref != older.ref


def test_a_job_under_way_is_not_renewed_under_its_feet(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions(processing_for=timedelta(hours=2))) as bench:
        with bench.engine() as engine:
            job = enter_window(engine, HISTORY, DAY, "standard")
            bench.run(engine, hours=0.1)
        fresh = regenerate(bench, job.id)
        assert fresh.ref not in ("", newest_but_one(bench).ref)
        assert len(archives(bench)) == 2


def newest_but_one(bench: Bench) -> Job:
    with open_reading(bench.config) as vault:
        return list_jobs(vault)[1]


def test_a_record_beside_the_window_is_counted_and_no_fault(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        length = timedelta(hours=4)
        for number in range(6):
            start = DAY.start + number * length
            bench.export(stream=Stream("hours", "qlara", ("message-history",)), window=Window(start, start + length))
        held = archives(bench)
        assert len(held) == 6
        assert {archive.expectation.overlap for archive in held} == {timedelta(seconds=2)}
        assert all(archive.inspection.sound for archive in held)


def test_a_status_that_is_refused_for_good_is_not_polled_for_a_day(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        with bench.engine() as engine:
            job = enter_window(engine, HISTORY, DAY, "standard")
            bench.run(engine, hours=0.0001)
            bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=400, times=None)
            began = bench.clock()
            bench.run(engine, hours=1)
        life = kinds(bench, job.id)
        assert "died" in life
        assert bench.clock() - began < timedelta(hours=2)
        with open_reading(bench.config) as vault:
            assert next(each for each in list_jobs(vault) if each.id == job.id).cause is Cause.REFUSED
