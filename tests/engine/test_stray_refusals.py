"""A refused create may be a stray answer: it is tried once more, later, and only the second refusal is final."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kit.engine_bench import DAY, open_bench
from strongroom.engine.access.inventory import find_job
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives
from strongroom.model.job import Cause, State
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.recorder import Operation

STRAYS = {400: Cause.REFUSED, 404: Cause.NOT_OFFERED, 410: Cause.NOT_OFFERED, 501: Cause.NOT_OFFERED}


def test_a_stray_refusal_costs_a_minute_and_a_lasting_one_the_job(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        for number, (status, cause) in enumerate(STRAYS.items()):
            windows = [
                Window(DAY.start - each * DAY.length, DAY.end - each * DAY.length) for each in (number, 9 + number)
            ]
            for window, times, state in zip(windows, (1, 2), (State.ARCHIVED, State.FAILED), strict=True):
                bench.sandbox.faults.clear()
                bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=status, times=times))
                before, began = len(bench.sandbox.requests.creates), bench.clock()
                job = bench.export(window=window)
                with open_reading(bench.config) as vault:
                    done = find_job(vault, job.id)
                assert (done.state, len(bench.sandbox.requests.creates) - before) == (state, 2), status
                assert done.state is State.ARCHIVED or done.cause is cause
                assert bench.clock() - began >= timedelta(minutes=1)
        with open_reading(bench.config) as vault:
            assert len(list_archives(vault)) == len(STRAYS)


def test_a_link_to_a_place_that_is_not_allowed_is_told_once_as_what_it_is(tmp_path: Path) -> None:
    with open_bench(tmp_path) as bench:
        bench.sandbox.faults.add(
            InjectedFault(FaultKind.FOREIGN_LINK, Operation.GET, times=None, to="http://files.example/a?token=x")
        )
        job = bench.export()
        with open_reading(bench.config) as vault:
            done = find_job(vault, job.id)
        assert (done.state, done.cause) == (State.FAILED, Cause.LINK_REFUSED)
        assert "files.example cannot be used without encryption" in done.detail
        assert len(bench.sandbox.requests.creates) == 1


@pytest.mark.parametrize(
    ("coding", "shown"), [("br", "br (Brotli)"), ("zstd", "zstd"), ("gzip,gzip", "gzip inside gzip")]
)
def test_a_coding_that_no_reader_undoes_is_told_once_as_what_it_is(tmp_path: Path, coding: str, shown: str) -> None:
    with open_bench(tmp_path) as bench:
        bench.sandbox.faults.add(InjectedFault(FaultKind.CODED, times=None, name=coding))
        job = bench.export()
        with open_reading(bench.config) as vault:
            done = find_job(vault, job.id)
            assert list_archives(vault) == []
        assert (done.state, done.cause) == (State.FAILED, Cause.CODING)
        assert f"does not undo: {shown}. Ask the provider to serve exports without" in done.detail
        assert (len(bench.sandbox.requests.creates), len(bench.sandbox.requests.downloads)) == (1, 1)
