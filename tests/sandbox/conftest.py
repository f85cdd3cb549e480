"""Sandboxes that are closed when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from kit.sandbox_bench import Bench
from kit.sandbox_csv_bench import HookBench, QlaraBench


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


@pytest.fixture
def open_hook() -> Iterator[Callable[..., HookBench]]:
    with ExitStack() as stack:

        def opened(**options: object) -> HookBench:
            bench = HookBench(**options)  # type: ignore[arg-type]
            stack.callback(bench.close)
            return bench

        yield opened


@pytest.fixture
def hook(open_hook: Callable[..., HookBench]) -> HookBench:
    return open_hook()


@pytest.fixture
def open_qlara() -> Iterator[Callable[..., QlaraBench]]:
    with ExitStack() as stack:

        def opened(**options: object) -> QlaraBench:
            bench = QlaraBench(**options)  # type: ignore[arg-type]
            stack.callback(bench.close)
            return bench

        yield opened


@pytest.fixture
def qlara(open_qlara: Callable[..., QlaraBench]) -> QlaraBench:
    return open_qlara()
