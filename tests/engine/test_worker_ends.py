"""The sealing and parsing processes end: with the engine, when they are late, and when they work without end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kit.drivers import command, environment
from kit.sealed_vault import CSV_SHAPE, DAY
from kit.workers import ROWS, all_gone, family, order, reader_of
from strongroom.engine.worker import client as airlock_module
from strongroom.engine.worker import parse_worker as reader_module
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import Launcher, WorkerDied
from strongroom.engine.worker.lifetime import GRANT_STEP, CpuGrant
from strongroom.engine.worker.parse_worker import forked_parser, started_parser
from strongroom.engine.worker.protocol import Service
from strongroom.formats.peer import Allowance, PeerLate
from strongroom.formats.pipe import ParserLost
from strongroom.model.errors import Interrupted
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.provider import Container

EXPECTED = Expectation(DAY, (CSV_SHAPE,), container=Container.CSV)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airlock_module, "END_WAIT", 0.5)
    monkeypatch.setattr(airlock_module, "STOP_GRACE", 0.5)
    monkeypatch.setattr(reader_module, "END_WAIT", 0.5)


@pytest.fixture
def hasty() -> Iterator[WorkerClient]:
    """A worker whose patience a test cuts short once the sealer is where it should be; nothing of it is left."""
    with closing(Launcher()) as launcher:
        launcher.prepare()
        before = set(family())
        with WorkerClient(launcher, Allowance()) as worker:
            yield worker
        assert all_gone([pid for pid in family() if pid not in before])


def sealer_and_reader(worker: WorkerClient) -> tuple[int, int]:
    sealer = worker._process.pid
    return sealer, reader_of(sealer)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["idle", "sealing", "full pipes", "reading back"])
def test_no_orphan_is_left_when_the_engine_is_killed(state: str, tmp_path: Path) -> None:
    told = subprocess.PIPE
    with subprocess.Popen(command("worker", state, tmp_path), env=environment(), stdout=told, text=True) as engine:
        assert engine.stdout is not None
        workers = [int(pid) for pid in engine.stdout.readline().split()]
        assert workers
        assert not all_gone(workers, 0)
        engine.kill()
    assert all_gone(workers)


def feeding(worker: WorkerClient) -> None:
    for _ in range(100):
        worker.feed(ROWS)


def finishing(worker: WorkerClient) -> None:
    worker.finish()


STEPS: list[Callable[[WorkerClient], None]] = [feeding, finishing]


@pytest.mark.parametrize("step", STEPS)
def test_a_sealer_that_stands_still_is_ended(
    step: Callable[[WorkerClient], None], hasty: WorkerClient, tmp_path: Path
) -> None:
    hasty.begin(order(tmp_path))
    sealer, reader = sealer_and_reader(hasty)
    os.kill(sealer, signal.SIGSTOP)
    hasty._allowance.patience = 0.5
    with pytest.raises(WorkerDied, match="kept the job waiting for a minute and was ended"):
        step(hasty)
    assert all_gone([sealer, reader])


def test_a_sealer_that_stands_still_while_it_reads_back_is_ended(hasty: WorkerClient, tmp_path: Path) -> None:
    hasty.begin(order(tmp_path))
    hasty.feed(ROWS)
    sealer, reader = sealer_and_reader(hasty)
    os.kill(reader, signal.SIGSTOP)
    hasty.finish()
    hasty._allowance.patience = 0.5
    with pytest.raises(WorkerDied, match="kept the job waiting"):
        hasty.verdict(lambda _progress: None)
    assert all_gone([sealer, reader])


@pytest.mark.parametrize("step", STEPS)
def test_a_wish_to_stop_is_heard_beside_a_sealer_that_stands_still(
    step: Callable[[WorkerClient], None], hasty: WorkerClient, tmp_path: Path
) -> None:
    asked = False
    hasty.begin(order(tmp_path), lambda: asked)
    sealer, reader = sealer_and_reader(hasty)
    os.kill(sealer, signal.SIGSTOP)
    asked = True
    with pytest.raises(Interrupted):
        step(hasty)
    hasty.close()
    assert all_gone([sealer, reader])


def test_a_wish_to_stop_lets_a_file_that_is_nearly_done_be_finished(hasty: WorkerClient, tmp_path: Path) -> None:
    hasty._grace = 120.0
    hasty.begin(order(tmp_path), lambda: True)
    hasty.feed(ROWS)
    hasty.finish()
    assert hasty.verdict(lambda _progress: None).inspection.records == 20_000


def test_a_lost_reader_is_trouble_of_the_worker_and_not_of_the_disk(hasty: WorkerClient, tmp_path: Path) -> None:
    hasty.begin(order(tmp_path))
    _, reader = sealer_and_reader(hasty)
    os.kill(reader, signal.SIGKILL)
    hasty.feed(ROWS)
    hasty.finish()
    with pytest.raises(WorkerDied, match="the parsing process ended"):
        hasty.verdict(lambda _progress: None)


def test_a_sealer_out_of_cpu_time_is_told_as_that(hasty: WorkerClient, tmp_path: Path) -> None:
    hasty.begin(order(tmp_path))
    sealer, _ = sealer_and_reader(hasty)
    os.kill(sealer, signal.SIGXCPU)
    with pytest.raises(WorkerDied, match="more CPU time than a file of this size may take"):
        hasty.finish()


def test_a_parser_of_a_template_that_stands_still_is_ended() -> None:
    launcher = Launcher(Service.PARSE)
    launcher.prepare()
    before = set(family())
    with (
        closing(launcher),
        pytest.raises(ParserLost, match="kept the file waiting"),
        started_parser(launcher, EXPECTED, Caps(), Allowance(patience=0.5)) as sink,
    ):
        (reader,) = set(family()) - before
        os.kill(reader, signal.SIGSTOP)
        sink.begin("")
        for _ in range(10):
            sink.feed(ROWS)
        sink.end(whole=True)
    assert all_gone([reader], 0)


def test_the_cpu_limit_grows_with_the_bytes_and_ends_who_exceeds_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        grant = CpuGrant(process.pid, per_mib=2.0, floor=100)
        first, _ = resource.prlimit(process.pid, resource.RLIMIT_CPU)
        grant.give(GRANT_STEP)
        second, _ = resource.prlimit(process.pid, resource.RLIMIT_CPU)
        assert (first, second) == (132, 164)
        CpuGrant(process.pid, per_mib=0.0, floor=1)
        assert process.wait(60) == -signal.SIGXCPU


def test_waiting_is_paid_for_with_bytes() -> None:
    allowance = Allowance(floor=10.0, per_mib=8.0)
    allowance.spend(9.0)
    allowance.earn(1 << 20)
    allowance.spend(8.5)
    with pytest.raises(PeerLate):
        allowance.spend(0.5)


def test_a_reader_process_is_gone_when_its_block_ends() -> None:
    before = set(family())
    with forked_parser(EXPECTED, Caps()):
        assert set(family()) - before
    assert set(family()) - before == set()
