"""Every fault: what the client sees, and what happened behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from kit.sandbox_bench import NOW, Bench, zavu
from strongroom_sandbox.faults import (
    ANSWER_BODIES,
    ANSWERS,
    CSV_FILES,
    FILES,
    JOBS,
    LISTS,
    TRANSFERS,
    ZIP_FILES,
    FaultBook,
    FaultKind,
    InjectedFault,
)
from strongroom_sandbox.recorder import Operation

Open = Callable[..., Bench]


def call(bench: Bench, operation: str, job_id: str, url: str) -> httpx.Response:
    if operation == "create":
        return bench.create()
    if operation == "download":
        return bench.fetch(url)
    return bench.api.get("/v1/exports" if operation == "list" else f"/v1/exports/{job_id}")


@pytest.fixture
def ready(bench: Bench) -> tuple[Bench, str, str]:
    export = bench.completed()
    return bench, export["id"], export["downloadUrl"]


@pytest.mark.parametrize("operation", ["create", "get", "list", "download"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 501, 502, 503])
def test_any_operation_can_answer_any_status_before_or_after_its_work(
    ready: tuple[Bench, str, str], operation: str, after: bool, status: int
) -> None:
    bench, job_id, url = ready
    before = len(bench.sandbox.zavu.jobs)
    fault = bench.sandbox.faults.add("answer", on=operation, status=status, after=after)
    answer = call(bench, operation, job_id, url)
    assert answer.status_code == status
    if operation == "download":
        assert answer.headers["content-type"] == "application/xml"
    else:
        assert set(answer.json()) == {"code", "message"}
        assert "x-ratelimit-limit" in answer.headers
    created = len(bench.sandbox.zavu.jobs) - before
    assert created == (1 if operation == "create" and after else 0)
    assert bench.sandbox.faults.hits(fault) == 1
    assert call(bench, operation, job_id, url).is_success


@pytest.mark.parametrize("operation", ["create", "get", "list", "download"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("kind", "error"), [("hang", httpx.ReadTimeout), ("reset", httpx.ReadError)])
def test_any_operation_can_be_left_without_an_answer(
    ready: tuple[Bench, str, str], operation: str, after: bool, kind: str, error: type[Exception]
) -> None:
    bench, job_id, url = ready
    bench.sandbox.faults.add(kind, on=operation, after=after)
    bench.api.timeout = bench.plain.timeout = httpx.Timeout(0.2)
    before = len(bench.sandbox.zavu.jobs)
    with pytest.raises(error):
        call(bench, operation, job_id, url)
    assert len(bench.sandbox.zavu.jobs) - before == (1 if operation == "create" and after else 0)
    last = bench.sandbox.requests.all[-1]
    assert (last.operation, last.status, last.faults) == (Operation(operation), None, (kind,))


def test_a_hang_ends_by_itself(bench: Bench) -> None:
    bench.sandbox.faults.add("hang", on="list", seconds=0.05)
    with pytest.raises(httpx.ReadError):
        bench.api.get("/v1/exports")


def _after_seconds(answer: httpx.Response) -> datetime:
    return NOW + timedelta(seconds=int(answer.headers["retry-after"]))


def _after_date(answer: httpx.Response) -> datetime:
    return parsedate_to_datetime(answer.headers["retry-after"])


def _after_details(answer: httpx.Response) -> datetime:
    return NOW + timedelta(seconds=answer.json()["details"]["retryAfter"])


def _after_reset(answer: httpx.Response) -> datetime:
    return datetime.fromtimestamp(int(answer.headers["x-ratelimit-reset"]) / 1000, UTC)


@pytest.mark.parametrize(
    ("hint", "read", "bare"),
    [
        ("seconds", _after_seconds, False),
        ("date", _after_date, False),
        ("details", _after_details, True),
        ("reset-ms", _after_reset, True),
    ],
)
def test_a_refusal_says_how_long_to_wait_in_each_way(
    bench: Bench, hint: str, read: Callable[[httpx.Response], datetime], bare: bool
) -> None:
    bench.sandbox.faults.add("answer", on="create", status=429, hint=hint, wait=77)
    answer = bench.create()
    assert answer.status_code == 429
    assert answer.json()["code"] == "rate_limited"
    assert read(answer) == NOW + timedelta(seconds=77)
    assert ("retry-after" not in answer.headers) is bare


def test_a_refusal_can_keep_silent_about_the_wait(bench: Bench) -> None:
    bench.sandbox.faults.add("answer", on="create", status=429, code="slow_down")
    answer = bench.create()
    assert "retry-after" not in answer.headers
    assert answer.json()["code"] == "slow_down"
    assert "details" not in answer.json()


@pytest.mark.parametrize(
    ("body", "content_type", "needle"),
    [
        ("html", "text/html", b"<!DOCTYPE html>"),
        ("xml", "application/xml", b"<Error>"),
        ("json", "application/json", b"{"),
        ("empty", "", b""),
    ],
)
def test_a_page_can_come_with_200_instead_of_the_file(
    ready: tuple[Bench, str, str], body: str, content_type: str, needle: bytes
) -> None:
    bench, _, url = ready
    bench.sandbox.faults.add("answer", on="download", status=200, body=body)
    answer = bench.fetch(url)
    assert answer.status_code == 200
    assert answer.headers.get("content-type", "").startswith(content_type)
    assert needle in answer.content
    assert not answer.content.startswith(b"PK")


def test_an_export_can_fail(bench: Bench) -> None:
    bench.sandbox.faults.add("job-fails", message="The project has too much data")
    export = bench.completed()
    assert (export["status"], export["errorMessage"]) == ("failed", "The project has too much data")
    assert not {"downloadUrl", "fileSize"} & set(export)
    assert bench.completed()["status"] == "completed"


def test_an_export_can_stay_processing_for_ever_and_holds_its_place(open_bench: Open) -> None:
    bench = open_bench(**zavu(max_concurrent=1))
    bench.sandbox.faults.add("job-stuck")
    job_id = bench.create().json()["export"]["id"]
    bench.advance(days=300)
    assert bench.get(job_id)["status"] == "processing"
    refused = bench.create()
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers


def test_an_export_can_be_slow(bench: Bench) -> None:
    bench.sandbox.faults.add("job-slow", seconds=3600)
    job_id = bench.create().json()["export"]["id"]
    bench.advance(minutes=60)
    assert bench.get(job_id)["status"] == "processing"
    bench.advance(seconds=3)
    assert bench.get(job_id)["status"] == "completed"


def test_an_export_can_vanish(bench: Bench) -> None:
    bench.sandbox.faults.add("job-vanishes", seconds=2)
    job_id = bench.create().json()["export"]["id"]
    assert bench.get(job_id)["status"] == "pending"
    bench.advance(seconds=2)
    assert bench.api.get(f"/v1/exports/{job_id}").status_code == 404
    assert bench.api.get("/v1/exports").json()["items"] == []


@pytest.mark.parametrize("by", [1, -1, 4096])
def test_the_announced_size_can_be_wrong(bench: Bench, by: int) -> None:
    bench.sandbox.faults.add("wrong-size", by=by)
    export = bench.completed()
    assert export["fileSize"] - len(bench.fetch(export["downloadUrl"]).content) == by


def test_foreign_exports_can_have_faults_too(bench: Bench) -> None:
    made = bench.sandbox.zavu.add_foreign_job(["messages"], faults=[InjectedFault(FaultKind.JOB_FAILS, message="no")])
    bench.advance(minutes=1)
    assert bench.get(made)["errorMessage"] == "no"


@pytest.mark.parametrize(
    ("settings", "hit"),
    [
        ({}, [1]),
        ({"times": 3}, [1, 2, 3]),
        ({"times": None}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 4}, [4]),
        ({"nth": 2, "times": 2}, [2, 3]),
        ({"nth": 5, "times": None}, [5, 6]),
        ({"probability": 0.0, "times": None}, []),
    ],
)
def test_a_fault_hits_the_requests_it_is_meant_for(bench: Bench, settings: dict[str, Any], hit: list[int]) -> None:
    bench.sandbox.faults.add("answer", on="list", status=500, **settings)
    bench.create()
    assert [n for n in range(1, 7) if bench.api.get("/v1/exports").status_code == 500] == hit


def test_chance_is_repeatable() -> None:
    fault = InjectedFault(FaultKind.RESET, on=Operation.GET, times=None, probability=0.4, seed=9)
    runs = []
    for _ in range(2):
        book = FaultBook()
        book.add(fault)
        runs.append([bool(book.take(Operation.GET)) for _ in range(200)])
    assert runs[0] == runs[1]
    assert 50 < sum(runs[0]) < 110


def test_a_fault_can_wait_for_one_export(bench: Bench) -> None:
    one, two = (bench.create().json()["export"]["id"] for _ in range(2))
    bench.sandbox.faults.add("answer", on="get", status=500, job=two)
    assert bench.api.get(f"/v1/exports/{one}").status_code == 200
    assert bench.api.get(f"/v1/exports/{two}").status_code == 500


def test_faults_are_removed_and_cleared(bench: Bench) -> None:
    faults = bench.sandbox.faults
    one, two = (faults.add("answer", on="list", times=None, status=status) for status in (500, 502))
    assert bench.api.get("/v1/exports").status_code == 500
    faults.remove(one)
    assert bench.api.get("/v1/exports").status_code == 502
    assert (faults.hits(one), faults.hits(two)) == (0, 2)
    faults.clear()
    assert bench.api.get("/v1/exports").status_code == 200
    assert faults.active() == {}


def test_every_kind_belongs_to_one_group() -> None:
    groups = [ANSWERS, JOBS, LISTS, ANSWER_BODIES, TRANSFERS, FILES]
    assert sum(map(len, groups)) == len(FaultKind)
    assert frozenset().union(*groups) == frozenset(FaultKind)
    assert ZIP_FILES | CSV_FILES == FILES


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("hang", {}),
        ("nonsense", {"on": "list"}),
        ("hang", {"on": "destroy"}),
        ("hang", {"on": "list", "second": 3}),
        ("hang", {"on": "list", "nth": 0}),
        ("hang", {"on": "list", "times": 0}),
        ("hang", {"on": "list", "probability": 1.5}),
        ("hang", {"on": "list", "seconds": "long"}),
        ("cut", {"on": "create"}),
        ("job-fails", {"on": "get"}),
        ("bad-crc", {"on": "list"}),
        ("list-grows", {"on": "create"}),
        ("cut", {"on": "link"}),
        ("hang", {"on": "list", "provider": "nobody"}),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        FaultBook().add(kind, **settings)
