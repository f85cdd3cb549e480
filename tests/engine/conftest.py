from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.engine_bench import Bench, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as bench:
        yield bench
