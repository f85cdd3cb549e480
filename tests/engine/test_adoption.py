"""Exports that another client of the same account makes: the same request is adopted, any other is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from kit.csv_engine_bench import HISTORY, HOOKS, archives, kinds, newest, open_csv_bench
from kit.engine_bench import DAY, NOON, STREAM, Bench, open_bench
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.model.job import Job, State
from strongroom.model.plan import Stream
from strongroom.vault.sources import usage_of
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import EntryField, HookBridgeOptions, QlaraOptions
from strongroom_sandbox.recorder import Operation

SECOND = timedelta(seconds=1)


@dataclass
class Place:
    """One provider, and how a stranger asks it for the same as we do, or for something else."""

    bench: Bench
    stream: Stream
    same: Callable[[], str]
    other: Callable[[], str]

    def refs(self) -> list[str]:
        """Return every export that exists there."""
        account = getattr(self.bench.sandbox, self.stream.source, self.bench.sandbox)
        return [job.id for job in account.jobs]


@contextmanager
def place(name: str, base: Path) -> Iterator[Place]:
    """Open a house over one provider."""
    start, end = DAY.start, DAY.end
    if name == "zavu":
        with open_bench(base) as bench:
            make = bench.sandbox.zavu.add_foreign_job
            yield Place(
                bench, STREAM, lambda: make(STREAM.datasets, start, end), lambda: make(("messages",), start, end)
            )
    elif name == "hookbridge":
        with open_csv_bench(base, HookBridgeOptions(max_concurrent=None)) as bench:
            hook = bench.sandbox.hookbridge.add_foreign_job
            yield Place(
                bench, HOOKS, lambda: hook(start - SECOND, end), lambda: hook(start - SECOND, end, status="succeeded")
            )
    else:
        options = QlaraOptions(entry_fields=frozenset({EntryField.TYPE, EntryField.FILTERS, EntryField.CREATED_AT}))
        with open_csv_bench(base, options) as bench:
            add = bench.sandbox.qlara.add_foreign_job
            yield Place(
                bench,
                HISTORY,
                lambda: add("MESSAGE_HISTORY", start - SECOND, end),
                lambda: add("MESSAGE_HISTORY", start - SECOND, end - timedelta(hours=1)),
            )


def export(there: Place, stranger: Callable[[], str]) -> tuple[Job, str]:
    """Export a window whose create is answered by a 503 while a stranger makes an export; return job and its export."""
    made: list[str] = []

    def crash_point(mark: str) -> None:
        if mark == "before create" and not made:
            made.append(stranger())

    bench = there.bench
    bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=503))
    bench.export(stream=there.stream, crash_point=crash_point)
    return newest(bench), made[0]


@pytest.mark.parametrize("name", ["zavu", "hookbridge", "qlara"])
def test_a_stranger_s_export_of_the_same_is_adopted(tmp_path: Path, name: str) -> None:
    with place(name, tmp_path) as there:
        job, stranger = export(there, there.same)
        assert (job.state, job.ref) == (State.ARCHIVED, stranger)
        assert "adopted" in kinds(there.bench, job.id)
        assert len(there.bench.sandbox.requests.creates) == 1
        assert [archive.ref for archive in archives(there.bench)] == [stranger]


@pytest.mark.parametrize("name", ["zavu", "hookbridge", "qlara"])
def test_a_stranger_s_export_of_something_else_is_left_alone_and_counted(tmp_path: Path, name: str) -> None:
    with place(name, tmp_path) as there:
        job, stranger = export(there, there.other)
        assert job.state is State.ARCHIVED
        assert job.ref and job.ref != stranger
        assert "absent" in kinds(there.bench, job.id)
        assert [archive.ref for archive in archives(there.bench)] == [job.ref]
        assert there.refs() == [stranger, job.ref], "one of theirs, one of ours, and theirs is still there"
        with open_reading(there.bench.config) as vault:
            used = usage_of(vault.catalogue, there.stream.source, NOON + timedelta(minutes=1))
            assert NOON in used.created, "theirs counts against what may be asked for within an hour"


def test_while_a_stranger_s_export_runs_ours_waits(tmp_path: Path) -> None:
    """HookBridge makes one export at a time, whoever asked for it."""
    with open_csv_bench(tmp_path, HookBridgeOptions(processing_for=timedelta(minutes=7))) as bench:
        stranger = bench.sandbox.hookbridge.add_foreign_job(DAY.start, DAY.end, "inbound")
        bench.export(stream=HOOKS)
        job = newest(bench)
        assert (job.state, job.ref != stranger) == (State.ARCHIVED, True)
        assert job.accepted_at is not None
        assert job.accepted_at >= NOON + timedelta(minutes=7)
        assert len(bench.sandbox.requests.creates) <= 2


@pytest.mark.parametrize("name", ["zavu", "hookbridge", "qlara"])
def test_what_the_provider_refused_for_good_is_not_looked_for(tmp_path: Path, name: str) -> None:
    with place(name, tmp_path) as there:
        stranger = there.same()
        there.bench.sandbox.faults.add(InjectedFault(FaultKind.ANSWER, Operation.CREATE, status=400, times=2))
        with there.bench.engine() as engine:
            enter_window(engine, there.stream, DAY, "standard")
            there.bench.run(engine)
        job = newest(there.bench)
        assert (job.state, job.ref) == (State.FAILED, "")
        assert there.refs() == [stranger]
