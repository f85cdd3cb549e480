"""Sandboxes that are closed when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sandbox_bench import Bench


@pytest.fixture
def open_bench() -> Iterator[Callable[..., Bench]]:
    with ExitStack() as stack:

        def opened(**settings: object) -> Bench:
            bench = Bench(**settings)
            stack.callback(bench.close)
            return bench

        yield opened


@pytest.fixture
def bench(open_bench: Callable[..., Bench]) -> Bench:
    return open_bench()
