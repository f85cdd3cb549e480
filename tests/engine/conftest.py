from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_engine import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench
