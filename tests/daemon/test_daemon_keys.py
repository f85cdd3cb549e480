"""A key that cannot be had is one source's trouble: told and waited out, and the daemon goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.engine_bench import Bench, open_bench
from strongroom.config.secrets import SecretRef
from strongroom.daemon.logs import patient_secret
from strongroom.daemon.service import Intervals, Service, no_watch
from strongroom.engine.core.sources import Dependencies, build_sources
from strongroom.engine.ingest.runner import WorkerPool
from strongroom.engine.ingest.source_upkeep import resume_sources
from strongroom.engine.queries.lists import list_archives, status_of
from strongroom.model.errors import AuthRefused, Transient


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench


def test_a_key_that_is_there_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "the key")
    assert patient_secret(SecretRef.parse("env:A_KEY")) == "the key"


@pytest.mark.parametrize(
    ("ref", "error"),
    [("credential:nowhere", AuthRefused), ("file:/nowhere", AuthRefused), ("command:/bin/false", Transient)],
)
def test_a_key_that_is_not_there_is_trouble_of_the_right_kind(
    ref: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(error):
        patient_secret(SecretRef.parse(ref))


def test_a_missing_key_pauses_its_source_and_a_found_one_resumes_it(bench: Bench, tmp_path: Path) -> None:
    key = tmp_path / "key"
    source = replace(bench.config.sources[0], api_key=SecretRef.parse(f"file:{key}"))
    config = replace(bench.config, sources=(source,))
    dependencies = Dependencies(clock=bench.clock, secret=patient_secret)
    with bench.engine(sources=build_sources(config, dependencies)) as engine, WorkerPool(engine, 2) as pool:
        service = Service(engine, config, pool, lambda: 0.0, no_watch, Intervals())
        service.turn()
        pool.collect(5)
        service.turn()
        (paused,) = status_of(engine.vault).sources
        assert "cannot be opened" in paused.paused and not list_archives(engine.vault)
        key.touch(mode=0o600)
        key.write_text(bench.sandbox.api_key)
        assert resume_sources(engine) == ["zavu"]
