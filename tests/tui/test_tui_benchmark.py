"""The benchmark of the screen still runs: its crowd fits the catalogue, and every tab answers the keys it names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from strongroom_tui.widgets.header import TABS

SCREEN = Path(__file__).parents[2] / "benchmarks" / "screen.py"
SMALL = ["--archives", "400", "--jobs", "200", "--streams", "12", "--days", "40", "--rounds", "1", "--steady", "0.2"]


@pytest.mark.slow
def test_every_tab_is_measured() -> None:
    run = subprocess.run([sys.executable, SCREEN, *SMALL], capture_output=True, text=True, check=False, timeout=200)
    assert run.returncode == 0, run.stderr
    assert [run.stdout.count(f"| {name} |") for name in ("empty app", "first paint", "filled")] == [1, 1, 1]
    for tab in TABS:
        assert f"| {tab.title} | {tab.key} |" in run.stdout
        assert f"| {tab.title} | steadily " in run.stdout
