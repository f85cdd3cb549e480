"""Answers of a provider, or of what stands before it, that have changed since its documents were read."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from datetime import timedelta

import pytest

from kit.http_policies import KEY, NOW, SMALL, TOKEN, make_policy
from kit.scripted_server import Server, always
from kit.zavu import COMPLETED, DAY, PENDING, SPEC, zavu
from strongroom.model.errors import AuthRefused, ProviderError, Transient, Unanswered
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Container, ExportStatus, Observation, Part
from strongroom.providers.contract_fixture import leaks
from strongroom.providers.download import download
from strongroom.providers.port import Provider
from strongroom.providers.registry import ProviderSettings, build

HOOK = {
    "id": "01935abc-def0-7123-4567-890abcdef012",
    "project_id": "proj_abc123",
    "status": "processing",
    "direction": "outbound",
    "filter_start_time": "2026-10-29T23:59:59Z",
    "filter_end_time": "2026-10-31T00:00:00Z",
    "created_at": "2026-11-01T10:30:00Z",
}
ENTRY = {"id": "exp1", "status": "PENDING", "isAvailableForDownload": False}
ASKS = {"zavu": SPEC, "hookbridge": ExportSpec(("outbound",), DAY), "qlara": ExportSpec(("message-history",), DAY)}


def adapter(name: str, url: str) -> Provider:
    return build(name, ProviderSettings(api_key=lambda: KEY, clock=lambda: NOW, base_url=url, bounds=SMALL))


def look(name: str, content: object, **headers: str) -> Observation:
    ref = {"zavu": "exp_abc123", "hookbridge": str(HOOK["id"]), "qlara": "exp1"}[name]
    with Server(always(200, json.dumps(content).encode(), -1, **headers)) as api:
        return adapter(name, api.url).observe([ref])[ref]


RUNNING = {"zavu": {"export": PENDING}, "hookbridge": {"data": HOOK}, "qlara": [ENTRY]}


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_a_look_that_must_wait_says_so(name: str) -> None:
    assert look(name, RUNNING[name]).retry_at is None
    assert look(name, RUNNING[name], Retry_After="90").retry_at == NOW + timedelta(seconds=90)


@pytest.mark.parametrize(("left", "waits"), [("0", True), ("599", False)])
def test_the_end_of_a_limit_is_a_wait_only_when_nothing_is_left_of_it(left: str, waits: bool) -> None:
    """The limits stand on every answer; one that is far from used up holds nobody up."""
    reset = str(int((NOW + timedelta(minutes=50)).timestamp() * 1000))
    seen = look("zavu", RUNNING["zavu"], X_RateLimit_Reset=reset, X_RateLimit_Remaining=left)
    assert (seen.retry_at is not None) is waits
    busy = always(503, b"", X_RateLimit_Reset=reset, X_RateLimit_Remaining=left)
    with Server(busy) as api, pytest.raises(Transient) as caught:
        zavu(api.url).observe(["exp_abc123"])
    assert (caught.value.retry_at is not None) is waits


def test_null_is_an_empty_list_of_hookbridge() -> None:
    """Some servers write an empty list so, and a project without exports must be able to ask for its first."""
    with Server(always(200, json.dumps({"data": None, "meta": {"request_id": "r"}}).encode())) as api:
        assert list(adapter("hookbridge", api.url).sweep(DAY.start)) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zavu", {}),
        ("zavu", {"items": {}}),
        ("hookbridge", {"meta": {}}),
        ("hookbridge", {"data": None, "error": {"code": "RATE_LIMITED", "message": "wait"}}),
    ],
)
def test_no_list_is_no_empty_list(name: str, content: object) -> None:
    """An empty list proves that an export was never made: only a list may say so."""
    with Server(always(200, json.dumps(content).encode())) as api, pytest.raises(Transient):
        list(adapter(name, api.url).sweep(DAY.start))


PROBLEMS: dict[str, object] = {
    "zavu": {"code": "unavailable", "message": f"down for {KEY}"},
    "hookbridge": {"error": {"code": "unavailable", "message": f"down for {KEY}"}, "meta": {}},
    "qlara": {"status": 503, "error": "unavailable", "message": f"down for {KEY}"},
}


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_a_problem_under_a_good_status_is_shown_in_its_own_words(name: str) -> None:
    with Server(always(200, json.dumps(PROBLEMS[name]).encode())) as api:
        provider = adapter(name, api.url)
        with pytest.raises(Transient) as caught:
            list(provider.sweep(DAY.start))
        assert "unavailable" in caught.value.message
        assert "down for [hidden]" in caught.value.message
        assert not leaks(caught.value, KEY)
        if name != "qlara":  # whose create may name no export
            with pytest.raises(Unanswered, match="unavailable"):
                provider.create(provider.ask(ASKS[name]))


@pytest.mark.parametrize("name", sorted(ASKS))
@pytest.mark.parametrize(
    ("status", "error", "words"),
    [(402, AuthRefused, "payment"), (409, Unanswered, "no definite answer")],
)
def test_unpaid_pauses_and_a_conflict_is_looked_into(
    name: str, status: int, error: type[ProviderError], words: str
) -> None:
    with Server(always(status, b"{}")) as api:
        provider = adapter(name, api.url)
        with pytest.raises(error, match=words):
            provider.create(provider.ask(ASKS[name]))


def bare(text: bytes) -> bytes:
    return zlib.compress(text)[2:-4]


@pytest.mark.parametrize(
    ("coding", "squeeze"),
    [
        *[(name, gzip.compress) for name in ("gzip", "x-gzip", " GZIP ", "gzip, aws-chunked", "utf-8,gzip")],
        ("deflate", zlib.compress),
        ("Deflate", bare),
        *[(name, bytes) for name in ("UTF-8", "aws-chunked, identity", "none", "")],
    ],
)
def test_an_answer_that_was_compressed_unasked_is_read_all_the_same(
    coding: str, squeeze: Callable[[bytes], bytes]
) -> None:
    packed = squeeze(json.dumps({"export": COMPLETED}).encode())
    with Server(always(200, packed, Content_Encoding=coding)) as api:
        assert zavu(api.url).observe(["exp_abc123"])["exp_abc123"].status is ExportStatus.READY


def test_a_refusal_that_was_compressed_keeps_its_words() -> None:
    packed = gzip.compress(b'{"code": "unauthorized", "message": "no such key"}')
    with Server(always(401, packed, Content_Encoding="gzip")) as api, pytest.raises(AuthRefused, match="no such key"):
        zavu(api.url).observe(["exp_abc123"])


@pytest.mark.parametrize(
    ("coding", "squeeze", "words"),
    [
        ("br", lambda text: text, r"encoding that was not requested \(br\)"),
        ("gzip, deflate", gzip.compress, r"encoding that was not requested \(gzip, deflate\)"),
        ("deflate", lambda text: text, "larger than we read, or broke off"),
        ("gzip", lambda text: text, "larger than we read, or broke off"),
        ("gzip", lambda text: gzip.compress(text)[:-9], "larger than we read, or broke off"),
        ("gzip", lambda text: gzip.compress(text + b" " * SMALL.answer), "larger than we read, or broke off"),
    ],
)
def test_an_answer_that_cannot_be_decoded_says_why(coding: str, squeeze: Callable[[bytes], bytes], words: str) -> None:
    packed = squeeze(json.dumps({"export": PENDING}).encode())
    with Server(always(200, packed, Content_Encoding=coding)) as api, pytest.raises(Transient, match=words):
        zavu(api.url).observe(["exp_abc123"])


@pytest.mark.parametrize("number", ["9" * 5000, "1e999", "-1", "NaN", '"1048576"', "[1]", "null", "true"])
def test_a_size_that_is_no_size_is_not_believed(number: str) -> None:
    text = json.dumps({"export": COMPLETED | {"fileSize": 0}}).replace('"fileSize": 0', f'"fileSize": {number}')
    with Server(always(200, text.encode())) as api:
        provider = zavu(api.url)
        if len(number) > 4000:
            with pytest.raises(Transient, match="cannot be used"):
                provider.observe(["exp_abc123"])
        else:
            assert provider.observe(["exp_abc123"])["exp_abc123"].size is None


def test_a_host_that_has_accepted_the_download_is_asked_again_when_it_says() -> None:
    with Server(always(202, b"", Retry_After="40")) as host:
        part = Part(f"{host.url}/file?token={TOKEN}", "export.zip", Container.ZIP_OF_JSON)
        with pytest.raises(Transient) as caught:
            download(make_policy(host.url), part, lambda _chunk: None, lambda: False)
    assert caught.value.retry_at == NOW + timedelta(seconds=40)
    assert not leaks(caught.value, TOKEN)
