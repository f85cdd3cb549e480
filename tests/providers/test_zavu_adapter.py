"""The Zavu adapter against single answers, the odd ones above all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.http_policies import KEY, NOW, TOKEN
from kit.scripted_server import Server, always
from kit.zavu import COMPLETED, DAY, LINK, PENDING, SPEC, body, zavu
from strongroom.model.errors import (
    ExportGone,
    LinkDead,
    LinkRefused,
    ProviderError,
    RequestRefused,
    Transient,
    UsageError,
)
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Ask, ExpiryBasis, ExportStatus, Match, Observation, Renewal
from strongroom.model.window import Window
from strongroom.providers.account import read_observation
from strongroom.providers.answers import ApiResponse, Unusable
from strongroom.providers.contract_fixture import leaks
from strongroom.providers.registry import PROVIDERS, LimitOverrides, ProviderSettings, build
from strongroom.providers.zavu import KEYS, SHAPES, read_ask, read_page


def look(export: Mapping[str, object], **headers: str) -> Observation:
    with Server(always(200, body(export=export), -1, **headers)) as api:
        return zavu(api.url).observe(["exp_abc123"])["exp_abc123"]


# --- what is asked -----------------------------------------------------------------------------------------------


def test_a_create_is_what_the_documents_show() -> None:
    with Server(always(202, body(export=PENDING), X_Request_Id="req_1")) as api:
        provider = zavu(api.url)
        accepted = provider.create(provider.ask(SPEC))
    (seen,) = api.seen
    assert (seen.method, seen.target) == ("POST", "/v1/exports")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(seen.body) == {
        "dataTypes": ["messages", "conversations"],
        "dateFrom": "2026-10-30T00:00:00Z",
        "dateTo": "2026-10-31T00:00:00Z",
    }
    assert accepted.request_id == "req_1"
    assert accepted.observation == Observation(
        "exp_abc123",
        ExportStatus.QUEUED,
        "pending",
        created_at=datetime(2026, 11, 1, 10, 30, tzinfo=UTC),
        expires_at=datetime(2026, 11, 2, 10, 30, tzinfo=UTC),
        request_id="req_1",
    )


def test_the_window_is_asked_for_whole_in_milliseconds() -> None:
    start = datetime(2026, 10, 30, 1, 2, 3, 456_789, tzinfo=UTC)
    ask = zavu().ask(ExportSpec(("messages",), Window(start, start + timedelta(seconds=1))))
    assert ask == Ask(
        frozenset({"messages"}),
        datetime(2026, 10, 30, 1, 2, 3, 456_000, tzinfo=UTC),
        datetime(2026, 10, 30, 1, 2, 4, 457_000, tzinfo=UTC),
    )
    expected = zavu().expectation(SPEC)
    assert expected.end_inclusive
    assert expected.companions == ("metadata.json",)
    assert [shape.member for shape in expected.datasets] == ["conversations.json", "messages.json"]


@pytest.mark.parametrize(
    "spec",
    [
        ExportSpec(("contacts",), DAY),
        ExportSpec((), DAY),
        ExportSpec(("messages",), DAY, (("channel", "sms"),)),
    ],
)
def test_what_zavu_does_not_have_is_not_asked_for(spec: ExportSpec) -> None:
    with pytest.raises(RequestRefused) as caught:
        zavu().ask(spec)
    assert "webhookDeliveries" in caught.value.hint


def test_what_is_known_of_it() -> None:
    provider = zavu(limits=LimitOverrides(per_hour=5, retention=timedelta(days=180)))
    assert (provider.capabilities.match, provider.capabilities.renewal) == (Match.EXACT, Renewal.NEW_EXPORT)
    assert provider.capabilities.expiry is ExpiryBasis.CREATED
    assert (provider.limits.concurrent, provider.limits.per_hour) == (3, 5)
    assert (provider.limits.retention, provider.limits.poll_first) == (timedelta(days=180), timedelta(seconds=5))
    assert set(provider.capabilities.datasets) == set(SHAPES)
    assert not SHAPES["activities"].known
    for shape in SHAPES.values():
        assert shape.always <= shape.known
        assert shape.member == f"{shape.name}.json"


# --- what is seen -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "understood"),
    [
        ("pending", ExportStatus.QUEUED),
        ("PROCESSING", ExportStatus.RUNNING),
        ("Completed", ExportStatus.READY),
        ("failed", ExportStatus.FAILED),
        ("expired", ExportStatus.EXPIRED),
        ("archiving", ExportStatus.UNKNOWN),
        ("", ExportStatus.UNKNOWN),
        (None, ExportStatus.UNKNOWN),
        (3, ExportStatus.UNKNOWN),
    ],
)
def test_statuses_are_understood_in_any_case_and_kept(status: object, understood: ExportStatus) -> None:
    seen = look(COMPLETED | {"status": status})
    assert seen.status is understood
    assert seen.raw_status == (status if isinstance(status, str) else "")


@pytest.mark.parametrize("missing", ["null", "absent"])
def test_absent_and_null_are_alike(missing: str) -> None:
    names = ("createdAt", "expiresAt", "completedAt", "fileSize", "errorMessage", "downloadUrl")
    export = {"id": "exp_abc123", "status": "completed"} | (dict.fromkeys(names) if missing == "null" else {})
    assert look(export) == Observation("exp_abc123", ExportStatus.READY, "completed")


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("expiresAt", "tomorrow"),
        ("expiresAt", "2026-11-02"),
        ("expiresAt", "2026-11-02T10:30:00"),
        ("expiresAt", 1793615400),
        ("expiresAt", "0001-01-01T00:00:00+05:00"),
        ("fileSize", -1),
        ("fileSize", 1.5),
        ("fileSize", True),
        ("fileSize", "1048576"),
        ("fileSize", 1 << 63),
    ],
)
def test_a_bad_detail_spoils_only_itself(name: str, bad: object) -> None:
    seen = look(COMPLETED | {name: bad})
    assert seen.status is ExportStatus.READY
    assert {"expiresAt": seen.expires_at, "fileSize": seen.size}[name] is None
    assert seen.completed_at == datetime(2026, 11, 1, 10, 32, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expires", "date", "understood"),
    [
        (NOW + timedelta(seconds=1), "", ExportStatus.READY),
        (NOW, "", ExportStatus.EXPIRED),
        (NOW + timedelta(minutes=5), "Sun, 01 Nov 2026 12:05:00 GMT", ExportStatus.EXPIRED),
        (NOW - timedelta(minutes=5), "Sun, 01 Nov 2026 11:54:59 GMT", ExportStatus.READY),
        (NOW - timedelta(minutes=5), "not a date", ExportStatus.EXPIRED),
    ],
)
def test_the_provider_s_clock_decides_when_an_export_ends(
    expires: datetime, date: str, understood: ExportStatus
) -> None:
    headers = {"Date": date} if date else {}
    assert look(COMPLETED | {"expiresAt": expires.isoformat()}, **headers).status is understood


@pytest.mark.parametrize("raw", [b"", b"[1]", b"{}", b'{"export": []}', body(export=PENDING | {"id": "exp_other"})])
def test_an_answer_that_cannot_be_used_is_trouble_and_not_news(raw: bytes) -> None:
    with Server(always(200, raw)) as api:
        for act in (zavu(api.url).observe, lambda refs: zavu(api.url).parts(refs[0])):
            with pytest.raises(Transient, match="cannot be used"):
                act(["exp_abc123"])


@pytest.mark.parametrize("ref", ["", ".", "..", "a b", "a\nb", "ü", "x" * 501])
def test_no_odd_name_becomes_a_path(ref: str) -> None:
    with Server(always(200, body(export=PENDING))) as api, pytest.raises(RequestRefused):
        zavu(api.url).observe([ref])
    assert not api.seen


def test_a_name_is_quoted_whole() -> None:
    with Server(always(404)) as api:
        assert zavu(api.url).observe(["a/../b?c#d"])["a/../b?c#d"].status is ExportStatus.GONE
    assert api.seen[0].target == "/v1/exports/a%2F..%2Fb%3Fc%23d"


@pytest.mark.parametrize(
    ("export", "error"),
    [
        (PENDING, Transient),
        (COMPLETED | {"status": "thinking"}, Transient),
        (PENDING | {"status": "failed"}, ExportGone),
        (COMPLETED | {"expiresAt": "2026-11-01T11:59:59Z"}, ExportGone),
        (COMPLETED | {"downloadUrl": None}, LinkDead),
        (COMPLETED | {"downloadUrl": ""}, LinkDead),
        (COMPLETED | {"downloadUrl": ["x"]}, LinkDead),
    ],
)
def test_only_a_ready_export_has_parts(export: dict[str, object], error: type[ProviderError]) -> None:
    with Server(always(200, body(export=export))) as api, pytest.raises(ProviderError) as caught:
        zavu(api.url).parts("exp_abc123")
    assert type(caught.value) is error
    assert not leaks(caught.value, TOKEN)


def test_a_part_hides_its_link() -> None:
    with Server(always(200, body(export=COMPLETED))) as api:
        (part,) = zavu(api.url).parts("exp_abc123")
    assert (part.locator, part.name, part.size) == (LINK, "export_exp_abc123.zip", 1048576)
    assert not part.authenticated
    assert TOKEN not in repr(part)


@pytest.mark.parametrize("link", ["not a link", "ftp://x/", "http://storage.zavu.dev/x", "https://10.0.0.1/x"])
def test_a_link_that_must_not_be_followed_is_trouble(link: str) -> None:
    with Server(always(200, body(export=COMPLETED | {"downloadUrl": f"{link}?token={TOKEN}"}))) as api:
        provider = zavu(api.url)
        (part,) = provider.parts("exp_abc123")
        with pytest.raises((Transient, LinkRefused)) as caught:
            provider.download(part, lambda _chunk: None, lambda: False)
    assert not leaks(caught.value, TOKEN, KEY)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.fixed_dictionaries({"id": _json}, optional={name: _json for name in COMPLETED if name != "id"}))
def test_whatever_an_export_looks_like_it_is_read_or_unusable(export: dict[str, object]) -> None:
    reply = ApiResponse(200, {}, json.dumps({"export": export, "items": [export]}).encode(), NOW)
    read_ask(export)
    try:
        seen = read_observation(reply.content().get("export"), reply, KEYS)
    except Unusable:
        return
    assert seen.ref == export["id"]
    assert seen.raw_status.isprintable()
    assert seen.size is None or seen.size >= 0
    assert read_page(reply) == ([export], "")


# --- the registry -----------------------------------------------------------------------------------------------------


def test_providers_are_built_by_name() -> None:
    assert zavu("").capabilities == zavu().capabilities, "the public API needs no base_url"
    assert list(PROVIDERS) == ["hookbridge", "qlara", "zavu"]
    with pytest.raises(UsageError, match="no provider named 'zavvu'") as caught:
        build("zavvu", ProviderSettings(api_key=lambda: KEY, clock=lambda: NOW))
    assert "zavu" in caught.value.hint
    with pytest.raises(UsageError, match="base_url"):
        zavu("http://api.zavu.dev")


def test_settings_hide_the_key_and_overrides_touch_only_what_they_name() -> None:
    settings = ProviderSettings(api_key=lambda: KEY, clock=lambda: NOW)
    assert "api_key" not in repr(settings)
    assert LimitOverrides().apply(zavu().limits) == zavu().limits
