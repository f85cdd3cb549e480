"""What Qlara documents, over real HTTP: three kinds of exports, a list to poll, links, regeneration, browsing."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kit.credential_leaks import Planted
from kit.sandbox_bench import NOW
from kit.sandbox_csv_bench import QDAY, QlaraBench, read_csv
from strongroom_sandbox.options import CreateAnswer, QlaraOptions
from strongroom_sandbox.qlara_records import QlaraJobKind
from strongroom_sandbox.recorder import Operation, ProviderName, SandboxOrigin
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import SandboxSettings

Open = Callable[..., QlaraBench]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BROWSE = {"channel": "SMS", "from": "2026-11-10T00:00:00Z", "to": "2026-11-10T23:59:59.999Z"}


def test_each_kind_is_queued_with_a_202_and_listed(qlara: QlaraBench) -> None:
    answers = [qlara.contacts(), qlara.reports(), qlara.history()]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    ids = [answer.json()["id"] for answer in answers]
    assert all(UUID.fullmatch(text) for text in ids)
    entries = qlara.listed()
    assert [entry["id"] for entry in entries] == ids[::-1]
    assert [entry["type"] for entry in entries] == ["MESSAGE_HISTORY", "DELIVERY_REPORTS", "CONTACTS"]
    assert set(entries[0]) == {"id", "type", "createdAt", "status", "isAvailableForDownload"}
    assert {(entry["status"], entry["isAvailableForDownload"]) for entry in entries} == {("PENDING", False)}


def test_an_export_goes_from_pending_over_completed_to_expired(qlara: QlaraBench) -> None:
    qlara.reports()
    seen = []
    for step in ({"seconds": 2}, {"seconds": 1}, {"days": 2}, {}):
        (entry,) = qlara.listed()
        seen.append((entry["status"], entry["isAvailableForDownload"]))
        qlara.advance(**step)
    assert seen == [("PENDING", False), ("PENDING", False), ("COMPLETED", True), ("EXPIRED", False)]


def test_a_link_leads_to_a_csv_at_the_storage_host(qlara: QlaraBench) -> None:
    job_id = qlara.completed(qlara.reports())
    url = qlara.link(job_id).json()["url"]
    assert url.startswith(f"{qlara.sandbox.storage_url}/qlara/{job_id}.csv?token=")
    answer = qlara.fetch(url)
    assert answer.headers["content-type"] == "text/csv"
    assert len(read_csv(answer.content)) == 456
    requests = qlara.sandbox.requests.to(ProviderName.QLARA)
    assert [r.operation for r in requests.all] == [Operation.CREATE, Operation.LINK, Operation.DOWNLOAD]
    assert requests.leaked("ql_test_sandbox", SandboxOrigin.QLARA) == ()


def test_a_key_header_that_follows_to_storage_is_on_record(qlara: QlaraBench, planted_leaks: Planted) -> None:
    url = qlara.link(qlara.completed(qlara.contacts())).json()["url"]
    qlara.fetch(url, **{"X-Api-Key": "ql_test_sandbox"})
    assert qlara.sandbox.requests.headers_at_storage("x-api-key") == ("ql_test_sandbox",)
    assert len(qlara.sandbox.requests.leaked("ql_test_sandbox", SandboxOrigin.QLARA)) == 1
    assert planted_leaks() == [
        "GET to storage: it has the header x-api-key",
        "GET to storage: it holds the credential of qlara-api",
    ]


def test_the_link_of_an_export_that_expired_is_a_400_and_regenerating_one_that_did_not_is_too(
    qlara: QlaraBench,
) -> None:
    job_id = qlara.completed(qlara.reports())
    refused = qlara.renew(job_id)
    assert refused.status_code == 400
    assert "still available" in refused.json()["message"]
    qlara.advance(days=3)
    refused = qlara.link(job_id)
    assert refused.status_code == 400
    assert "expired" in refused.json()["message"]
    assert qlara.renew(job_id).status_code == 202


@pytest.mark.parametrize("ask", ["link", "renew"])
def test_an_unknown_export_is_a_404(qlara: QlaraBench, ask: str) -> None:
    answer = getattr(qlara, ask)("5f0c7f9e-0000-4000-8000-000000000000")
    assert answer.status_code == 404
    assert answer.json()["status"] == 404


def test_regeneration_queues_the_same_export_again(qlara: QlaraBench) -> None:
    job_id = qlara.completed(qlara.reports())
    before = qlara.file(job_id)
    qlara.advance(days=3)
    assert qlara.renew(job_id).json() == {"id": job_id}
    (entry,) = qlara.listed()
    assert (entry["status"], entry["isAvailableForDownload"]) == ("PENDING", False)
    assert qlara.renew(job_id).status_code == 400
    qlara.advance(minutes=1)
    assert qlara.file(job_id) == before
    (view,) = qlara.sandbox.qlara.jobs
    assert view.generation == 2


def test_regenerated_bytes_lack_what_aged_out(open_qlara: Open) -> None:
    qlara = open_qlara(retention=timedelta(days=12))
    job_id = qlara.completed(qlara.reports())
    before = read_csv(qlara.file(job_id))
    qlara.advance(days=2.2)
    qlara.renew(job_id)
    qlara.advance(minutes=1)
    after = read_csv(qlara.file(job_id))
    assert 0 < len(after) < len(before)
    assert after == before[-len(after) :]


def test_the_history_holds_what_the_api_sent_and_reports_hold_everything(qlara: QlaraBench) -> None:
    history, reports = qlara.rows(qlara.history()), qlara.rows(qlara.reports())
    by_source = {
        source: {r["messageId"] for r in reports if r["source"] == source} for source in ("API", "CAMPAIGN", "CONSOLE")
    }
    assert {source: len(ids) for source, ids in by_source.items()} == {"API": 200, "CAMPAIGN": 250, "CONSOLE": 6}
    assert {row["messageId"] for row in history} == by_source["API"]
    assert [row["sendDate"] for row in reports] == sorted(row["sendDate"] for row in reports)


def test_reports_can_be_of_one_campaign(open_qlara: Open) -> None:
    qlara = open_qlara(rows=RowOptions(per_day={"api": 2, "campaign": 12, "console": 1}))  # of a whole year
    campaign = qlara.sandbox.qlara.campaigns[2]
    rows = qlara.rows(qlara.reports(campaignId=campaign))
    assert {(row["source"], row["campaignId"]) for row in rows} == {("CAMPAIGN", campaign)}
    assert rows[0]["sendDate"] < "2026-01-01"
    assert qlara.rows(qlara.reports(campaignId="cmp_nothing")) == []


def test_the_history_can_be_filtered_by_sender_or_recipient(qlara: QlaraBench) -> None:
    rows = qlara.rows(qlara.history())
    for name, column in (("sender", "sender"), ("recipient", "destination")):
        value = rows[0][column]
        assert qlara.rows(qlara.history(**{name: value})) == [row for row in rows if row[column] == value]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"startDateTime": QDAY["startDateTime"]},
        {"endDateTime": QDAY["endDateTime"]},
        {**QDAY, "startDateTime": "2026-11-10T00:00:00"},
        {**QDAY, "endDateTime": "2026-11-10"},
        {**QDAY, "endDateTime": "2026-02-30T00:00:00Z"},
        {**QDAY, "startDateTime": 1},
        {**QDAY, "campaignId": "cmp_1"},
        {"campaignId": ""},
        {"campaignId": ["cmp_1"]},
    ],
)
def test_reports_that_cannot_be_read_are_a_400(qlara: QlaraBench, body: dict[str, Any]) -> None:
    answer = qlara.api.post("/exports/delivery-reports", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert qlara.sandbox.qlara.jobs == ()


@pytest.mark.parametrize("path", ["/exports/delivery-reports", "/messages/history/export"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{no"])
def test_a_body_that_is_no_object_is_a_400(qlara: QlaraBench, path: str, content: bytes) -> None:
    assert qlara.api.post(path, content=content).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"listIds": "81"},
        {"listIds": ["x"]},
        {"listIds": [True]},
        {"listIds": [None]},
        {"contactIds": ["ct_1"]},
        {"contactIds": [81.5]},
        {"listIds": [81], "contactIds": ["ct_0123456789abcdef"]},
    ],
)
def test_contacts_with_malformed_ids_are_a_400(qlara: QlaraBench, body: dict[str, Any]) -> None:
    assert qlara.contacts(**body).status_code == 400


def test_windows_that_are_turned_round_give_an_empty_file(qlara: QlaraBench) -> None:
    turned = {"startDateTime": QDAY["endDateTime"], "endDateTime": QDAY["startDateTime"]}
    content = qlara.content(qlara.reports(**turned))
    assert content.startswith(b"messageId,")
    assert content.count(b"\n") == 1


def test_contacts_can_be_all_those_of_lists_or_some(qlara: QlaraBench) -> None:
    everyone = qlara.rows(qlara.contacts())
    assert len({row["contactId"] for row in everyone}) == len(everyone) > 300
    lists = [int(qlara.sandbox.qlara.lists[0]), "lst_" + qlara.sandbox.qlara.lists[1]]
    listed = qlara.rows(qlara.contacts(listIds=lists))
    assert listed == [row for row in everyone if {"81", "84"} & set(row["listIds"].split("|"))]
    some = [row["contactId"] for row in everyone[5:8]]
    assert [row["contactId"] for row in qlara.rows(qlara.contacts(contactIds=some))] == some
    assert len(qlara.rows(qlara.contacts(listIds=[], contactIds=[]))) == len(everyone)
    assert len(qlara.rows(qlara.api.post("/exports/contacts"))) == len(everyone)


def test_contacts_come_change_and_go_with_time(qlara: QlaraBench) -> None:
    before = {row["contactId"]: row for row in qlara.rows(qlara.contacts())}
    qlara.advance(days=10)
    after = {row["contactId"]: row for row in qlara.rows(qlara.contacts())}
    assert set(after) - set(before)
    assert set(before) - set(after)
    changed = [(before[i], after[i]) for i in set(before) & set(after) if before[i] != after[i]]
    assert changed
    assert len(changed) < len(before) / 2
    assert all(old["phoneNumber"] == new["phoneNumber"] for old, new in changed)
    assert all(old["updatedAt"] < new["updatedAt"] for old, new in changed)


def test_the_list_has_ten_exports_a_page_from_page_nought(qlara: QlaraBench) -> None:
    for _ in range(23):
        qlara.contacts()
    pages = [[entry["id"] for entry in qlara.listed(page=page)] for page in range(4)]
    assert [len(page) for page in pages] == [10, 10, 3, 0]
    assert [i for page in pages for i in page] == [view.id for view in qlara.sandbox.qlara.jobs][::-1]
    assert len(qlara.listed(limit=500)) == 23
    body = qlara.api.get("/exports", params={"page": 2}).json()
    assert {k: v for k, v in body.items() if k != "content"} == {
        "totalElements": 23, "totalPages": 3, "number": 2, "size": 10, "last": True
    }  # fmt: skip


@pytest.mark.parametrize("params", [{"page": "-1"}, {"page": "x"}, {"limit": "0"}, {"limit": "²"}])
def test_a_list_query_that_cannot_be_read_is_a_400(qlara: QlaraBench, params: dict[str, str]) -> None:
    assert qlara.api.get("/exports", params=params).status_code == 400


def test_a_key_or_a_login_opens_the_api_and_nothing_else_does(qlara: QlaraBench) -> None:
    login = base64.b64encode(b"sandbox:ql_test_password").decode()
    wrong = base64.b64encode(b"sandbox:wrong").decode()
    tried = [
        ({"X-API-KEY": "ql_test_sandbox"}, 200),
        ({"Authorization": f"Basic {login}"}, 200),
        ({"Authorization": f"Basic {wrong}"}, 401),
        ({"X-Api-Key": "wrong"}, 401),
        ({"Authorization": "Bearer ql_test_sandbox"}, 401),
        ({}, 401),
    ]
    for headers, status in tried:
        answer = qlara.fetch(f"{qlara.sandbox.qlara_url}/exports", **headers)
        assert answer.status_code == status
        assert answer.headers["x-ratelimit-limit"] == "1000"
    answer = qlara.fetch(f"{qlara.sandbox.qlara_url}/exports")
    assert answer.json() == {"status": 401, "error": "Unauthorized", "message": "Invalid credentials"}


def test_addresses_that_are_not_listed_and_keys_without_permission_are_a_403(open_qlara: Open) -> None:
    assert open_qlara(allowed_ips=("127.0.0.1",)).contacts().status_code == 202
    assert open_qlara(allowed_ips=("192.0.2.1",)).contacts().status_code == 403
    qlara = open_qlara(forbidden=frozenset({Operation.CREATE}))
    assert (qlara.contacts().status_code, qlara.api.get("/exports").status_code) == (403, 200)


@pytest.mark.parametrize(("rates", "wait"), [({"requests_per_minute": 2}, 40), ({"requests_per_second": 2}, 1)])
@pytest.mark.parametrize("header", [False, True])
def test_too_many_requests_say_in_the_body_how_long_to_wait(
    open_qlara: Open, rates: dict[str, int], wait: int, header: bool
) -> None:
    qlara = open_qlara(**rates, retry_after_header=header)
    qlara.advance(seconds=20)
    answers = [qlara.api.get("/exports") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    body = answers[2].json()
    assert (body["status"], body["error"], body["retryAfter"]) == (429, "Too Many Requests", wait)
    assert f"retry after {wait} seconds" in body["message"]
    assert answers[2].headers.get("retry-after") == (str(wait) if header else None)
    qlara.advance(seconds=wait)
    assert qlara.api.get("/exports").status_code == 200


def test_browsing_shows_one_channel_between_inclusive_bounds(qlara: QlaraBench) -> None:
    found = qlara.api.get("/messages/history", params={**BROWSE, "limit": 100}).json()
    assert {message["channel"] for message in found} == {"SMS"}
    exported = {row["messageId"]: row for row in qlara.rows(qlara.history()) if row["channel"] == "SMS"}
    second = qlara.api.get("/messages/history", params={**BROWSE, "limit": 100, "page": 1}).json()
    assert {message["messageId"] for message in found + second} == set(exported)
    assert len(qlara.api.get("/messages/history", params=BROWSE).json()) == 20
    edge = {**BROWSE, "from": found[3]["sendDate"], "to": found[5]["sendDate"]}
    inside = qlara.api.get("/messages/history", params=edge).json()
    assert [message["messageId"] for message in inside] == [message["messageId"] for message in found[3:6]]
    late = qlara.api.get("/messages/history", params={**BROWSE, "status": "ERROR", "limit": 100}).json()
    assert {message["status"] for message in late} == {"ERROR"}
    turned = {**BROWSE, "from": BROWSE["to"], "to": BROWSE["from"]}
    assert qlara.api.get("/messages/history", params=turned).json() == []


@pytest.mark.parametrize(
    "change", [{"channel": ""}, {"channel": "FAX"}, {"from": "2026-11-10"}, {"to": ""}, {"status": "READ"}]
)
def test_a_search_that_cannot_be_read_is_a_400(qlara: QlaraBench, change: dict[str, str]) -> None:
    assert qlara.api.get("/messages/history", params={**BROWSE, **change}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/exports/x", 405), ("GET", "/../x", 404)]
)
def test_paths_that_do_not_exist_answer_in_the_same_shape(
    qlara: QlaraBench, method: str, path: str, status: int
) -> None:
    answer = qlara.api.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"status", "error", "message"}


def test_exports_of_others_are_listed(qlara: QlaraBench) -> None:
    made = qlara.sandbox.qlara.add_foreign_job("CONTACTS", created_at=NOW - timedelta(hours=1))
    mine = qlara.contacts().json()["id"]
    assert [entry["id"] for entry in qlara.listed()] == [mine, made]
    assert [view.foreign for view in qlara.sandbox.qlara.jobs] == [True, False]
    with pytest.raises(ValueError, match="zone"):
        qlara.sandbox.qlara.add_foreign_job(QlaraJobKind.DELIVERY_REPORTS, NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="valid"):
        qlara.sandbox.qlara.add_foreign_job("NOTHING")


def test_texts_hold_what_breaks_careless_parsers_and_spreadsheets(qlara: QlaraBench) -> None:
    rows = qlara.rows(qlara.history())
    text = "".join(row["body"] for row in rows)
    for awkward in ('"', "\n", ",", "📦", "é"):
        assert awkward in text
    assert {row["body"][0] for row in rows} >= {"=", "@"}


def test_a_canary_is_in_every_record(open_qlara: Open) -> None:
    qlara = open_qlara(rows=RowOptions(canary="CANARYTEXT"))
    for created in (qlara.contacts(), qlara.history(), qlara.reports()):
        content = qlara.content(created)
        job = qlara.sandbox.qlara.jobs[-1]
        assert content.count(b"CANARYTEXT") >= len(read_csv(content)) > 0, job


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="numeric"):
        QlaraOptions(create_answer=CreateAnswer.NUMBER)
    assert SandboxSettings().qlara is None
