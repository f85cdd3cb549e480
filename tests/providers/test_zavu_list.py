"""The Zavu adapter against lists, the odd ones above all."""

from __future__ import annotations

import json
import socket
from datetime import timedelta

import pytest

from kit.http_policies import NOW
from kit.scripted_server import Seen, Server, always, answer
from kit.zavu import PENDING, SPEC, body, zavu
from strongroom.model.errors import (
    Transient,
)
from strongroom.model.provider import Ask


def pages(*contents: object) -> Server:
    """Serve these pages in turn, the last one for ever."""
    left = list(contents)

    def script(_seen: Seen, plug: socket.socket) -> None:
        plug.sendall(answer(200, json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode()))

    return Server(script)


def entry(name: str, **more: object) -> dict[str, object]:
    return {**PENDING, "id": name, **more}


def test_the_list_is_read_to_its_end_and_each_export_once() -> None:
    contents = (
        {"items": [entry("a"), entry("b", createdAt="2026-01-01T00:00:00Z")], "nextCursor": "c/1"},
        {"items": [entry("a"), entry("c", createdAt=None)], "nextCursor": "c2"},
        {"items": [], "nextCursor": "c3"},
        {"items": [entry("d")], "nextCursor": None},
    )
    with pages(*contents) as api:
        refs = [listed.observation.ref for listed in zavu(api.url).sweep(NOW - timedelta(days=1))]
    assert refs == ["a", "c", "d"], "the old one is left out, the one without a date is not"
    assert [seen.target for seen in api.seen] == [
        "/v1/exports?limit=50",
        "/v1/exports?limit=50&cursor=c%2F1",
        "/v1/exports?limit=50&cursor=c2",
        "/v1/exports?limit=50&cursor=c3",
    ]


@pytest.mark.parametrize("cursor", [{"nextCursor": None}, {"nextCursor": ""}, {}])
def test_a_list_without_a_cursor_has_one_page(cursor: dict[str, object]) -> None:
    with pages({"items": [entry("a")], **cursor}) as api:
        assert len(list(zavu(api.url).sweep(NOW - timedelta(days=1)))) == 1
    assert len(api.seen) == 1


def test_a_list_that_turns_in_a_circle_proves_nothing() -> None:
    contents = [{"items": [entry(name)], "nextCursor": cursor} for name, cursor in (("a", "1"), ("b", "2"), ("c", "1"))]
    with pages(*contents) as api, pytest.raises(Transient, match="does not end"):
        list(zavu(api.url).sweep(NOW - timedelta(days=1)))
    assert len(api.seen) == 3


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"nextCursor": None},
        {"items": None},
        {"items": {"0": PENDING}},
        {"items": ["exp_1"]},
        {"items": [{"status": "pending"}]},
        {"items": [PENDING], "nextCursor": 7},
        {"items": [PENDING], "nextCursor": "\ud800"},
    ],
)
def test_a_list_that_cannot_be_read_proves_nothing(content: object) -> None:
    with pages(content) as api, pytest.raises(Transient, match="cannot be used"):
        list(zavu(api.url).sweep(NOW - timedelta(days=1)))


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ({}, True),
        ({"dataTypes": ["conversations", "messages"]}, True),
        ({"dateFrom": "2026-10-30T02:00:00+02:00"}, True),
        ({"dateTo": "2026-10-31T00:00:00.000000Z"}, True),
        ({"dataTypes": ["messages"]}, False),
        ({"dateTo": "2026-10-31T00:00:00.001Z"}, False),
        ({"dateTo": None}, False),
        ({"dateTo": "soon"}, False),
        ({"dataTypes": "messages"}, False),
        ({"dataTypes": [1]}, False),
    ],
)
def test_our_own_export_is_known_by_instants_and_datasets(more: dict[str, object], same: bool) -> None:
    with pages({"items": [entry("a", **more)]}) as api:
        provider = zavu(api.url)
        (listed,) = provider.sweep(NOW - timedelta(days=1))
    assert (listed.ask == provider.ask(SPEC)) is same


def test_an_export_of_everything_is_an_ask_without_bounds() -> None:
    with pages({"items": [entry("a", dateFrom=None, dateTo=None)]}) as api:
        (listed,) = zavu(api.url).sweep(NOW - timedelta(days=1))
    assert listed.ask == Ask(frozenset({"messages", "conversations"}), None, None)


def test_a_probe_reads_one_entry() -> None:
    raw = body(items=[PENDING], nextCursor="more")
    with Server(always(200, raw, Date="Sun, 01 Nov 2026 12:00:09 GMT", X_RateLimit_Remaining="598")) as api:
        probe = zavu(api.url).probe()
    assert (probe.offered, probe.listed, probe.requests_left) == (True, 1, 598)
    assert probe.clock_skew == timedelta(seconds=9)
    assert probe.notes == ("the list has further entries",)
    assert [(seen.method, seen.target) for seen in api.seen] == [("GET", "/v1/exports?limit=1")]
