"""The service of the daemon in this process, turn by turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from kit.engine_bench import Bench
from strongroom.daemon.service import Intervals, Service, no_watch
from strongroom.engine.core.engine import Engine
from strongroom.engine.ingest.runner import WorkerPool


class Boot:
    """Seconds since the start that follow the moved clock, unless the clock is moved behind their back."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.begin, self.hidden = bench, bench.clock(), timedelta(0)

    def __call__(self) -> float:
        return (self.bench.clock() - self.begin - self.hidden).total_seconds()


@contextmanager
def serving(bench: Bench) -> Iterator[tuple[Service, Engine, Boot]]:
    boot = Boot(bench)
    with bench.engine() as engine, WorkerPool(engine, 2) as pool:
        yield Service(engine, bench.config, pool, boot, no_watch, Intervals()), engine, boot


def turns(bench: Bench, service: Service, seconds: int = 120, step: int = 5) -> None:
    for _ in range(seconds // step):
        service.turn()
        service.pool.collect(60)
        bench.clock.advance(timedelta(seconds=step))
