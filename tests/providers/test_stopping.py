"""A wish to stop ends every wait for a provider; a request that may have arrived is not taken for one that did not."""

from __future__ import annotations

import time

import pytest

from kit.http_policies import make_policy
from kit.scripted_server import Server, always, hang
from kit.zavu import PENDING, body
from strongroom.model.errors import Interrupted, ProviderError, Unanswered
from strongroom.providers import policy as module
from strongroom.providers.limits import Bounds

WAITS = Bounds(connect=60, read=300, call=300)


def test_a_request_that_only_reads_is_given_up_at_once() -> None:
    with Server(hang) as api, pytest.raises(Interrupted, match="the next run resumes"):
        make_policy(api.url, bounds=WAITS, stop=lambda: bool(api.seen)).call("GET", "/v1/exports")
    assert len(api.seen) == 1


def test_a_create_without_an_answer_is_given_up_after_a_grace_and_may_have_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ANSWER_GRACE", 0.5)
    with Server(hang) as api:
        began = time.monotonic()
        with pytest.raises(Unanswered, match="may have arrived"):
            make_policy(api.url, bounds=WAITS, stop=lambda: bool(api.seen)).call("POST", "/v1/exports", body={})
        assert time.monotonic() - began >= 0.5


def test_a_create_that_is_answered_within_the_grace_counts() -> None:
    with Server(always(202, body(export=PENDING))) as api:
        assert make_policy(api.url, bounds=WAITS, stop=lambda: True).call("POST", "/v1/exports", body={}).status == 202


def test_a_create_that_did_not_leave_is_reported_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_GRACE", 0.0)
    with Server(hang) as api, pytest.raises(ProviderError) as caught:
        make_policy(api.url, bounds=WAITS, stop=lambda: True).call("POST", "/v1/exports", body={})
    assert not isinstance(caught.value, Unanswered)
    assert api.seen == []
