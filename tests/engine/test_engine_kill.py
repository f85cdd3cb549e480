"""Killed at any place and started again: one archive, never two, never none, and one export at the provider."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from bench_engine import Bench, open_bench

from strongroom.engine.assembly import open_reading
from strongroom.engine.health.fixity import check_fixity
from strongroom.engine.reading.content import check_content
from strongroom.engine.readings import coverage_of, list_archives
from strongroom.evidence.line import read_chain
from strongroom.model.coverage import Cover
from strongroom.sandbox.zavu_options import ZavuOptions

DRIVER = Path(__file__).with_name("kill_driver.py")
PLACES = (
    "committed intended",
    "recorded intended",
    "before create",
    "after create",
    "committed accepted",
    "recorded accepted",
    "committed completed",
    "recorded completed",
    "committed opened",
    "recorded opened",
    "downloaded",
    "committed durable",
    "recorded durable",
    "before publish",
    "published key",
    "published payload",
    "after publish",
    "committed proven",
    "recorded proven",
)


def drive(bench: Bench, die_at: int) -> tuple[int, list[str]]:
    """Run the driver; return its status and the places it passed."""
    places = bench.base / "places"
    places.unlink(missing_ok=True)
    start = bench.clock.advance(timedelta(minutes=10)).isoformat()
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(bench.config.file), str(die_at), str(places), start],
        env={**os.environ, "PYTHONPATH": str(DRIVER.parent)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode, places.read_text().splitlines() if places.exists() else []


def check_house(bench: Bench) -> None:
    with open_reading(bench.config) as vault:
        (archive,) = list_archives(vault)
        assert check_fixity(vault, archive) == []
        assert check_content(vault, archive, bench.identities()) == []
        (interval,) = coverage_of(vault, archive.stream)
        assert (interval.cover, interval.archive) == (Cover.PROVEN, archive.id)
        lines = vault.layout.log.read_bytes().splitlines()
        bodies = list(read_chain(lines))
        assert [body["kind"] for body in bodies].count("job.proven") == 1
        files = sorted(path.relative_to(vault.layout.root) for path in vault.layout.root.rglob("*") if path.is_file())
        names = [str(path) for path in files if path.parts[0] in ("archives", "keys", "manifests", "quarantine", "tmp")]
        assert len(names) == 3, names


@pytest.mark.slow
@pytest.mark.parametrize("die_at", range(1, len(PLACES) + 1), ids=[place.replace(" ", "-") for place in PLACES])
def test_killed_at_each_place_and_started_again(tmp_path: Path, die_at: int) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0)) as bench:
        status, places = drive(bench, die_at)
        assert status == -signal.SIGKILL
        assert places[-1] == PLACES[die_at - 1]
        status, _ = drive(bench, 0)
        assert status == 0
        check_house(bench)
        assert len(bench.sandbox.zavu.jobs) == 1
        assert len(bench.sandbox.requests.creates) == 1


@pytest.mark.slow
def test_killed_again_and_again(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0)) as bench:
        for die_at in range(1, 12):
            drive(bench, die_at)
        drive(bench, 0)
        check_house(bench)
        assert len(bench.sandbox.zavu.jobs) == 1
