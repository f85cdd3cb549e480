"""Killed at any place and started again: one archive, never two, never none, and one export at the provider."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from kit.engine_bench import open_bench
from kit.engine_kill import PLACES, UNINDEXED, check_house, drive
from strongroom_sandbox.options import ZavuOptions


@pytest.mark.slow
@pytest.mark.parametrize("die_at", range(1, len(PLACES) + 1), ids=[place.replace(" ", "-") for place in PLACES])
def test_killed_at_each_place_and_started_again(tmp_path: Path, die_at: int) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0)) as bench:
        status, places = drive(bench, die_at)
        assert status == -signal.SIGKILL
        assert places[-1] == PLACES[die_at - 1]
        status, _ = drive(bench, 0)
        assert status == 0
        check_house(bench, unindexed=places[-1] in UNINDEXED)
        assert len(bench.sandbox.zavu.jobs) == 1
        assert len(bench.sandbox.requests.creates) == 1


@pytest.mark.slow
def test_killed_again_and_again(tmp_path: Path) -> None:
    with open_bench(tmp_path, zavu=ZavuOptions(pace=0)) as bench:
        for die_at in range(1, 12):
            drive(bench, die_at)
        drive(bench, 0)
        check_house(bench, unindexed=True)
        assert len(bench.sandbox.zavu.jobs) == 1
