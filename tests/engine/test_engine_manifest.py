"""Whole runs with a provider in a file: from the configuration to the archive, against the same sandbox as ours."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.csv_engine_bench import HISTORY, HOOKS, archives, describe, newest, open_csv_bench
from kit.engine_bench import DAY
from kit.manifests import GALLERY
from strongroom.config.load import parse_config
from strongroom.config.problem import ConfigRefused
from strongroom.engine.access.search import described_fields
from strongroom.engine.core.sources import Dependencies, address_of
from strongroom.engine.monitor.source_check import adapters, brought_by, look_at_source
from strongroom.model.job import Cause, State
from strongroom.model.plan import Stream
from strongroom.providers.search_fields import search_fields
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.recorder import Operation

OPTIONS: dict[str, tuple[HookBridgeOptions | QlaraOptions, Stream]] = {
    "hookbridge": (HookBridgeOptions(), HOOKS),
    "qlara": (QlaraOptions(), HISTORY),
}


@pytest.mark.parametrize("name", list(OPTIONS))
def test_a_window_becomes_the_same_archive_as_with_the_built_in_adapter(tmp_path: Path, name: str) -> None:
    options, stream = OPTIONS[name]
    with open_csv_bench(tmp_path, options) as bench:
        bench.export(stream=stream)
        describe(bench, name)
        bench.export(stream=stream, again=True)
        described, built_in = archives(bench)
        assert newest(bench).state is State.ARCHIVED
        assert described.provider == f"{name}-manifest"
        assert replace(described.expectation, counts_header=None) == built_in.expectation  # learned meanwhile
        assert (described.inspection, described.seal.size) == (built_in.inspection, built_in.seal.size)


@pytest.mark.parametrize("name", list(OPTIONS))
def test_an_answer_that_is_lost_is_found_on_the_list_and_nothing_is_requested_twice(tmp_path: Path, name: str) -> None:
    options, stream = OPTIONS[name]
    with open_csv_bench(tmp_path, options) as bench:
        describe(bench, name)
        bench.sandbox.faults.add(InjectedFault(FaultKind.RESET, Operation.CREATE, after=True))
        bench.export(stream=stream)
        assert newest(bench).state is State.ARCHIVED
        assert len(bench.sandbox.requests.creates) == 1
        assert len(archives(bench)) == 1


def test_a_limit_is_waited_for_and_a_wrong_key_pauses_the_source(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(limit_hint=True)) as bench:
        describe(bench, "hookbridge")
        bench.sandbox.hookbridge.add_foreign_job(DAY.start, DAY.end)
        bench.export(stream=HOOKS)
        assert newest(bench).state is State.ARCHIVED
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=401))
        bench.export(stream=HOOKS, again=True)
        assert newest(bench).state is not State.ARCHIVED


def test_an_export_past_its_life_is_requested_again_and_a_refused_filter_is_not(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, HookBridgeOptions(life=timedelta(minutes=2))) as bench:
        describe(bench, "hookbridge")
        bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.DOWNLOAD, status=410))
        bench.export(stream=HOOKS)
        assert newest(bench).state is State.ARCHIVED
        unknown = replace(HOOKS, name="other", filters=(("endpoint_id", "ep_550e8400e29b41d4a716446655440000"),))
        bench.export(stream=unknown)
        assert newest(bench).cause is Cause.REFUSED


def test_a_manifest_is_part_of_what_a_source_is_known_by(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        describe(bench, "qlara")
        (source,), described = bench.config.sources, bench.config.manifests["qlara-manifest"]
        address = address_of(replace(source, base_url=None), bench.config.network, described)
        assert address == f"https://lora-api.agiletelecom.com:443 manifest:{described.digest[:16]}"
        fields = described_fields(bench.config.manifests)
        for dataset in described.manifest.datasets:
            assert search_fields("qlara-manifest", dataset, fields) == search_fields("qlara", dataset)


def test_a_source_with_a_manifest_is_checked_and_listed_like_any_other(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        describe(bench, "qlara")
        report = look_at_source(bench.config, "qlara", Dependencies(clock=bench.clock))
        assert (report.exit_code, report.provider) == (0, "qlara-manifest")
        assert len(bench.sandbox.requests.creates) == 0
        known = adapters(bench.config)
        assert brought_by("qlara-manifest", known) == f"manifest {GALLERY / 'qlara-manifest.toml'}"
        assert brought_by("qlara", known) == "built in"


def test_a_manifest_that_is_wrong_refuses_the_configuration_with_its_place(tmp_path: Path) -> None:
    with open_csv_bench(tmp_path, QlaraOptions()) as bench:
        text = (bench.base / "strongroom.toml").read_text()
        folder = tmp_path / "providers"
        folder.mkdir()
        own = (GALLERY / "qlara-manifest.toml").read_text()
        (folder / "mine.toml").write_text(own.replace('by = "list"', 'by = "lst"'))
        (folder / "zavu.toml").write_text(own)
        with pytest.raises(ConfigRefused) as caught:
            parse_config(
                bench.base / "strongroom.toml",
                text.replace('provider = "qlara"', 'provider = "mine"') + f'[provider]\ndirectories = ["{folder}"]\n',
            )
        lines = str(caught.value).splitlines()
        assert any('mine.toml:39: observe.by: expected one of get, list, file, got "lst"' in line for line in lines)
        assert any("zavu is an adapter" in line for line in lines)
        with pytest.raises(ConfigRefused, match="cannot be read"):
            parse_config(bench.base / "strongroom.toml", text + '[provider]\ndirectories = ["nowhere"]\n')
