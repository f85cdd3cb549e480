"""What the vendor documents, over real HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from kit.credential_leaks import Planted
from kit.sandbox_bench import DAY, NOW, Bench, data, zavu
from strongroom_sandbox.zavu_records import DATASETS

Open = Callable[..., Bench]
MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_create_answers_202_with_a_nested_pending_export_and_absent_optional_fields(bench: Bench) -> None:
    answer = bench.create("messages", "conversations")
    assert answer.status_code == 202
    assert set(answer.json()) == {"export"}
    export = answer.json()["export"]
    assert set(export) == {"id", "status", "dataTypes", "dateFrom", "dateTo", "expiresAt", "createdAt"}
    assert re.fullmatch(r"exp_[0-9a-f]{12}", export["id"])
    assert export["status"] == "pending"
    assert export["dataTypes"] == ["messages", "conversations"]
    assert export["dateFrom"] == "2026-11-10T00:00:00.000Z"
    assert export["dateTo"] == "2026-11-10T23:59:59.999Z"
    assert export["createdAt"] == "2026-11-20T12:00:00.000Z"
    assert export["expiresAt"] == "2026-11-21T12:00:00.000Z"


def test_bounds_may_be_left_out(bench: Bench) -> None:
    export = bench.api.post("/v1/exports", json={"dataTypes": ["activities"]}).json()["export"]
    assert not {"dateFrom", "dateTo"} & set(export)


def test_bounds_with_an_offset_are_echoed_in_utc(bench: Bench) -> None:
    export = bench.create(dateFrom="2026-11-10T01:30:00.1239+01:30", dateTo="2026-11-10t02:00:00z").json()["export"]
    assert export["dateFrom"] == "2026-11-10T00:00:00.123Z"
    assert export["dateTo"] == "2026-11-10T02:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"{not json", "body"),
        (b"{}", "dataTypes"),
        (b'{"dataTypes": []}', "dataTypes"),
        (b'{"dataTypes": "messages"}', "dataTypes"),
        (b'{"dataTypes": ["message"]}', "dataTypes"),
        (b'{"dataTypes": ["webhook_deliveries"]}', "dataTypes"),
        (b'{"dataTypes": [1]}', "dataTypes"),
        (b'{"dataTypes": [["messages"]]}', "dataTypes"),
        (b'{"dataTypes": ["messages"], "dateFrom": 5}', "dateFrom"),
        (b'{"dataTypes": ["messages"], "dateFrom": null}', "dateFrom"),
        (b'{"dataTypes": ["messages"], "dateFrom": "2026-11-10"}', "dateFrom"),
        (b'{"dataTypes": ["messages"], "dateFrom": "2026-11-10T00:00:00"}', "dateFrom"),
        (b'{"dataTypes": ["messages"], "dateTo": "2026-13-10T00:00:00Z"}', "dateTo"),
        (
            b'{"dataTypes": ["messages"], "dateFrom": "2026-02-02T00:00:00Z", "dateTo": "2026-02-01T00:00:00Z"}',
            "dateFrom",
        ),
    ],
)
def test_a_request_that_cannot_be_read_is_a_400_and_creates_nothing(bench: Bench, body: bytes, field: str) -> None:
    answer = bench.api.post("/v1/exports", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["message"]
    assert answer.json()["details"] == {"field": field}
    assert bench.sandbox.zavu.jobs == ()


@pytest.mark.parametrize("header", [None, "Bearer wrong", "zv_test_sandbox", "Basic zv_test_sandbox", "bearer é"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/exports"), ("GET", "/v1/exports"), ("GET", "/v1/exports/x")]
)
def test_a_wrong_key_is_a_401(bench: Bench, header: str | None, method: str, path: str) -> None:
    headers: dict[bytes, bytes] = {} if header is None else {b"Authorization": header.encode()}
    answer = bench.plain.request(
        method, bench.sandbox.api_url + path, headers=headers, json={"dataTypes": ["messages"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert bench.sandbox.zavu.jobs == ()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("DELETE", "/v1/exports/x", 405)])
def test_paths_that_do_not_exist_answer_in_the_same_shape(bench: Bench, method: str, path: str, status: int) -> None:
    answer = bench.api.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message"}


def test_an_unknown_export_is_a_404(bench: Bench) -> None:
    answer = bench.api.get("/v1/exports/exp_000000000000")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_export_goes_from_pending_over_processing_to_completed(bench: Bench) -> None:
    job_id = bench.create().json()["export"]["id"]
    seen = []
    for _ in range(4):
        seen.append(bench.get(job_id)["status"])
        bench.advance(seconds=1)
    assert seen == ["pending", "processing", "processing", "completed"]
    export = bench.get(job_id)
    assert export["completedAt"] == "2026-11-20T12:00:03.000Z"
    assert all(MILLIS.fullmatch(export[name]) for name in ("createdAt", "completedAt", "expiresAt", "dateFrom"))
    assert export["expiresAt"] == "2026-11-21T12:00:00.000Z"
    assert "errorMessage" not in export


def test_the_file_is_fetched_from_another_origin_without_a_credential(bench: Bench) -> None:
    export = bench.completed()
    url = export["downloadUrl"]
    assert url.startswith(f"{bench.sandbox.storage_url}/exports/{export['id']}.zip?token=")
    assert bench.sandbox.storage_url != bench.sandbox.api_url
    answer = bench.fetch(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content) == export["fileSize"]
    assert answer.headers["content-disposition"] == f'attachment; filename="export_{export["id"]}.zip"'
    assert bench.sandbox.requests.headers_at_storage("Authorization") == ()


def test_a_credential_that_reaches_the_storage_host_is_on_record(bench: Bench, planted_leaks: Planted) -> None:
    bench.fetch(bench.url(), Authorization="Bearer leaked")
    assert bench.sandbox.requests.headers_at_storage("authorization") == ("Bearer leaked",)
    assert planted_leaks() == ["GET to storage: it has the header authorization"]


def test_a_link_opens_its_own_file_only(bench: Bench) -> None:
    one, two = bench.url(), bench.url()
    token = two.partition("?")[2]
    assert bench.fetch(one.partition("?")[0] + "?" + token).status_code == 403
    assert bench.fetch(one.partition("?")[0]).status_code == 403


def test_the_zip_holds_one_array_for_each_type_and_metadata(bench: Bench) -> None:
    members = bench.members(bench.url(*DATASETS))
    assert set(members) == {f"{name}.json" for name in DATASETS} | {"metadata.json"}
    counts = {name: len(json.loads(members[f"{name}.json"])) for name in DATASETS}
    assert counts == dict(bench.sandbox.settings.data.per_day)
    assert json.loads(members["metadata.json"])["recordCounts"] == counts


def test_windows_are_inclusive_at_both_ends(bench: Bench) -> None:
    times = sorted(record["createdAt"] for record in json.loads(bench.members(bench.url())["messages.json"]))
    first, last = times[3], times[9]
    inside = json.loads(bench.members(bench.url("messages", dateFrom=first, dateTo=last))["messages.json"])
    assert [record["createdAt"] for record in inside] == times[3:10]
    one = json.loads(bench.members(bench.url("messages", dateFrom=first, dateTo=first))["messages.json"])
    assert [record["createdAt"] for record in one] == [first]


def test_without_bounds_everything_since_the_retention_limit_is_exported(open_bench: Open) -> None:
    bench = open_bench(**data(per_day={"activities": 5}))
    url = bench.url("activities", note="no bounds")
    times = [record["createdAt"] for record in json.loads(bench.members(url)["activities.json"])]
    assert len(times) in range(448, 453)
    assert min(times) >= "2026-08-22T12:00:00.000Z"
    assert max(times) <= "2026-11-20T12:00:00.000Z"


def test_records_beyond_retention_or_in_the_future_are_not_exported(open_bench: Open) -> None:
    bench = open_bench(**zavu(retention=timedelta(days=2)))
    gone = bench.members(bench.url())
    assert json.loads(gone["messages.json"]) == []
    future = {"dateFrom": "2026-11-20T11:00:00Z", "dateTo": "2026-12-01T00:00:00Z"}
    times = [record["createdAt"] for record in json.loads(bench.members(bench.url(**future))["messages.json"])]
    assert times
    assert max(times) <= "2026-11-20T12:01:00.000Z"


def test_the_list_has_cursors_newest_first_and_filters_by_status(open_bench: Open) -> None:
    bench = open_bench(**zavu(max_concurrent=99, max_per_hour=99))
    ids = []
    for _ in range(5):
        ids.append(bench.create().json()["export"]["id"])
        bench.advance(milliseconds=700)
    seen: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = bench.api.get("/v1/exports", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        assert set(page) == {"items", "nextCursor"}
        seen += [item["id"] for item in page["items"]]
        cursor, pages = page["nextCursor"], pages + 1
    assert (seen, pages) == (ids[::-1], 3)
    by_status = {
        s: [i["id"] for i in bench.api.get("/v1/exports", params={"status": s}).json()["items"]]
        for s in ("pending", "processing", "completed", "failed")
    }
    assert by_status == {"pending": ids[:3:-1], "processing": ids[3:0:-1], "completed": ids[:1], "failed": []}


def test_a_cursor_keeps_its_place_while_exports_are_created(open_bench: Open) -> None:
    bench = open_bench(**zavu(max_concurrent=99))
    old = [bench.create().json()["export"]["id"] for _ in range(4)]
    page = bench.api.get("/v1/exports", params={"limit": 2}).json()
    bench.create()
    rest = bench.api.get("/v1/exports", params={"limit": 2, "cursor": page["nextCursor"]}).json()
    assert [item["id"] for item in page["items"] + rest["items"]] == old[::-1]
    assert rest["nextCursor"] is None


@pytest.mark.parametrize(
    "params",
    [{"status": "expired"}, {"limit": "0"}, {"limit": "x"}, {"limit": "-1"}, {"cursor": "!"}, {"cursor": "bm90"}],
)
def test_a_list_query_that_cannot_be_read_is_a_400(bench: Bench, params: dict[str, str]) -> None:
    assert bench.api.get("/v1/exports", params=params).status_code == 400


def test_pages_have_fifty_exports_and_at_most_a_hundred(bench: Bench) -> None:
    for _ in range(101):
        bench.sandbox.zavu.add_foreign_job(["activities"])
    lengths = [len(bench.api.get("/v1/exports", params=p).json()["items"]) for p in ({}, {"limit": "500"})]
    assert lengths == [50, 100]


def test_three_exports_run_at_a_time(bench: Bench) -> None:
    assert [bench.create().status_code for _ in range(4)] == [202, 202, 202, 429]
    refused = bench.create()
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["details"]["retryAfter"] == 3
    assert refused.headers["retry-after"] == "3"
    bench.advance(seconds=3)
    assert bench.create().status_code == 202
    assert len(bench.sandbox.zavu.jobs) == 4


def test_ten_exports_are_created_in_any_hour(bench: Bench) -> None:
    for _ in range(10):
        assert bench.create().status_code == 202
        bench.advance(minutes=1)
    refused = bench.create()
    assert refused.status_code == 429
    assert refused.json()["details"]["retryAfter"] == 50 * 60
    bench.advance(minutes=49, seconds=59)
    assert bench.create().status_code == 429
    bench.advance(seconds=1)
    assert bench.create().status_code == 202


def test_exports_of_others_count_and_are_listed(bench: Bench) -> None:
    made = bench.sandbox.zavu.add_foreign_job(
        ["messages"], datetime.fromisoformat(DAY["dateFrom"]), datetime.fromisoformat(DAY["dateTo"]), created_at=NOW
    )
    assert [bench.create().status_code for _ in range(3)] == [202, 202, 429]
    listed = {item["id"]: item for item in bench.api.get("/v1/exports").json()["items"]}
    assert listed[made]["dateFrom"] == "2026-11-10T00:00:00.000Z"
    assert [view.foreign for view in bench.sandbox.zavu.jobs] == [True, False, False]
    bench.advance(seconds=5)
    assert json.loads(bench.members(bench.get(made)["downloadUrl"])["messages.json"])


def test_every_answer_of_the_api_carries_the_request_limit_in_milliseconds(bench: Bench) -> None:
    answers = [bench.create(), bench.api.get("/v1/exports"), bench.api.get("/v1/exports/none")]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["599", "598", "597"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"600"}
    reset = int(answers[0].headers["x-ratelimit-reset"])
    assert reset == (NOW.timestamp() + 60) * 1000


def test_requests_beyond_the_minute_are_refused_until_it_is_over(open_bench: Open) -> None:
    bench = open_bench(**zavu(requests_per_minute=3))
    bench.advance(seconds=20)
    answers = [bench.api.get("/v1/exports") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["details"] == {"retryAfter": 40}
    assert answers[3].headers["retry-after"] == "40"
    assert answers[3].headers["x-ratelimit-remaining"] == "0"
    bench.advance(seconds=40)
    assert bench.api.get("/v1/exports").status_code == 200


def test_a_link_dies_24_hours_after_creation_and_the_export_looks_as_before(bench: Bench) -> None:
    export = bench.completed()
    bench.advance(hours=23, minutes=58, seconds=59)
    assert bench.fetch(export["downloadUrl"]).status_code == 200
    bench.advance(seconds=1)
    dead = bench.fetch(export["downloadUrl"])
    assert dead.status_code == 403
    assert dead.headers["content-type"] == "application/xml"
    assert b"<Code>AccessDenied</Code>" in dead.content
    assert bench.get(export["id"]) == export


def test_answers_are_dated_by_the_clock_of_the_sandbox(bench: Bench) -> None:
    dates = {bench.create().headers["date"], bench.fetch(bench.sandbox.storage_url).headers["date"]}
    assert dates == {"Fri, 20 Nov 2026 12:00:00 GMT"}


def test_texts_hold_what_breaks_careless_parsers(bench: Bench) -> None:
    raw = bench.members(bench.url())["messages.json"].decode()
    records: list[dict[str, Any]] = json.loads(raw)
    text = "".join(record["text"] for record in records)
    for awkward in ('"', "\n", "\\", "{", "]", "📦", "様", "您", "م", "é"):
        assert awkward in text or awkward in raw
    assert "\\u" not in raw
    assert {"id", "to", "from", "channel", "status", "text", "createdAt"} <= set(records[0])
