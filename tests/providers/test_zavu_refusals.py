"""The Zavu adapter when Zavu says no, or says nothing that can be used."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from kit.http_policies import KEY, NOW
from kit.scripted_server import Server, always
from kit.zavu import PENDING, SPEC, zavu
from strongroom.model.errors import (
    AuthRefused,
    NotOffered,
    ProviderError,
    QuotaExceeded,
    RequestRefused,
    Transient,
    Unanswered,
)
from strongroom.providers.contract_fixture import leaks


@pytest.mark.parametrize(
    ("status", "content", "headers", "error", "message"),
    [
        (
            401,
            {"code": "unauthorized", "message": f"Key {KEY} is unknown"},
            {},
            AuthRefused,
            "Zavu refused the API key (401 unauthorized: Key [hidden] is unknown)",
        ),
        (
            400,
            {"code": "invalid_request", "message": "dateTo\x1b[31m\n is odd"},
            {},
            RequestRefused,
            "Zavu refused the request (400 invalid_request: dateTo [31m is odd)",
        ),
        (404, "<html>not here</html>", {}, NotOffered, "this account's Zavu API does not offer exports (404)"),
        (405, {}, {}, RequestRefused, "Zavu refused the request (405)"),
        (
            429,
            {"code": "rate_limited", "message": "Too many", "details": {"retryAfter": 1800}},
            {"Retry_After": "60"},
            QuotaExceeded,
            "Zavu says that a limit is used up (429 rate_limited: Too many)",
        ),
        (308, "", {"Location": "https://x.example/"}, RequestRefused, "Zavu redirects export requests elsewhere (308)"),
        (302, "", {"Location": "/"}, Unanswered, "Zavu gave no definite answer to the export request (302)"),
        (303, "", {"Location": "/"}, Unanswered, "Zavu gave no definite answer to the export request (303)"),
        (204, "", {}, Unanswered, "Zavu gave no definite answer to the export request (204)"),
        (206, {"export": PENDING}, {}, Unanswered, "Zavu gave no definite answer to the export request (206)"),
        (
            500,
            {"code": 7, "message": ["x"]},
            {},
            Unanswered,
            "Zavu gave no definite answer to the export request (500)",
        ),
        (999, "", {}, Unanswered, "Zavu gave no definite answer to the export request (999)"),
    ],
)
def test_a_create_is_refused_in_words(
    status: int, content: object, headers: dict[str, str], error: type[ProviderError], message: str
) -> None:
    raw = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    with Server(always(status, raw, -1, **headers)) as api, pytest.raises(ProviderError) as caught:
        provider = zavu(api.url)
        provider.create(provider.ask(SPEC))
    assert type(caught.value) is error
    assert caught.value.message == message
    assert caught.value.status == status
    assert caught.value.hint
    assert not leaks(caught.value, KEY)
    if isinstance(caught.value, QuotaExceeded):
        assert caught.value.retry_at == NOW + timedelta(seconds=1800)
    assert len(api.seen) == 1


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"null",
        b"[]",
        b'{"id": "exp_1", "status": "pending"}',
        b'{"export": null}',
        b'{"export": {}}',
        b'{"export": {"id": 7}}',
        b'{"export": {"id": ""}}',
        b'{"export": {"id": "a\\u0000b"}}',
        b'{"export": ' + b"[" * 2000,
        b"\x1f\x8b\x08\x00gzip",
        b'{"export": {"id": "' + b"x" * 5000 + b'"}}',
    ],
)
def test_an_accepted_create_that_cannot_be_read_is_uncertain(status: int, raw: bytes) -> None:
    with Server(always(status, raw)) as api, pytest.raises(Unanswered, match="accepted the export request"):
        provider = zavu(api.url)
        provider.create(provider.ask(SPEC))
    assert len(api.seen) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, RequestRefused), (401, AuthRefused), (403, AuthRefused), (408, Transient), (429, QuotaExceeded),
     (500, Transient), (503, Transient), (204, Transient), (304, Transient)],
)  # fmt: skip
def test_reading_has_its_own_table(status: int, error: type[ProviderError]) -> None:
    with Server(always(status, Retry_After="7")) as api:
        for act in (
            lambda: zavu(api.url).observe(["exp_1"]),
            lambda: list(zavu(api.url).sweep(NOW)),
            zavu(api.url).probe,
        ):
            with pytest.raises(ProviderError) as caught:
                act()
            assert type(caught.value) is error
            if isinstance(caught.value, Transient | QuotaExceeded):
                assert caught.value.retry_at == NOW + timedelta(seconds=7)


@pytest.mark.parametrize("status", [404, 410, 501])
def test_no_list_means_no_exports(status: int) -> None:
    with Server(always(status, b"{}", X_RateLimit_Remaining="5")) as api:
        with pytest.raises(NotOffered):
            list(zavu(api.url).sweep(NOW))
        probe = zavu(api.url).probe()
    assert probe.offered is False
    assert "does not offer exports" in probe.notes[0]
