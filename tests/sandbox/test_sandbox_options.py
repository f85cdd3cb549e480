"""What the vendor does not document: each switch the other way round."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kit.sandbox_bench import Bench, data, zavu
from strongroom_sandbox.options import ExpiredLook, TransferOptions, Unwanted, ZipStyle

Open = Callable[..., Bench]


def test_optional_fields_can_be_null(open_bench: Open) -> None:
    export = open_bench(**zavu(null_fields=True)).create().json()["export"]
    assert {name for name, value in export.items() if value is None} == {
        "downloadUrl", "fileSize", "errorMessage", "completedAt"
    }  # fmt: skip


def test_the_list_can_run_oldest_first(open_bench: Open) -> None:
    bench = open_bench(**zavu(newest_first=False))
    ids = [bench.create().json()["export"]["id"] for _ in range(3)]
    first = bench.api.get("/v1/exports", params={"limit": 2}).json()
    second = bench.api.get("/v1/exports", params={"limit": 2, "cursor": first["nextCursor"]}).json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids


def test_page_lengths_can_be_set(open_bench: Open) -> None:
    bench = open_bench(**zavu(page_default=1, page_max=2))
    for _ in range(3):
        bench.create()
    assert [len(bench.api.get("/v1/exports", params=p).json()["items"]) for p in ({}, {"limit": "9"})] == [1, 2]


def test_an_expired_export_can_lose_its_link(open_bench: Open) -> None:
    bench = open_bench(**zavu(expired=ExpiredLook.NO_URL))
    export = bench.completed()
    bench.advance(hours=24)
    assert bench.get(export["id"]) == {k: v for k, v in export.items() if k != "downloadUrl"}


def test_an_expired_export_can_be_gone(open_bench: Open) -> None:
    bench = open_bench(**zavu(expired=ExpiredLook.GONE))
    export = bench.completed()
    bench.advance(hours=24)
    assert bench.api.get(f"/v1/exports/{export['id']}").status_code == 404
    assert bench.api.get("/v1/exports").json()["items"] == []
    assert bench.sandbox.zavu.jobs[0].gone


def test_exports_can_be_listed_for_a_while_only(open_bench: Open) -> None:
    bench = open_bench(**zavu(listed_for=timedelta(hours=30)))
    bench.create()
    bench.advance(hours=29)
    assert len(bench.api.get("/v1/exports").json()["items"]) == 1
    bench.advance(hours=1)
    assert bench.api.get("/v1/exports").json()["items"] == []


def test_the_life_of_an_export_can_be_set(open_bench: Open) -> None:
    bench = open_bench(**zavu(life=timedelta(minutes=5)))
    assert bench.create().json()["export"]["expiresAt"] == "2026-11-20T12:05:00.000Z"


def test_quota_refusals_can_look_otherwise(open_bench: Open) -> None:
    bench = open_bench(**zavu(max_concurrent=1, quota_status=409, quota_code="export_limit", quota_hints=False))
    bench.create()
    refused = bench.create()
    assert (refused.status_code, refused.json()["code"]) == (409, "export_limit")
    assert "details" not in refused.json()
    assert "retry-after" not in refused.headers


@pytest.mark.parametrize(("count", "status"), [(False, 202), (True, 429)])
def test_refused_creations_can_use_up_the_hour(open_bench: Open, count: bool, status: int) -> None:
    bench = open_bench(**zavu(max_concurrent=1, max_per_hour=2, refusals_count=count))
    bench.create()
    assert bench.create().status_code == 429
    bench.advance(seconds=10)
    assert bench.create().status_code == status


def test_a_reversed_window_can_give_an_empty_export(open_bench: Open) -> None:
    bench = open_bench(**zavu(reversed_window=Unwanted.ACCEPT))
    url = bench.url("messages", dateFrom="2026-11-11T00:00:00Z", dateTo="2026-11-10T00:00:00Z")
    assert bench.members(url)["messages.json"] == b"[]"


@pytest.mark.parametrize(("treatment", "status"), [(Unwanted.ACCEPT, 202), (Unwanted.REFUSE, 400)])
def test_repeated_types_are_kept_once_or_refused(open_bench: Open, treatment: Unwanted, status: int) -> None:
    answer = open_bench(**zavu(repeated_types=treatment)).create("messages", "messages")
    assert answer.status_code == status
    assert answer.json().get("export", {}).get("dataTypes", ["messages"]) == ["messages"]


def test_statuses_can_be_in_capitals(open_bench: Open) -> None:
    assert open_bench(**zavu(upper_case_status=True)).create().json()["export"]["status"] == "PENDING"


@pytest.mark.parametrize(("fresh", "tokens"), [(False, 1), (True, 3)])
def test_each_answer_can_carry_a_new_token(open_bench: Open, fresh: bool, tokens: int) -> None:
    bench = open_bench(**zavu(fresh_links=fresh))
    export = bench.completed()
    urls = {export["downloadUrl"], *(bench.get(export["id"])["downloadUrl"] for _ in range(2))}
    assert len(urls) == tokens
    assert {bench.fetch(url).status_code for url in urls} == {200}


def test_a_link_can_die_before_its_export(open_bench: Open) -> None:
    bench = open_bench(**zavu(link_life=timedelta(minutes=10), dead_link_status=410))
    export = bench.completed()
    bench.advance(minutes=10)
    assert bench.fetch(export["downloadUrl"]).status_code == 410
    renewed = bench.get(export["id"])["downloadUrl"]
    assert renewed != export["downloadUrl"]
    assert bench.fetch(renewed).status_code == 200


@pytest.mark.parametrize(("pace", "spread", "distinct"), [(0.0, 0.0, 1), (1.0, 0.0, 1), (10.0, 0.5, 3)])
def test_durations_can_be_scaled_and_spread(open_bench: Open, pace: float, spread: float, distinct: int) -> None:
    bench = open_bench(**zavu(pace=pace, spread=spread))
    ids = [bench.create().json()["export"]["id"] for _ in range(3)]
    statuses = {bench.get(job_id)["status"] for job_id in ids}
    assert statuses == ({"completed"} if pace == 0 else {"pending"})
    bench.advance(minutes=5)
    assert len({bench.get(job_id)["completedAt"] for job_id in ids}) == distinct


def test_the_storage_host_can_do_without_ranges_and_etags(open_bench: Open) -> None:
    bench = open_bench(**zavu(transfer=TransferOptions(ranges=False, etags=False)))
    answer = bench.fetch(bench.url(), Range="bytes=5-9")
    assert answer.status_code == 200
    assert not {"etag", "accept-ranges", "content-range"} & set(answer.headers)


def test_downloads_can_be_slow(open_bench: Open) -> None:
    bench = open_bench(**zavu(transfer=TransferOptions(rate=2_000_000)))
    url = bench.url()
    with bench.plain.stream("GET", url) as answer:
        sizes = [len(chunk) for chunk in answer.iter_raw()]
    assert sum(sizes) == int(answer.headers["content-length"])


@pytest.mark.parametrize(
    ("absent", "expected"), [(False, {"activities.json", "metadata.json"}), (True, {"metadata.json"})]
)
def test_an_empty_dataset_can_have_no_member(open_bench: Open, absent: bool, expected: set[str]) -> None:
    bench = open_bench(zavu=zavu(zip_style=ZipStyle(empty_absent=absent))["zavu"], **data(per_day={}))
    assert set(bench.members(bench.url("activities"))) == expected


def test_record_times_can_have_microseconds_that_the_window_does_not(open_bench: Open) -> None:
    bench = open_bench(**data(per_day={"messages": 400}, microseconds=True))
    times = [record["createdAt"] for record in json.loads(bench.members(bench.url())["messages.json"])]
    assert all(len(text) == len("2026-11-10T00:00:00.000000Z") for text in times)
    # The bound is cut to milliseconds, so a record later in the same millisecond lies outside.
    late = next(text for text in times if not text.endswith("000Z"))
    inside: list[dict[str, Any]] = json.loads(bench.members(bench.url(dateFrom=times[0], dateTo=late))["messages.json"])
    assert late not in {record["createdAt"] for record in inside}


def test_records_can_come_newest_first(open_bench: Open) -> None:
    plain, turned = (
        json.loads(bench.members(bench.url())["messages.json"])
        for bench in (open_bench(), open_bench(**data(newest_first=True)))
    )
    assert turned == plain[::-1]


def test_a_canary_is_in_every_record_and_in_the_link(open_bench: Open) -> None:
    bench = open_bench(api_key="zv_test_CANARYKEY", token_prefix="CANARYTOKEN", **data(canary="CANARYTEXT"))
    url = bench.url("messages", "conversations", "webhookDeliveries", "agentExecutions", "activities")
    assert "?token=CANARYTOKEN" in url
    for name, content in bench.members(url).items():
        if name != "metadata.json":
            assert content.count(b"CANARYTEXT") == len(json.loads(content)) > 0
