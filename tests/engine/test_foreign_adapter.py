"""An adapter that somebody else brought and that is broken stops its own source, says so, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.engine_bench import DAY, STREAM, Bench
from strongroom.config.load import load_config
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.monitor.source_check import adapters, look_at_source
from strongroom.engine.queries.lists import list_archives, list_jobs, status_of
from strongroom.model.errors import ExitCode
from strongroom.model.job import State
from strongroom.model.plan import Plan, Stream

STRANGE = Stream("strange", "strange", ("things",))
SOURCE = """
[[source]]
name = "strange"
provider = "acme"
api_key = "env:STRONGROOM_TEST_ZAVU_KEY"
"""
TOLD = "the adapter acme of acme-export 2.1 cannot be loaded: ImportError"


@pytest.fixture
def both(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench with a second source, whose adapter cannot be imported."""
    info = tmp_path / "site" / "acme_export-2.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-export\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[strongroom.providers]\nacme = acme_broken:build\n")
    (info.parent / "acme_broken.py").write_text("raise ImportError('built for another version')\n")
    monkeypatch.syspath_prepend(str(info.parent))
    with bench.config.file.open("a") as file:
        file.write(SOURCE)
    bench.config = load_config(bench.config.file)
    return bench


def test_the_others_go_on_and_it_waits_for_a_person(both: Bench) -> None:
    with both.engine() as engine:
        enter_window(engine, STREAM, DAY, "standard")
        enter_due(engine, [Plan(STRANGE, DAY.start)])
        left = both.run(engine)
    assert {job.source for job in left} == {"strange"}
    with open_reading(both.config) as vault:
        assert [archive.source for archive in list_archives(vault, holding="held")] == ["zavu"]
        paused = {source.name: source.paused for source in status_of(vault).sources}
        assert paused["strange"].startswith(TOLD)
        assert not paused["zavu"]
        states = {job.state for job in list_jobs(vault, stream="strange")}
        assert states == {State.PLANNED}, "nothing of it is given up"


def test_the_check_of_the_source_names_who_brought_it(both: Bench) -> None:
    report = look_at_source(both.config, "strange", Dependencies(clock=both.clock))
    assert report.exit_code is ExitCode.PROVIDER
    assert report.checks[-1].message == TOLD
    assert "acme-export 2.1" in [offer.distribution for offer in adapters(both.config)]
