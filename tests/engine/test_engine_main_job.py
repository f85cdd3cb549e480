"""The main job, whole: real HTTP, real processes, a clock that the test moves."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.inventory import find_job
from strongroom.engine.access.restore import restore, restore_members
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.queries.lists import coverage_of, job_life, list_archives, list_jobs
from strongroom.evidence.line import read_chain
from strongroom.model.archive import Archive, Holding
from strongroom.model.coverage import Cover
from strongroom.model.decision import RetryPolicy
from strongroom.model.errors import SealError, UsageError, VaultLocked
from strongroom.model.job import Cause, State
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.options import ExpiredLook, ZavuOptions
from strongroom_sandbox.zavu_records import DataOptions


def archives(bench: Bench, holding: str = "held") -> list[Archive]:
    with open_reading(bench.config) as vault:
        return list_archives(vault, holding=holding)


def states(bench: Bench) -> list[str]:
    with open_reading(bench.config) as vault:
        return [job.state.value for job in reversed(list_jobs(vault))]


def kinds(bench: Bench, job_id: str) -> list[str]:
    with open_reading(bench.config) as vault:
        moments = job_life(vault, find_job(vault, job_id)).moments
        return [moment.kind.removeprefix("job.") for moment in moments]


WHOLE_LIFE = ["planned", "intended", "accepted", "completed", "opened", "durable", "proven"]


def test_one_export_becomes_one_verified_archive(bench: Bench) -> None:
    job = bench.export()
    (archive,) = archives(bench)
    assert kinds(bench, job.id) == WHOLE_LIFE
    assert archive.inspection.records == archive.inspection.in_window > 0
    assert archive.durable_at <= archive.verified_at
    with open_reading(bench.config) as vault:
        (interval,) = coverage_of(vault, STREAM.name)
        assert (interval.cover, interval.window, interval.archive) == (Cover.PROVEN, DAY, archive.id)
        assert check_fixity(vault, archive) == []
        assert check_content(vault, archive, bench.identities()) == []
        lines = vault.layout.log.read_bytes().splitlines()
    assert [body["kind"] for body in read_chain(lines)][-2:] == ["job.proven", "index.sealed"]
    assert len(bench.sandbox.requests.creates) == 1


def test_the_restored_bytes_are_the_delivered_bytes(bench: Bench, tmp_path: Path) -> None:
    bench.export()
    (archive,) = archives(bench)
    with open_reading(bench.config) as vault:
        restored = restore(vault, archive, bench.identities(), tmp_path / "out.zip")
        members = restore_members(vault, archive, bench.identities(), tmp_path / "out")
        with pytest.raises(UsageError, match="never overwritten"):
            restore(vault, archive, bench.identities(), tmp_path / "out.zip")
        with pytest.raises(UsageError, match="not an empty folder"):
            restore_members(vault, archive, bench.identities(), tmp_path / "out")
    data = (tmp_path / "out.zip").read_bytes()
    assert hashlib.sha256(data).hexdigest() == restored.sha256
    assert len(data) == archive.seal.size == restored.size
    assert {path.name for path in members.paths} == {"messages.json", "conversations.json", "metadata.json"}
    with zipfile.ZipFile(tmp_path / "out.zip") as whole:
        counted = sum(len(json.loads(whole.read(name))) for name in ("messages.json", "conversations.json"))
    assert counted == archive.inspection.records


def test_a_damaged_archive_is_found_and_nothing_of_it_is_restored(bench: Bench, tmp_path: Path) -> None:
    bench.export()
    (archive,) = archives(bench)
    with open_reading(bench.config) as vault:
        path = vault.payload_path(archive)
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(damaged)
        assert [fault.code for fault in check_fixity(vault, archive)] == ["digest"]
        assert [fault.code for fault in check_content(vault, archive, bench.identities())] == ["content"]
        with pytest.raises(SealError):
            restore(vault, archive, bench.identities(), tmp_path / "out.zip")
    assert list(tmp_path.glob("*out.zip*")) == []


def test_an_archive_swapped_for_another_valid_one_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.export()
    bench.export(window=Window(DAY.start - timedelta(days=1), DAY.start))
    first, second = archives(bench)
    with open_reading(bench.config) as vault:
        for kind in (vault.payload_path, vault.key_path):
            kind(first).write_bytes(kind(second).read_bytes())
        assert {fault.code for fault in check_fixity(vault, first)} & {"digest", "size"}
        with pytest.raises(SealError, match="belongs to archive"):
            restore(vault, first, bench.identities(), tmp_path / "out.zip")


def test_due_windows_are_worked_out_from_plan_and_ledger(bench: Bench) -> None:
    with bench.engine() as engine:
        assert len(enter_due(engine, bench.plans())) == 2
        assert enter_due(engine, bench.plans()) == []
        assert bench.run(engine) == []
        bench.clock.advance(timedelta(days=1))
        (next_job,) = enter_due(engine, bench.plans())
        assert next_job.spec.window.start == DAY.start + timedelta(days=2)
    assert len(archives(bench)) == 2


def test_an_empty_window_is_proven_empty(tmp_path: Path) -> None:
    with open_bench(tmp_path, data=DataOptions(per_day={})) as bench:
        bench.export()
        with open_reading(bench.config) as vault:
            assert [interval.cover for interval in coverage_of(vault, STREAM.name)] == [Cover.EMPTY]


def test_a_window_is_exported_once_unless_a_person_says_again(bench: Bench) -> None:
    bench.export()
    with pytest.raises(UsageError, match="already archived"):
        bench.export()
    bench.export(again=True)
    assert len(archives(bench)) == 2
    with open_reading(bench.config) as vault:
        assert len(coverage_of(vault, STREAM.name)) == 1


def test_a_second_worker_is_refused_by_name(bench: Bench) -> None:
    with bench.engine(), pytest.raises(VaultLocked, match="tests"), bench.engine():
        pass


HEALED = [
    ("answer", {"on": "create", "status": 503}, "unanswered"),
    ("answer", {"on": "create", "status": 503, "after": True}, "adopted"),
    ("reset", {"on": "create"}, "unanswered"),
    ("reset", {"on": "create", "after": True}, "adopted"),
    ("answer", {"on": "create", "status": 429, "hint": "seconds"}, "postponed"),
    ("answer", {"on": "create", "status": 429, "hint": "details"}, "postponed"),
    ("answer", {"on": "create", "status": 429, "hint": "reset-ms"}, "postponed"),
    ("answer", {"on": "list", "status": 500}, "delayed"),
    ("answer", {"on": "get", "status": 502, "times": 3}, "delayed"),
    ("answer", {"on": "get", "status": 200, "body": "html"}, "delayed"),
    ("reset", {"on": "get"}, "delayed"),
    ("job-fails", {}, "succeeded"),
    ("job-vanishes", {"seconds": 1}, "succeeded"),
    ("cut", {"at": 1000}, None),
    ("cut", {"at": 1000, "times": 2, "reset": True}, None),
    ("cut", {"at": 1000, "length": "cut"}, "broken"),
    ("cut", {"at": 1000, "length": "absent"}, None),
    ("flip", {"at": 3000}, "rejected"),
    ("answer", {"on": "download", "status": 403}, "link-died"),
    ("answer", {"on": "download", "status": 410}, "link-died"),
    ("answer", {"on": "download", "status": 404, "body": "xml"}, "link-died"),
    ("answer", {"on": "download", "status": 200, "body": "html"}, "broken"),
    ("answer", {"on": "download", "status": 500}, "delayed"),
    ("redirect", {"across": True}, None),
    ("redirect", {"hops": 3}, None),
    ("redirect", {"hops": 20}, "delayed"),
    ("gzip", {}, None),
    ("bad-crc", {}, "rejected"),
    ("missing-member", {}, "rejected"),
    ("missing-metadata", {}, "rejected"),
    ("encrypted-member", {}, "rejected"),
    ("traversal-name", {"name": "../evil.json"}, "rejected"),
    ("duplicate-member", {}, "rejected"),
    ("malformed-json", {}, "rejected"),
    ("trailing-bytes", {}, "rejected"),
    ("wrong-size", {}, "succeeded"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fields", "seen"), HEALED, ids=lambda value: str(value))
def test_a_fault_is_healed_without_a_second_archive(
    tmp_path: Path, kind: str, fields: dict[str, object], seen: str | None
) -> None:
    with open_bench(tmp_path) as bench:
        number = bench.sandbox.faults.add(FaultKind(kind), **fields)
        job = bench.export()
        assert bench.sandbox.faults.hits(number) >= 1
        assert len(archives(bench)) == 1
        if seen:
            assert seen in kinds(bench, job.id), kinds(bench, job.id)
        else:
            assert kinds(bench, job.id) == WHOLE_LIFE
        with open_reading(bench.config) as vault:
            assert [interval.cover for interval in coverage_of(vault, STREAM.name)] == [Cover.PROVEN]
        assert bench.sandbox.requests.headers_at_storage("authorization") == ()


LASTING = [
    ("bad-crc", {}, Cause.CONTENT),
    ("zip-bomb", {"by": 400_000_000}, Cause.CONTENT),
    ("malformed-json", {}, Cause.CONTENT),
    ("encrypted-member", {}, Cause.CONTENT),
    ("job-fails", {"times": None}, Cause.PROVIDER_FAILED),
    ("job-stuck", {"times": None}, Cause.OVERDUE),
    ("answer", {"on": "create", "status": 404, "times": None}, Cause.NOT_OFFERED),
    ("answer", {"on": "create", "status": 410, "times": None}, Cause.NOT_OFFERED),
    ("answer", {"on": "create", "status": 501, "times": None}, Cause.NOT_OFFERED),
    ("answer", {"on": "create", "status": 400, "times": None}, Cause.REFUSED),
    ("answer", {"on": "get", "status": 400}, Cause.REFUSED),
    ("answer", {"on": "download", "status": 403, "times": None}, Cause.LINK),
    ("cut", {"at": 1000, "length": "cut", "times": None}, Cause.TRANSFER),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "fields", "cause"), LASTING, ids=lambda value: str(value))
def test_a_lasting_fault_ends_in_a_plain_failure_and_an_intact_vault(
    tmp_path: Path, kind: str, fields: dict[str, object], cause: Cause
) -> None:
    with open_bench(tmp_path) as bench:
        bench.sandbox.faults.add(FaultKind(kind), **{"times": None, **fields})
        with bench.engine(retry_policy=RetryPolicy(overdue=timedelta(hours=2))) as engine:
            enter_window(engine, STREAM, DAY, "standard")
            assert bench.run(engine, hours=24 * 8) == []
        with open_reading(bench.config) as vault:
            last = list_jobs(vault)[0]
            assert (last.state, last.cause) == (State.FAILED, cause)
            assert last.detail
            (interval,) = coverage_of(vault, STREAM.name)
            assert (interval.cover, interval.cause) == (Cover.MISSING, cause.value)
            for archive in list_archives(vault):
                assert archive.holding is Holding.QUARANTINED
                assert archive.inspection.findings
                assert check_fixity(vault, archive) == []
            assert list(vault.layout.tmp.iterdir()) == []
        assert archives(bench) == []


def test_a_refused_key_pauses_the_source_instead_of_hammering(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.ANSWER, on="create", status=401, times=None)
    bench.sandbox.faults.add(FaultKind.ANSWER, on="list", status=401, times=None)
    with bench.engine() as engine:
        enter_window(engine, STREAM, DAY, "standard")
        (job,) = bench.run(engine, hours=10)
    assert job.state is State.PLANNED
    assert len(bench.sandbox.requests.all) == 1


@pytest.mark.slow
@pytest.mark.parametrize("look", ZavuOptions.expired_looks)
def test_an_expired_export_is_replaced_with_its_lineage(tmp_path: Path, look: ExpiredLook) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(expired=look)) as bench:
        hang = bench.sandbox.faults.add(FaultKind.ANSWER, on="download", status=500, times=1)
        with bench.engine() as engine:
            first = enter_window(engine, STREAM, DAY, "standard")
            bench.run(engine, hours=0.002)
            assert bench.sandbox.faults.hits(hang) == 1
            bench.clock.advance(timedelta(hours=30))
            assert bench.run(engine) == []
        assert states(bench) == ["replaced", "archived"]
        with open_reading(bench.config) as vault:
            newest = list_jobs(vault)[0]
            assert (newest.parent, newest.generation) == (first.id, 1)
            assert job_life(vault, find_job(vault, first.id)).successor == newest.id


@pytest.mark.slow
def test_the_quotas_are_kept_and_count_what_others_use(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(processing_for=timedelta(minutes=2))) as bench:
        for _ in range(4):
            bench.sandbox.zavu.add_foreign_job(["activities"])
        with bench.engine() as engine:
            for day in range(12):
                start = DAY.start - timedelta(days=day)
                enter_window(engine, STREAM, Window(start, start + timedelta(days=1)), "standard")
            assert bench.run(engine) == []
        assert len(archives(bench)) == 12
        refused = [request for request in bench.sandbox.requests.creates if request.status == 429]
        assert refused == []


def test_an_export_made_by_a_lost_request_is_adopted_and_a_foreign_one_left_alone(bench: Bench) -> None:
    bench.sandbox.zavu.add_foreign_job(["messages"], DAY.start, DAY.end)
    bench.sandbox.faults.add(FaultKind.RESET, on="create", after=True)
    bench.export()
    (archive,) = archives(bench)
    mine = [job for job in bench.sandbox.zavu.jobs if set(job.order.data_types) == set(STREAM.datasets)]
    assert [archive.ref] == [job.id for job in mine]
    assert len(bench.sandbox.requests.creates) == 1


def test_a_damaged_key_file_is_found_without_a_key(bench: Bench) -> None:
    bench.export()
    (archive,) = archives(bench)
    with open_reading(bench.config) as vault:
        path = vault.key_path(archive)
        path.write_bytes(path.read_bytes()[:-1])
        assert [fault.code for fault in check_fixity(vault, archive)] == ["key"]


def test_a_catalogue_that_contradicts_the_log_is_found(bench: Bench) -> None:
    bench.export()
    (archive,) = archives(bench)
    with open_reading(bench.config) as vault:
        swapped = replace(archive, seal=replace(archive.seal, sealed_sha256="0" * 64))
        assert "log" in {fault.code for fault in check_fixity(vault, swapped)}


def test_a_manifest_cannot_lead_a_restore_out_of_its_folder(bench: Bench, tmp_path: Path) -> None:
    bench.export()
    (archive,) = archives(bench)
    (tmp_path / "in").mkdir()
    with open_reading(bench.config) as vault:
        for name in ("../evil.zip", "/tmp/evil.zip", "..", "", "a\nb"):
            forged = replace(archive, seal=replace(archive.seal, delivered_name=name))
            with pytest.raises(SealError, match="file name"):
                restore(vault, forged, bench.identities(), tmp_path / "in")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("operation", "status"), [("create", 400), ("create", 404), ("create", 410), ("create", 501), ("list", 404)]
)
def test_a_stray_refusal_is_tried_a_second_time_later(bench: Bench, operation: str, status: int) -> None:
    bench.sandbox.faults.add(FaultKind.ANSWER, on=operation, status=status)
    bench.export()
    with open_reading(bench.config) as vault:
        (job,) = list_jobs(vault)
    assert job.state is State.ARCHIVED
    assert bench.clock() - job.created_at >= timedelta(minutes=1)
    assert len(bench.sandbox.zavu.jobs) == 1


def test_an_api_without_any_exports_fails_plainly_once_it_has_said_so_twice(bench: Bench) -> None:
    for operation in ("list", "create"):
        bench.sandbox.faults.add(FaultKind.ANSWER, on=operation, status=404, times=None)
    bench.export()
    with open_reading(bench.config) as vault:
        (job,) = list_jobs(vault)
    assert (job.state, job.cause) == (State.FAILED, Cause.NOT_OFFERED)
    assert len(bench.sandbox.requests.all) == 2


@pytest.mark.slow
def test_creates_that_never_get_an_answer_are_bounded(bench: Bench) -> None:
    bench.sandbox.faults.add(FaultKind.ANSWER, on="create", status=503, times=None)
    with bench.engine() as engine:
        enter_window(engine, STREAM, DAY, "standard")
        assert bench.run(engine, hours=72) == []
    with open_reading(bench.config) as vault:
        (job,) = list_jobs(vault)
    assert (job.state, job.cause) == (State.FAILED, Cause.UNANSWERED)
    assert len(bench.sandbox.requests.creates) == engine.retry_policy.creates
