"""Idempotency keys on creates: one for each job; where the provider takes them, a repeated create makes nothing new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.config.manifest import parse_manifest
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives, list_jobs
from strongroom.model.errors import Unanswered
from strongroom.model.job import State
from strongroom.model.plan import ExportSpec
from strongroom.providers.manifest_provider import build_manifest
from strongroom.providers.port import ProviderSettings, TakesKeys
from strongroom.providers.registry import build
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.recorder import Operation

HEADER = "idempotency-key"
SPEC = ExportSpec(STREAM.datasets, DAY)


@contextmanager
def blind(base: Path, monkeypatch: pytest.MonkeyPatch, *, takes_keys: bool) -> Iterator[Bench]:
    """A house whose first create gets no answer, at a provider whose list never shows an export."""
    with open_bench(base, zavu=ZavuOptions(takes_keys=takes_keys)) as bench:
        monkeypatch.setattr(bench.sandbox.zavu._jobs, "listed", list)
        bench.sandbox.faults.add(InjectedFault(FaultKind.RESET, Operation.CREATE, after=True))
        bench.export()
        yield bench


def keys(bench: Bench) -> list[str | None]:
    return [seen.header(HEADER) for seen in bench.sandbox.requests.creates]


@pytest.mark.parametrize("takes_keys", [True, False])
def test_a_create_that_the_list_denies_is_repeated_under_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes_keys: bool
) -> None:
    with blind(tmp_path, monkeypatch, takes_keys=takes_keys) as bench, open_reading(bench.config) as vault:
        (job,) = list_jobs(vault)
        assert (job.state, len(list_archives(vault, holding="held"))) == (State.ARCHIVED, 1)
        assert keys(bench) == [job.id, job.id]
        assert len(bench.sandbox.zavu.jobs) == (1 if takes_keys else 2)


def test_each_job_has_a_key_of_its_own_and_a_conflict_without_the_original_is_looked_into(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(takes_keys=True)) as bench:
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=409, after=True))
        bench.export()
        bench.export(again=True)
        assert len(set(keys(bench))) == len(keys(bench)) == len(bench.sandbox.zavu.jobs) == 2


def test_a_conflict_with_another_request_is_no_answer(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(takes_keys=True)) as bench:
        provider = build(
            "zavu",
            ProviderSettings(api_key=lambda: bench.sandbox.api_key, clock=bench.clock, base_url=bench.sandbox.api_url),
        )
        assert isinstance(provider, TakesKeys)
        first = provider.create_once(provider.ask(SPEC), "one").observation
        assert first is not None
        again = provider.create_once(provider.ask(SPEC), "one").observation
        assert again is not None and again.ref == first.ref
        with pytest.raises(Unanswered):
            provider.create_once(provider.ask(ExportSpec(("activities",), DAY)), "one")
        assert len(bench.sandbox.zavu.jobs) == 1


MANIFEST = """
[provider]
label = "Zavu"
base_url = "https://api.zavu.dev"
[window]
ends = "inclusive"
precision = "millisecond"
[create]
path = "/v1/exports"
id = "export.id"
export = "export"
together = true
idempotency_header = "Idempotency-Key"
original = "export"
body = { dataTypes = "{datasets}", dateFrom = "{lower}", dateTo = "{upper}" }
[export]
status = "status"
statuses = { queued = ["pending"], running = ["processing"], ready = ["completed"], failed = ["failed"] }
expires = "expiresAt"
created = "createdAt"
size = "fileSize"
[export.request]
dataset = "dataTypes"
lower = "dateFrom"
upper = "dateTo"
[observe]
path = "/v1/exports/{id}"
export = "export"
[list]
path = "/v1/exports"
entries = "items"
paging = "cursor"
page_key = "cursor"
next = "nextCursor"
size_key = "limit"
[download]
container = "zip-of-json"
link = "downloadUrl"
companions = ["metadata.json"]
[datasets.messages]
member = "messages.json"
[datasets.conversations]
member = "conversations.json"
[datasets.activities]
member = "activities.json"
"""


def test_a_manifest_names_the_header_and_where_the_original_is(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(takes_keys=True)) as bench:
        settings = ProviderSettings(
            api_key=lambda: bench.sandbox.api_key, clock=bench.clock, base_url=bench.sandbox.api_url
        )
        provider = build_manifest(parse_manifest("m.toml", MANIFEST), settings)
        assert isinstance(provider, TakesKeys)
        refs = {provider.create_once(provider.ask(SPEC), "one").observation.ref for _ in range(2)}  # type: ignore[union-attr]
        assert len(refs) == len(bench.sandbox.zavu.jobs) == 1
        with pytest.raises(Unanswered):
            provider.create_once(provider.ask(ExportSpec(("activities",), DAY)), "one")
        (listed,) = provider.sweep(DAY.start)
        assert listed.ask == provider.ask(SPEC)
        assert keys(bench) == ["one"] * 3
