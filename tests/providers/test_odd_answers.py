"""What providers and storages really send: zero times, raw links, wrong types, lists without end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from kit.http_policies import NOW
from kit.scripted_server import Server, always
from kit.zavu import COMPLETED, body, zavu
from strongroom.model.errors import Transient
from strongroom.model.provider import ExportStatus
from strongroom.providers.account import read_expiry
from strongroom.providers.addresses import BadLink, parse_locator
from strongroom.providers.answers import ApiResponse, plain_words
from strongroom.providers.limits import Bounds
from strongroom.providers.qlara_request import read_ask


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-11-01T10:29:59Z"])
def test_a_zero_time_is_no_expiry(zero: str) -> None:
    with Server(always(200, body(export=COMPLETED | {"expiresAt": zero}))) as api:
        seen = zavu(api.url).observe(["exp_abc123"])["exp_abc123"]
    assert (seen.status, seen.expires_at) == (ExportStatus.READY, None)
    assert read_expiry("2026-11-02T00:00:00Z", NOW) == datetime(2026, 11, 2, tzinfo=UTC)


def test_a_raw_link_is_escaped_once_and_behind_its_host_alone() -> None:
    link = parse_locator(" https://files.example/a b/\u00e9%20x.zip?t=1%2F2 ")
    assert link.target == "/a%20b/%C3%A9%20x.zip?t=1%2F2"
    for bad in (
        "https://f\u00f6o.example/x",
        "https://a b.example/x",
        "https://x.example/\ud800",
        "https://x/\n"[:-1] + "\x01",
    ):
        with pytest.raises(BadLink):
            parse_locator(bad)


def test_fresh_cursors_for_ever_end_with_what_was_read() -> None:
    replies = iter(range(10**6))

    def script(seen, plug):  # type: ignore[no-untyped-def]
        always(200, json.dumps({"items": [], "nextCursor": f"c{next(replies)}"}).encode())(seen, plug)

    with Server(script) as api:
        provider = zavu(api.url)
        object.__setattr__(provider._policy, "bounds", Bounds(pages=5))  # type: ignore[attr-defined]
        with pytest.raises(Transient, match="5 pages were read"):
            list(provider.sweep(NOW - timedelta(days=1)))
    assert len(api.seen) == 5


def test_nested_filters_are_read() -> None:
    flat = {"startDateTime": "2026-10-30T00:00:00Z", "endDateTime": "2026-10-31T00:00:00Z"}
    assert read_ask("message-history", {"filters": flat}) == read_ask("message-history", flat) is not None


def test_an_answer_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    loads = json.loads
    monkeypatch.setattr("strongroom.providers.answers.json.loads", lambda text: parsed.append(1) or loads(text))
    reply = ApiResponse(200, {}, b'{"items": []}', NOW)
    assert [(reply.retry_at, reply.request_id, reply.content()) for _ in range(9)]
    assert len(parsed) == 1


@pytest.mark.parametrize("piece", ["key-", "key:", "a-", "token_", "bearer ", "a://"])
def test_words_are_cleaned_in_time_that_grows_with_them(piece: str) -> None:
    assert len(plain_words(piece * 10_000)) <= 200
