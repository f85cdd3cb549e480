"""What Qlara's documents leave open: each switch the other way round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from kit.sandbox_bench import NOW
from kit.sandbox_csv_bench import QDAY, QlaraBench, read_csv
from strongroom_sandbox.options import (
    CreateAnswer,
    EntryField,
    EntryIds,
    ExpiredLook,
    LinkRenewal,
    LinkShape,
    ListEnvelope,
    SlotBounds,
    Unwanted,
)

Open = Callable[..., QlaraBench]


def as_object(answer: httpx.Response) -> object:
    return answer.json()["exportId"]


def as_nested(answer: httpx.Response) -> object:
    return answer.json()["data"]["exportId"]


def as_body(answer: httpx.Response) -> object:
    return answer.json()


def as_location(answer: httpx.Response) -> object:
    assert answer.content == b""
    return answer.headers["location"].removeprefix("/api/partner-gateway/v1/exports/")


@pytest.mark.parametrize(
    ("shape", "numeric", "read"),
    [
        (CreateAnswer.OBJECT, False, as_object),
        (CreateAnswer.OBJECT, True, as_object),
        (CreateAnswer.NESTED, False, as_nested),
        (CreateAnswer.NESTED, True, as_nested),
        (CreateAnswer.TEXT, False, as_body),
        (CreateAnswer.TEXT, True, as_body),
        (CreateAnswer.NUMBER, True, as_body),
        (CreateAnswer.LOCATION, False, as_location),
        (CreateAnswer.LOCATION, True, as_location),
    ],
)
def test_the_id_can_be_anywhere(
    open_qlara: Open, shape: CreateAnswer, read: Callable[[httpx.Response], object], numeric: bool
) -> None:
    qlara = open_qlara(create_answer=shape, id_name="exportId", numeric_ids=numeric)
    value = read(qlara.contacts())
    (view,) = qlara.sandbox.qlara.jobs
    assert str(value) == view.id
    assert isinstance(value, int) is (numeric and shape not in (CreateAnswer.TEXT, CreateAnswer.LOCATION))
    qlara.advance(days=3)
    assert read(qlara.renew(value)) == value


@pytest.mark.parametrize("shape", [CreateAnswer.NOTE, CreateAnswer.NOTHING])
def test_there_may_be_no_id_at_all(open_qlara: Open, shape: CreateAnswer) -> None:
    qlara = open_qlara(create_answer=shape)
    answer = qlara.contacts()
    (view,) = qlara.sandbox.qlara.jobs
    assert answer.status_code == 202
    assert view.id not in answer.text + str(answer.headers)
    assert (answer.content == b"") is (shape is CreateAnswer.NOTHING)


@pytest.mark.parametrize("envelope", list(ListEnvelope))
def test_the_list_can_come_in_any_envelope(open_qlara: Open, envelope: ListEnvelope) -> None:
    qlara = open_qlara(envelope=envelope, entry_id_name="exportId", numeric_ids=True)
    qlara.contacts()
    body = qlara.api.get("/exports").json()
    entries = body if envelope is ListEnvelope.ARRAY else body[str(envelope)]
    assert [str(entry["exportId"]) for entry in entries] == [qlara.sandbox.qlara.jobs[0].id]
    assert isinstance(entries[0]["exportId"], int)


def test_the_list_can_run_oldest_first(open_qlara: Open) -> None:
    qlara = open_qlara(newest_first=False)
    ids = [qlara.contacts().json()["id"] for _ in range(12)]
    assert [entry["id"] for page in (0, 1) for entry in qlara.listed(page=page)] == ids


def test_entries_can_say_little_or_much(open_qlara: Open) -> None:
    bare = open_qlara(entry_fields=frozenset())
    bare.reports()
    assert set(bare.listed()[0]) == {"id", "status", "isAvailableForDownload"}
    nested = open_qlara(entry_fields=frozenset(EntryField))
    nested.reports(startDateTime="2026-11-10T01:00:00+01:00", endDateTime=QDAY["endDateTime"])
    assert nested.listed()[0]["filters"]["startDateTime"] == "2026-11-10T00:00:00Z"
    full = open_qlara(entry_fields=frozenset(EntryField) - {EntryField.NESTED})
    job_id = full.completed(full.reports(startDateTime="2026-11-10T01:00:00+01:00", endDateTime=QDAY["endDateTime"]))
    (entry,) = full.listed()
    assert entry["startDateTime"] == "2026-11-10T00:00:00Z"
    assert entry["fileName"] == f"export_{job_id}.csv"
    assert (entry["completedAt"], entry["expiresAt"]) == ("2026-11-20T12:00:03Z", "2026-11-22T12:00:03Z")
    full.contacts(listIds=[81])
    assert full.listed()[0]["listIds"] == [81]
    assert full.listed()[0]["completedAt"] is None


@pytest.mark.parametrize(
    ("shown", "look"),
    [
        (ExpiredLook.STATUS, [("EXPIRED", False)]),
        (ExpiredLook.AS_BEFORE, [("COMPLETED", False)]),
        (ExpiredLook.GONE, []),
    ],
)
def test_an_expired_export_can_look_otherwise(
    open_qlara: Open, shown: ExpiredLook, look: list[tuple[str, bool]]
) -> None:
    qlara = open_qlara(expired=shown)
    job_id = qlara.completed(qlara.contacts())
    qlara.advance(days=2)
    assert [(entry["status"], entry["isAvailableForDownload"]) for entry in qlara.listed()] == look
    gone = shown is ExpiredLook.GONE
    assert (qlara.link(job_id).status_code, qlara.renew(job_id).status_code) == ((404, 404) if gone else (400, 202))


def test_other_statuses_can_be_shown(open_qlara: Open) -> None:
    qlara = open_qlara(processing_word="IN_PROGRESS", failed_word="KO")
    qlara.sandbox.faults.add("job-fails")
    job_id = qlara.contacts().json()["id"]
    qlara.advance(seconds=1)
    assert qlara.listed()[0]["status"] == "IN_PROGRESS"
    qlara.advance(seconds=2)
    assert (qlara.listed()[0]["status"], qlara.listed()[0]["isAvailableForDownload"]) == ("KO", False)
    assert (qlara.link(job_id).status_code, qlara.renew(job_id).status_code) == (400, 400)


def test_a_completed_export_can_be_unavailable_for_a_while(open_qlara: Open) -> None:
    qlara = open_qlara(flag_lag=timedelta(minutes=5))
    job_id = qlara.completed(qlara.contacts())
    assert (qlara.listed()[0]["status"], qlara.listed()[0]["isAvailableForDownload"]) == ("COMPLETED", False)
    assert qlara.link(job_id).status_code == 400
    qlara.advance(minutes=5)
    assert qlara.link(job_id).status_code == 200


def test_the_list_can_lag_behind_so_that_both_refusals_are_met(open_qlara: Open) -> None:
    qlara = open_qlara(list_lag=timedelta(seconds=30), pace=0)
    job_id = qlara.contacts().json()["id"]
    assert qlara.listed() == []
    qlara.advance(days=2)
    assert qlara.listed()[0]["status"] == "COMPLETED"
    assert qlara.link(job_id).status_code == 400
    qlara.advance(seconds=30)
    assert qlara.renew(job_id).status_code == 202
    qlara.advance(seconds=10)
    assert qlara.listed()[0]["status"] == "EXPIRED"
    assert qlara.renew(job_id).status_code == 400
    assert qlara.link(job_id).status_code == 200


@pytest.mark.parametrize("shape", list(LinkShape))
def test_a_link_can_be_written_in_any_way(open_qlara: Open, shape: LinkShape) -> None:
    qlara = open_qlara(link_shape=shape, link_name="downloadUrl")
    answer = qlara.link(qlara.completed(qlara.contacts()))
    readers: dict[LinkShape, Callable[[], Any]] = {
        LinkShape.OBJECT: lambda: answer.json()["downloadUrl"],
        LinkShape.NESTED: lambda: answer.json()["data"]["downloadUrl"],
        LinkShape.TEXT: answer.json,
        LinkShape.PLAIN: lambda: answer.text,
    }
    assert qlara.fetch(readers[shape]()).status_code == 200


@pytest.mark.parametrize(("fresh", "links"), [(True, 3), (False, 1)])
def test_each_link_can_be_a_new_one(open_qlara: Open, fresh: bool, links: int) -> None:
    qlara = open_qlara(fresh_links=fresh, link_life=timedelta(minutes=5), dead_link_status=404)
    job_id = qlara.completed(qlara.contacts())
    urls = {qlara.link(job_id).json()["url"] for _ in range(3)}
    assert len(urls) == links
    qlara.advance(minutes=5)
    assert {qlara.fetch(url).status_code for url in urls} == {404}
    assert qlara.fetch(qlara.link(job_id).json()["url"]).status_code == 200


@pytest.mark.parametrize("status", [400, 404, 409])
def test_too_early_can_be_said_in_several_ways(open_qlara: Open, status: int) -> None:
    qlara = open_qlara(early_status=status, early_renewal_status=status)
    job_id = qlara.contacts().json()["id"]
    assert (qlara.link(job_id).status_code, qlara.renew(job_id).status_code) == (status, status)


def test_regeneration_can_make_another_entry(open_qlara: Open) -> None:
    qlara = open_qlara(renewal=LinkRenewal.NEW_ENTRY)
    old = qlara.completed(qlara.reports())
    before = qlara.file(old)
    qlara.advance(days=3)
    new = qlara.renew(old).json()["id"]
    assert new != old
    qlara.advance(minutes=1)
    assert [(entry["id"], entry["status"]) for entry in qlara.listed()] == [(new, "COMPLETED"), (old, "EXPIRED")]
    assert qlara.file(new) == before


@pytest.mark.parametrize(
    ("ids", "early", "late"),
    [(EntryIds.ALL, True, True), (EntryIds.FINISHED, False, True), (EntryIds.NONE, False, False)],
)
def test_entries_can_lack_their_id(open_qlara: Open, ids: EntryIds, early: bool, late: bool) -> None:
    qlara = open_qlara(entry_ids=ids)
    created = qlara.contacts()
    assert ("id" in qlara.listed()[0]) is early
    assert qlara.completed(created)
    assert ("id" in qlara.listed()[0]) is late


def test_the_list_can_be_ahead_of_both_endpoints_so_that_each_refusal_is_met(open_qlara: Open) -> None:
    """Listed as expired: its link still works, and its regeneration says that it has not expired."""
    qlara = open_qlara(expiry_lead=timedelta(hours=1))
    job_id = qlara.completed(qlara.contacts())
    assert qlara.listed()[0]["status"] == "COMPLETED"
    qlara.advance(days=2, minutes=-30)
    entry = qlara.listed()[0]
    assert (entry["status"], entry["isAvailableForDownload"]) == ("EXPIRED", False)
    assert (qlara.link(job_id).status_code, qlara.renew(job_id).status_code) == (200, 400)
    qlara.advance(hours=1)
    assert (qlara.link(job_id).status_code, qlara.renew(job_id).status_code) == (400, 202)


def test_regeneration_can_renew_the_link_alone(open_qlara: Open) -> None:
    qlara = open_qlara(renews_link_alone=True, retention=timedelta(days=11))
    job_id = qlara.completed(qlara.reports())
    before = qlara.file(job_id)
    qlara.advance(days=5)
    qlara.renew(job_id)
    qlara.advance(minutes=1)
    assert qlara.file(job_id) == before


def test_a_regeneration_can_fail_or_be_bad(open_qlara: Open) -> None:
    qlara = open_qlara()
    job_id = qlara.completed(qlara.reports())
    qlara.advance(days=3)
    qlara.sandbox.faults.add("job-fails", on="renew")
    qlara.renew(job_id)
    qlara.advance(minutes=1)
    assert qlara.listed()[0]["status"] == "FAILED"


def test_exports_can_have_quotas(open_qlara: Open) -> None:
    qlara = open_qlara(max_concurrent=1)
    assert [qlara.contacts().status_code for _ in range(2)] == [202, 429]
    assert qlara.contacts().json()["retryAfter"] == 3
    qlara.sandbox.faults.add("job-stuck")
    qlara.advance(seconds=3)
    qlara.contacts()
    assert "retryAfter" not in qlara.contacts().json()
    hourly = open_qlara(max_per_hour=1)
    assert [hourly.contacts().status_code for _ in range(2)] == [202, 429]


@pytest.mark.parametrize(("bounds", "count"), [(SlotBounds.CLOSED, 7), (SlotBounds.HALF_OPEN, 6), (SlotBounds.OPEN, 5)])
def test_either_end_of_the_window_can_belong_to_it(open_qlara: Open, bounds: SlotBounds, count: int) -> None:
    qlara = open_qlara(bounds=bounds)
    times = [row["sendDate"] for row in qlara.rows(qlara.reports())]
    window = {"startDateTime": times[3], "endDateTime": times[9]}
    assert len(qlara.rows(qlara.reports(**window))) == count


@pytest.mark.parametrize(("treatment", "status"), [(Unwanted.ACCEPT, 202), (Unwanted.REFUSE, 400)])
def test_doubtful_scopes_can_be_accepted_or_refused(open_qlara: Open, treatment: Unwanted, status: int) -> None:
    qlara = open_qlara(both_scopes=treatment, unknown_campaign=treatment, empty_ids=treatment)
    campaign = qlara.sandbox.qlara.campaigns[0]
    answers = [
        qlara.reports(**QDAY, campaignId=campaign),
        qlara.reports(campaignId=7),
        qlara.contacts(listIds=[]),
        qlara.contacts(listIds=[81], contactIds=["ct_0123456789abcdef"]),
    ]
    assert {answer.status_code for answer in answers} == {status}


def test_both_scopes_must_hold_when_both_are_accepted(open_qlara: Open) -> None:
    qlara = open_qlara(both_scopes=Unwanted.ACCEPT)
    campaign = qlara.sandbox.qlara.campaigns[0]
    rows = qlara.rows(qlara.reports(**QDAY, campaignId=campaign))
    assert {(row["campaignId"], row["sendDate"][:10]) for row in rows} == {(campaign, "2026-11-10")}


def test_the_guides_filters_can_work_and_other_names_can_be_used(open_qlara: Open) -> None:
    qlara = open_qlara(guide_filters=True, sender_name="from", recipient_name="to")
    everything = qlara.rows(qlara.history())
    rows = qlara.rows(qlara.history(channel="WHATSAPP", status="DELIVERED"))
    assert {(row["channel"], row["status"]) for row in rows} == {("WHATSAPP", "DELIVERED")}
    assert len(qlara.rows(qlara.history(sender=everything[0]["sender"]))) == len(everything)
    assert len(qlara.rows(qlara.history(**{"from": everything[0]["sender"]}))) < len(everything)
    assert qlara.history(to=5).status_code == 400
    plain = open_qlara()
    assert plain.rows(plain.history(channel="WHATSAPP")) == everything


def test_browsing_can_answer_an_object(open_qlara: Open) -> None:
    query = {"channel": "SMS", "from": QDAY["startDateTime"], "to": QDAY["endDateTime"]}
    assert len(open_qlara(history_object=True).api.get("/messages/history", params=query).json()["messages"]) == 20


def test_exports_can_be_listed_for_a_while_only(open_qlara: Open) -> None:
    qlara = open_qlara(listed_for=timedelta(days=1))
    qlara.sandbox.qlara.add_foreign_job("CONTACTS", created_at=NOW - timedelta(days=1))
    assert qlara.listed() == []


def test_a_page_can_have_a_smaller_limit(open_qlara: Open) -> None:
    qlara = open_qlara(page_max=3)
    for _ in range(5):
        qlara.contacts()
    assert len(qlara.listed(limit=50)) == 3


def test_the_same_request_gives_the_same_bytes(open_qlara: Open) -> None:
    one, two = open_qlara(), open_qlara(numeric_ids=True)
    assert one.content(one.reports()) == two.content(two.reports())
    assert read_csv(one.content(one.contacts())) == read_csv(two.content(two.contacts()))
