"""What HookBridge documents, and each open point both ways, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import pytest

from kit.credential_leaks import Planted
from kit.sandbox_bench import NOW
from kit.sandbox_csv_bench import DAY, HookBench
from strongroom_sandbox.options import (
    DirectionShown,
    Download,
    ExpiredLook,
    LocationStyle,
    SlotBounds,
    TransferOptions,
    Unwanted,
)
from strongroom_sandbox.recorder import Operation, ProviderName, SandboxOrigin
from strongroom_sandbox.records import RowOptions

Open = Callable[..., HookBench]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REQUIRED = {"id", "project_id", "status", "filter_start_time", "filter_end_time", "created_at"}


def test_create_answers_as_the_example_does(hook: HookBench) -> None:
    answer = hook.create()
    assert answer.status_code == 201
    assert set(answer.json()) == {"data", "meta"}
    assert re.fullmatch(r"req_[0-9a-f]{16}", answer.json()["meta"]["request_id"])
    export = answer.json()["data"]
    assert set(export) == REQUIRED | {"direction"}, "the published schema has it"
    assert UUID.fullmatch(export["id"])
    assert export["status"] == "pending"
    assert export["filter_start_time"] == "2026-11-10T00:00:00Z"
    assert export["filter_end_time"] == "2026-11-10T23:59:59Z"
    assert export["created_at"] == "2026-11-20T12:00:00Z"
    assert hook.get(export["id"])["direction"] == "outbound"


@pytest.mark.parametrize("status", [200, 201, 202])
def test_the_success_code_of_create_can_be_any(open_hook: Open, status: int) -> None:
    assert open_hook(create_status=status).create().status_code == status


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        (DirectionShown.AFTER_CREATE, [None, "outbound"]),
        (DirectionShown.ALWAYS, ["outbound", "outbound"]),
        (DirectionShown.NEVER, [None, None]),
    ],
)
def test_the_direction_is_shown_or_not(open_hook: Open, shown: DirectionShown, seen: list[str | None]) -> None:
    hook = open_hook(direction_shown=shown)
    created = hook.create().json()["data"]
    assert [created.get("direction"), hook.get(created["id"]).get("direction")] == seen


def test_an_export_grows_fields_as_it_goes(hook: HookBench) -> None:
    job_id = hook.made()
    seen = []
    for _ in range(4):
        export = hook.get(job_id)
        seen.append((export["status"], sorted(set(export) - REQUIRED - {"direction"})))
        hook.advance(seconds=1)
    assert [status for status, _ in seen] == ["pending", "processing", "processing", "completed"]
    assert seen[0][1] == []
    assert seen[1][1] == ["started_at"]
    assert seen[3][1] == ["completed_at", "expires_at", "file_size_bytes", "row_count", "started_at"]
    export = hook.get(job_id)
    assert export["started_at"] == "2026-11-20T12:00:01Z"
    assert export["completed_at"] == "2026-11-20T12:00:03Z"
    assert export["expires_at"] == "2026-11-27T12:00:03Z"


def test_size_and_rows_are_those_of_the_file(hook: HookBench) -> None:
    job_id = hook.completed()
    export, content = hook.get(job_id), hook.fetch(hook.download(job_id).headers["location"])
    assert content.headers["content-type"] == "text/csv"
    assert export["file_size_bytes"] == len(content.content)
    assert export["row_count"] == len(hook.rows()) == hook.sandbox.settings.rows.per_day["outbound"]


def test_row_count_can_include_the_header_or_be_missing(open_hook: Open) -> None:
    plain, headed, silent = open_hook(), open_hook(count_header=True), open_hook(sizes_given=False)
    counts = [bench.get(bench.completed()).get("row_count") for bench in (plain, headed, silent)]
    assert counts == [300, 301, None]


def test_optional_fields_can_be_null_and_times_have_milliseconds(open_hook: Open) -> None:
    export = open_hook(null_fields=True, echo_millis=True).create().json()["data"]
    assert {name for name, value in export.items() if value is None} >= {"row_count", "expires_at", "filter_status"}
    assert export["filter_end_time"] == "2026-11-10T23:59:59.000Z"


@pytest.mark.parametrize(
    "body",
    [
        {"start_time": None},
        {"start_time": "2026-11-10"},
        {"start_time": "2026-11-10T00:00:00"},
        {"start_time": "2026-13-10T00:00:00Z"},
        {"end_time": 5},
        {"end_time": DAY["start_time"]},
        {"end_time": "2026-11-09T00:00:00Z"},
        {"status": "delivered"},
        {"status": ["queued"]},
        {"direction": "both"},
        {"endpoint_id": "ep_nothex"},
        {"endpoint_id": 5},
    ],
)
def test_a_request_that_cannot_be_read_is_a_400_and_creates_nothing(hook: HookBench, body: dict[str, Any]) -> None:
    answer = hook.create(**body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == ("INVALID_REQUEST" if body != {"endpoint_id": 5} else "ENDPOINT_NOT_FOUND")
    assert answer.json()["error"]["message"]
    assert answer.json()["meta"]["request_id"].startswith("req_")
    assert hook.sandbox.hookbridge.jobs == ()


@pytest.mark.parametrize("content", [b"", b"[]", b"{no"])
def test_a_body_that_is_no_object_is_a_400(hook: HookBench, content: bytes) -> None:
    assert hook.api.post("/v1/exports", content=content).status_code == 400


def test_an_unknown_endpoint_is_a_400_with_its_own_code(hook: HookBench) -> None:
    answer = hook.create(endpoint_id="ep_550e8400e29b41d4a716446655440000")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ENDPOINT_NOT_FOUND")


def test_an_endpoint_comes_back_as_a_bare_uuid(open_hook: Open) -> None:
    hook = open_hook()
    endpoint = hook.sandbox.hookbridge.endpoints[0]
    assert re.fullmatch(r"ep_[0-9a-f]{32}", endpoint)
    echoed = hook.create(endpoint_id=endpoint).json()["data"]["filter_endpoint_id"]
    assert UUID.fullmatch(echoed)
    assert echoed.replace("-", "") == endpoint.removeprefix("ep_")
    kept = open_hook(bare_endpoint_ids=False)
    assert kept.create(endpoint_id=endpoint).json()["data"]["filter_endpoint_id"] == endpoint


def test_filters_choose_rows(hook: HookBench) -> None:
    everything = hook.rows()
    endpoint = hook.sandbox.hookbridge.endpoints[1]
    mine = hook.rows(endpoint_id=endpoint)
    failed = hook.rows(status="failed_permanent")
    assert 0 < len(mine) < len(everything)
    assert {row["endpoint_id"].replace("-", "") for row in mine} == {endpoint.removeprefix("ep_")}
    assert failed == [row for row in everything if row["status"] == "failed_permanent"] != []


def test_inbound_is_another_file_with_its_own_filter(hook: HookBench) -> None:
    rows = hook.rows(direction="inbound")
    assert len(rows) == 80
    assert {"inbound_endpoint_id", "received_at"} <= set(rows[0])
    endpoint = hook.sandbox.hookbridge.inbound_endpoints[0]
    job_id = hook.completed(direction="inbound", inbound_endpoint_id=endpoint)
    assert hook.get(job_id)["filter_inbound_endpoint_id"] == endpoint
    assert 0 < hook.get(job_id)["row_count"] < 80


@pytest.mark.parametrize(("treatment", "status"), [(Unwanted.REFUSE, 400), (Unwanted.ACCEPT, 201)])
def test_a_filter_of_the_other_direction_is_refused_or_ignored(
    open_hook: Open, treatment: Unwanted, status: int
) -> None:
    hook = open_hook(misplaced_filter=treatment)
    answer = hook.create(direction="inbound", endpoint_id=hook.sandbox.hookbridge.endpoints[0])
    assert answer.status_code == status
    assert "filter_endpoint_id" not in answer.json().get("data", {})


@pytest.mark.parametrize(
    ("bounds", "ends"),
    [
        (SlotBounds.CLOSED, (True, True)),
        (SlotBounds.HALF_OPEN, (True, False)),
        (SlotBounds.OPEN_CLOSED, (False, True)),
        (SlotBounds.OPEN, (False, False)),
    ],
)
def test_either_end_of_the_window_can_belong_to_it(
    open_hook: Open, bounds: SlotBounds, ends: tuple[bool, bool]
) -> None:
    hook = open_hook(bounds=bounds)
    times = [row["created_at"] for row in hook.rows()]
    inside = [row["created_at"] for row in hook.rows(start_time=times[3], end_time=times[9])]
    assert (times[3] in inside, times[9] in inside) == ends
    assert set(times[4:9]) <= set(inside) <= set(times[3:10])


def test_a_window_can_be_too_long(open_hook: Open) -> None:
    assert open_hook(max_window=timedelta(hours=23)).create().status_code == 400


@pytest.mark.parametrize("header", [None, "Bearer wrong", "hb_test_sandbox", "bearer é"])
def test_a_wrong_key_is_a_401(hook: HookBench, header: str | None) -> None:
    headers: dict[bytes, bytes] = {} if header is None else {b"Authorization": header.encode()}
    for method, path in (("POST", ""), ("GET", ""), ("GET", "/x"), ("DELETE", "/x"), ("GET", "/x/download")):
        answer = hook.plain.request(method, f"{hook.sandbox.hookbridge_url}/v1/exports{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")


def test_many_wrong_keys_are_a_429_of_another_kind(open_hook: Open) -> None:
    hook = open_hook(failed_authentications=3)
    answers = [hook.plain.get(f"{hook.sandbox.hookbridge_url}/v1/exports") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[3].json()["error"]["code"] == "RATE_LIMITED"
    assert hook.listed() == []
    hook.advance(minutes=1)
    assert hook.plain.get(f"{hook.sandbox.hookbridge_url}/v1/exports").status_code == 401


def test_one_export_runs_at_a_time_for_all_clients(open_hook: Open) -> None:
    hook = open_hook()
    hook.made()
    refused = hook.create()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "EXPORT_LIMIT_EXCEEDED")
    assert "already in progress" in refused.json()["error"]["message"]
    assert "retry-after" not in refused.headers
    hook.advance(seconds=3)
    hook.sandbox.hookbridge.add_foreign_job(NOW - timedelta(days=2), NOW - timedelta(days=1))
    assert hook.create().status_code == 429
    hook.advance(seconds=3)
    assert hook.create().status_code == 201
    assert [view.foreign for view in hook.sandbox.hookbridge.jobs] == [False, True, False]


def test_limits_can_be_others_and_say_when_to_come_back(open_hook: Open) -> None:
    hook = open_hook(max_concurrent=None, max_per_hour=2, limit_hint=True)
    assert [hook.create().status_code for _ in range(3)] == [201, 201, 429]
    assert hook.create().headers["retry-after"] == "3600"


def test_the_download_endpoint_redirects_to_storage_where_no_key_is_needed(hook: HookBench) -> None:
    job_id = hook.completed()
    answer = hook.download(job_id)
    assert answer.status_code == 302
    url = answer.headers["location"]
    assert url.startswith(f"{hook.sandbox.storage_url}/hookbridge/{job_id}.csv?token=")
    assert hook.fetch(url).status_code == 200
    requests = hook.sandbox.requests
    assert [r.origin for r in requests.to(ProviderName.HOOKBRIDGE).downloads] == [SandboxOrigin.STORAGE]
    assert requests.of(Operation.LINK)[0].job == job_id
    assert requests.leaked("hb_test_sandbox", SandboxOrigin.HOOKBRIDGE) == ()


def test_a_key_that_follows_a_redirect_is_on_record(hook: HookBench, planted_leaks: Planted) -> None:
    hook.fetch(hook.url(), Authorization="Bearer hb_test_sandbox")
    (leak,) = hook.sandbox.requests.leaked("hb_test_sandbox", SandboxOrigin.HOOKBRIDGE)
    assert (leak.origin, leak.provider) == (SandboxOrigin.STORAGE, ProviderName.HOOKBRIDGE)
    assert planted_leaks() == [
        "GET to storage: it has the header authorization",
        "GET to storage: it holds the credential of hookbridge-api",
    ]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("style", list(LocationStyle))
def test_locations_can_be_relative_and_any_redirect_is_possible(
    open_hook: Open, style: LocationStyle, status: int
) -> None:
    hook = open_hook(redirect_status=status, location=style)
    job_id = hook.completed()
    answer = hook.download(job_id)
    assert answer.status_code == status
    location = answer.headers["location"]
    assert location.startswith({"absolute": "http://", "scheme-relative": "//", "path": "/v1/"}[style])
    target = urljoin(str(answer.url), location)
    followed = hook.plain.get(target, follow_redirects=True)
    assert followed.status_code == 200
    assert len(followed.content) == hook.get(job_id)["file_size_bytes"]
    assert len(followed.history) == (1 if style is LocationStyle.PATH else 0)


def test_the_download_endpoint_can_answer_with_the_file(open_hook: Open) -> None:
    hook = open_hook(download=Download.DIRECT, transfer=TransferOptions(ranges=True))
    job_id = hook.completed()
    answer = hook.download(job_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv")
    assert len(answer.content) == hook.get(job_id)["file_size_bytes"]
    assert hook.api.get(f"/v1/exports/{job_id}/download", headers={"Range": "bytes=0-9"}).content == answer.content[:10]
    hook.sandbox.faults.add("cut", at=100, length="cut")
    assert len(hook.download(job_id).content) == 100
    hook.sandbox.faults.add("missing-header", on="download")
    assert not hook.download(job_id).content.startswith(b"message_id")
    hook.sandbox.faults.add("redirect")
    assert hook.download(job_id).status_code == 302


def test_a_download_that_is_not_ready_is_refused(open_hook: Open) -> None:
    hook = open_hook()
    answer = hook.download(hook.made())
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "EXPORT_NOT_READY")
    other = open_hook(not_ready_status=404, not_ready_code="NOT_FOUND")
    answer = other.download(other.made())
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_an_expired_export_says_so_and_its_download_is_a_410(open_hook: Open) -> None:
    hook = open_hook()
    job_id = hook.completed()
    url = hook.download(job_id).headers["location"]
    hook.advance(days=7)
    assert hook.get(job_id)["status"] == "expired"
    assert hook.get(job_id)["row_count"] == 300
    answer = hook.download(job_id)
    assert answer.status_code == 410
    assert answer.json()["error"]["code"]
    assert hook.fetch(url).status_code == 403
    gone = open_hook(expired=ExpiredLook.GONE)
    job_id = gone.completed()
    gone.advance(days=7)
    assert gone.api.get(f"/v1/exports/{job_id}").status_code == 404
    assert gone.listed() == []


def test_a_link_lives_shorter_than_its_export_and_another_is_to_be_had(open_hook: Open) -> None:
    hook = open_hook(link_life=timedelta(minutes=2), dead_link_status=410)
    job_id = hook.completed()
    first = hook.download(job_id).headers["location"]
    hook.advance(minutes=2)
    assert hook.fetch(first).status_code == 410
    assert hook.fetch(hook.download(job_id).headers["location"]).status_code == 200


def test_the_list_has_all_exports_in_one_page(open_hook: Open) -> None:
    for newest_first in (True, False):
        hook = open_hook(max_concurrent=None, newest_first=newest_first)
        ids = []
        for _ in range(60):
            ids.append(hook.made())
            hook.advance(milliseconds=10)
        assert hook.listed() == (ids[::-1] if newest_first else ids)
        assert set(hook.api.get("/v1/exports").json()["meta"]) == {"request_id"}


def test_the_list_can_have_pages_and_reach_back_only_so_far(open_hook: Open) -> None:
    hook = open_hook(max_concurrent=None, page_length=2, list_length=5)
    ids = [hook.made() for _ in range(7)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = hook.api.get("/v1/exports", params={"cursor": cursor} if cursor else {}).json()
        seen += [item["id"] for item in answer["data"]]
        assert answer["meta"]["has_more"] is (answer["meta"]["next_cursor"] is not None)
        cursor = answer["meta"]["next_cursor"]
    assert seen == ids[:1:-1]
    assert hook.get(ids[0])["id"] == ids[0]


def test_exports_can_be_known_for_a_while_only(open_hook: Open) -> None:
    hook = open_hook(listed_for=timedelta(days=1))
    job_id = hook.made()
    hook.advance(days=1)
    assert hook.listed() == []
    assert hook.api.get(f"/v1/exports/{job_id}").status_code == 404


@pytest.mark.parametrize("status", [204, 200])
def test_an_export_can_be_deleted(open_hook: Open, status: int) -> None:
    hook = open_hook(delete_status=status)
    job_id = hook.completed()
    url = hook.download(job_id).headers["location"]
    answer = hook.api.delete(f"/v1/exports/{job_id}")
    assert (answer.status_code, bool(answer.content)) == (status, status == 200)
    assert hook.listed() == []
    assert hook.fetch(url).status_code == 404
    for again in (hook.api.delete(f"/v1/exports/{job_id}"), hook.download(job_id)):
        assert (again.status_code, again.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert hook.sandbox.hookbridge.jobs[0].gone


def test_the_plan_says_how_long_data_is_kept_and_the_data_agrees(open_hook: Open) -> None:
    hook = open_hook(retention_days=7)
    plan = hook.api.get("/v1/billing/subscription").json()["data"]
    assert plan["limits"]["retention_days"] == 7
    assert plan["plan"] == "starter"
    assert hook.rows() == []
    assert len(open_hook(retention_days=7, rows_for=timedelta(days=90)).rows()) == 300


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PUT", "/v1/exports/x", 405)])
def test_paths_that_do_not_exist_answer_in_the_same_shape(hook: HookBench, method: str, path: str, status: int) -> None:
    answer = hook.api.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "meta"}


def test_rows_change_while_they_are_young(open_hook: Open) -> None:
    hook = open_hook(rows=RowOptions(unsettled_for=timedelta(hours=6)))
    window = {"start_time": "2026-11-20T00:00:00Z", "end_time": "2026-11-20T12:00:00Z"}
    early = {row["message_id"]: row for row in hook.rows(**window)}
    hook.advance(hours=12)
    late = {row["message_id"]: row for row in hook.rows(**window)}
    changed = [early[i]["created_at"] for i in early if early[i] != late[i]]
    assert set(early) == set(late)
    assert changed
    assert min(changed) > "2026-11-20T06:00"
    assert "pending_retry" not in {row["status"] for row in late.values()}


def test_the_same_window_holds_the_same_bytes(open_hook: Open) -> None:
    one, two = open_hook(), open_hook()
    assert one.fetch(one.url()).content == two.fetch(two.url()).content
    other = open_hook(rows=RowOptions(seed=2))
    assert other.fetch(other.url()).content != one.fetch(one.url()).content


def test_foreign_exports_are_checked_and_listed(hook: HookBench) -> None:
    made = hook.sandbox.hookbridge.add_foreign_job(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC), "inbound", created_at=NOW
    )
    assert hook.listed() == [made]
    assert hook.get(made)["direction"] == "inbound"
    with pytest.raises(ValueError, match="directions"):
        hook.sandbox.hookbridge.add_foreign_job(NOW, NOW, "sideways")
    with pytest.raises(ValueError, match="zone"):
        hook.sandbox.hookbridge.add_foreign_job(NOW.replace(tzinfo=None), NOW)


def test_answers_are_dated_by_the_clock_of_the_sandbox(hook: HookBench) -> None:
    assert hook.create().headers["date"] == "Fri, 20 Nov 2026 12:00:00 GMT"
