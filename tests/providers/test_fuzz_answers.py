"""Whatever a provider answers: it is read, or refused in words, and what is read can be stored."""

from __future__ import annotations

import json
import random
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.hostile_input import SEED, TEXTS, Faults, bend, mutate, rounds
from kit.http_policies import KEY
from kit.manifests import GALLERY
from strongroom.config.manifest import load_manifest
from strongroom.model.errors import StrongroomError
from strongroom.model.plan import ExportSpec
from strongroom.model.provider import Listed, Observation
from strongroom.model.window import Window
from strongroom.providers.answers import ApiResponse
from strongroom.providers.manifest_provider import build_manifest
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.port import Provider, ProviderSettings
from strongroom.providers.registry import build
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SPECS = {
    "zavu": "messages",
    "hookbridge": "outbound",
    "qlara": "message-history",
    "qlara-manifest": "message-history",
}
DAY = Window(datetime(2026, 10, 30, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC))
HEADERS = ("retry-after", "date", "age", "content-type", "x-ratelimit-reset", "x-ratelimit-remaining", "x-request-id")


def walk(adapter: Provider, spec: ExportSpec, ref: str) -> Iterator[object]:
    """Ask everything that an adapter can be asked; each may be refused."""
    yield lambda: adapter.create(adapter.ask(spec))
    yield lambda: list(adapter.sweep(DAY.start))
    yield lambda: adapter.observe([ref, "nosuch"])
    yield lambda: adapter.parts(ref)
    yield adapter.probe
    if adapter.capabilities.deletes:
        yield lambda: adapter.delete(ref)
    yield lambda: adapter.renew(ref)


def make_adapter(name: str, settings: ProviderSettings) -> Provider:
    if not name.endswith("-manifest"):
        return build(name, settings)
    return build_manifest(load_manifest(GALLERY / f"{name}.toml").manifest, settings)


def recorded(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Provider, ExportSpec, str, list[ApiResponse]]:
    """Return an adapter, an export of its and the sound answers of the sandbox to all that it can be asked."""
    kept: list[ApiResponse] = []
    call, clock = HttpPolicy.call, SandboxClock.stopped_at(NOW)

    def keep(self: HttpPolicy, *args: Any, **more: Any) -> ApiResponse:
        kept.append(call(self, *args, **more))
        return kept[-1]

    settings = SandboxSettings(
        api_key=KEY, hookbridge_key=KEY, qlara_key=KEY, hookbridge=HookBridgeOptions(), qlara=QlaraOptions()
    )
    with Sandbox(settings, clock=clock) as sandbox, monkeypatch.context() as patch:
        patch.setattr(HttpPolicy, "call", keep)
        urls = {"zavu": sandbox.api_url, "hookbridge": sandbox.hookbridge_url, "qlara": sandbox.qlara_url}
        own = ProviderSettings(api_key=lambda: KEY, clock=clock, base_url=urls[name.removesuffix("-manifest")])
        adapter = make_adapter(name, own)
        spec = ExportSpec((SPECS[name],), DAY)
        accepted = adapter.create(adapter.ask(spec))
        clock.advance(timedelta(minutes=5))
        listed = list(adapter.sweep(DAY.start))
        ref = accepted.observation.ref if accepted.observation else listed[0].observation.ref
        for each in walk(adapter, spec, ref):
            with suppress(StrongroomError):
                each()
    return adapter, spec, ref, kept


def spoil(reply: ApiResponse, random_bytes: random.Random) -> ApiResponse:
    body = reply.body
    if random_bytes.random() < 0.8:
        with suppress(ValueError):
            body = json.dumps(bend(json.loads(body or b"null"), random_bytes)).encode()
    else:
        body = mutate(body, random_bytes)
    headers = dict(reply.headers)
    if random_bytes.random() < 0.3:
        headers[random_bytes.choice(HEADERS)] = random_bytes.choice(TEXTS)
    status = random_bytes.choice(
        (200, 200, 200, 201, 202, 204, 301, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 999)
    )
    return replace(reply, body=body, headers=headers, status=reply.status if random_bytes.random() < 0.7 else status)


def texts_of(answer: object) -> Iterator[str]:
    """Yield what of an answer goes into the catalogue."""
    for each in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else [answer]:
        seen = each.observation if isinstance(each, Listed) else getattr(each, "observation", each)
        if isinstance(seen, Observation):
            yield from (seen.ref, seen.raw_status, seen.detail, seen.request_id)
            for number in (seen.size, seen.rows):
                assert number is None or (isinstance(number, int) and -(2**63) <= number < 2**63), number
            for at in (seen.created_at, seen.completed_at, seen.expires_at, seen.retry_at):
                assert at is None or at.utcoffset() == timedelta(0), at


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_whatever_a_provider_answers_it_is_read_or_refused_in_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, spec, ref, kept = recorded(name, monkeypatch)
    random_bytes, found = random.Random(f"{SEED} {name}"), Faults()
    monkeypatch.setattr(
        HttpPolicy,
        "call",
        lambda *_args, **_more: answers.append(spoil(random_bytes.choice(kept), random_bytes)) or answers[-1],
    )
    monkeypatch.setattr("strongroom.providers.limits.Bounds.pages", 5)
    for _ in rounds(1):
        for each in walk(adapter, spec, ref):
            answers: list[ApiResponse] = []
            try:
                for text in texts_of(each()):
                    text.encode()
            except StrongroomError as error:
                str(error).encode()
            except Exception:  # noqa: BLE001 - whatever else comes is what is looked for
                found.keep([(answer.status, answer.body) for answer in answers[-1:]], traceback.format_exc())
    assert not found, found
