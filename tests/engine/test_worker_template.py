"""The template process forks workers that share nothing with the engine, and is replaced when it breaks."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from kit import workers
from kit.workers import ROWS, all_gone, order, reader_of
from strongroom.engine.worker import launcher as launcher_module
from strongroom.engine.worker.client import WorkerClient
from strongroom.engine.worker.launcher import Launcher, WorkerDied
from strongroom.model.archive import Seal

SECRET = "a-key-that-only-the-engine-has"


OTHERS: set[int] = set()
"""Processes that belong to tests before this one."""


def family() -> list[int]:
    """Return the processes of the test, nearest first."""
    return [each for each in workers.family() if each not in OTHERS]


@pytest.fixture
def launcher(own_templates: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    OTHERS.clear()
    OTHERS.update(workers.family())
    monkeypatch.setenv("STRONGROOM_TEST_KEY", SECRET)
    with closing(Launcher()) as launcher:
        yield launcher


def status(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def opened(process: int) -> set[str]:
    links = set()
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # the key file was written meanwhile
            links.add(str(each.readlink()))
    return links


def count_open(process: int | str) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def seal(worker: WorkerClient, folder: Path) -> Seal:
    worker.begin(order(folder))
    worker.feed(ROWS)
    worker.finish()
    return worker.verdict(lambda _progress: None).seal


def test_no_worker_has_anything_of_the_engine_or_of_another_worker(launcher: Launcher, tmp_path: Path) -> None:
    """Environment, memory, descriptors, and limits of the template, two sealing processes and their parsers."""
    with (tmp_path / "open").open("w") as ours, WorkerClient(launcher) as first, WorkerClient(launcher) as second:
        os.set_inheritable(ours.fileno(), True)
        for worker in (first, second):
            worker.begin(order(tmp_path))
            reader_of(worker._process.pid)
        processes = family()
        template = processes[0]
        assert status(template)["Threads"] == "1"
        for process in processes:
            assert status(process)["NoNewPrivs"] == "1"
            assert resource.prlimit(process, resource.RLIMIT_CORE) == (0, 0)
            assert (Path("/proc") / str(process) / "environ").read_bytes() == b"LANG=C.UTF-8\0"
            assert ours.name not in opened(process)
        assert count_open(template) == 3 + 1 + 2 * 2  # socket; pidfd and status of two
        workers = [first._process.pid, second._process.pid]
        shared = opened(workers[0]) & opened(workers[1])
        assert shared == {str(Path(f"/proc/{template}/fd/2").readlink())}


def test_what_two_workers_draw_at_random_differs(launcher: Launcher, tmp_path: Path) -> None:
    """A fork copies the state of every generator; keys come from the kernel."""
    seals = []
    for _ in range(2):
        with WorkerClient(launcher) as worker:
            seals.append(seal(worker, tmp_path))
    first, second = seals
    assert first.digest != second.digest  # the salts differ
    assert first.sealed_sha256 != second.sealed_sha256
    headers = {path.read_bytes()[:200] for path in tmp_path.glob("*.age")}
    assert len(headers) == 4


SPY = """
ssl.RAND_bytes(16)
def service():
    os.write(1, ssl.RAND_bytes(16))
    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)  # PR_GET_DUMPABLE
"""


def test_a_worker_cannot_be_traced_and_has_randomness_of_its_own(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processes of the user cannot read its memory; OpenSSL's generator, used before the fork, starts anew."""
    program = launcher_module._program

    def spying(*known: Any) -> str:
        lines = program(*known).replace(
            "from strongroom.engine.worker.seal_worker import main as service, prepare\nprepare()\n", SPY
        )
        return f"import ctypes, ssl\n{lines}"

    monkeypatch.setattr(launcher_module, "_program", spying)
    drawn = set()
    for _ in range(3):
        with WorkerClient(launcher) as worker:
            drawn.add(os.read(worker._replies, 16))
            assert worker._process.wait(60) == 0
    assert len(drawn) == 3


def test_one_template_serves_all_and_is_replaced_once_it_died(launcher: Launcher, tmp_path: Path) -> None:
    launcher.prepare()
    (template,) = family()
    with WorkerClient(launcher) as worker:
        seal(worker, tmp_path)
        assert family()[0] == template
    with WorkerClient(launcher) as worker:
        worker.begin(order(tmp_path))
        os.kill(template, signal.SIGKILL)
        # It dies with its template, before the rows are written or after.
        with pytest.raises(WorkerDied, match="ended without a reply"):
            worker.feed(ROWS)
            worker.finish()
        assert worker._process.poll() == -signal.SIGKILL
    with WorkerClient(launcher) as worker:
        seal(worker, tmp_path)
        assert template not in family()
    assert len(family()) == 1


def test_a_template_that_does_not_answer_is_replaced(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher.prepare()
    (template,) = family()
    os.kill(template, signal.SIGSTOP)
    real, waits = launcher_module.is_readable, iter([0.1])
    monkeypatch.setattr(launcher_module, "is_readable", lambda fd, seconds: real(fd, next(waits, seconds)))
    monkeypatch.setattr(launcher_module, "END_WAIT", 0.1)
    with WorkerClient(launcher) as worker:
        assert worker.alive
        assert template not in family()


def test_a_template_that_cannot_start_is_an_error_in_words(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher_module, "_program", lambda *_: "raise SystemExit(3)")
    before = count_open("self")
    with pytest.raises(WorkerDied, match=r"the process that starts workers ended \(status 3\)"):
        WorkerClient(launcher)
    assert (family(), count_open("self")) == ([], before)


def test_a_fork_that_the_kernel_refuses_is_an_error_in_words_and_the_template_lives(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = launcher_module._program
    refusing = (
        "import os, errno\ndef refuse(): raise BlockingIOError(errno.EAGAIN, 'no')\nreal, os.fork = os.fork, refuse\n"
    )
    monkeypatch.setattr(launcher_module, "_program", lambda *known: refusing + program(*known))
    for _ in range(2):
        with pytest.raises(WorkerDied, match="could not be started: Resource temporarily unavailable"):
            WorkerClient(launcher)
    assert len(family()) == 1


def test_nothing_is_left_of_workers_that_were_closed(launcher: Launcher, tmp_path: Path) -> None:
    """No zombie, no descriptor, and no growth of the template."""
    sizes, descriptors = [], []
    for _ in range(8):
        with WorkerClient(launcher) as worker:
            seal(worker, tmp_path)
        (template,) = family()
        while count_open(template) > 4:  # the status is reported before its descriptors are closed
            os.sched_yield()
        sizes.append(int(status(template)["VmRSS"].split()[0]))
        descriptors.append(count_open("self"))
    assert len(set(descriptors[1:])) == 1
    assert sizes[-1] - sizes[1] < 256  # kB


def test_an_unused_template_is_ended_and_one_with_a_worker_is_not(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher.prepare()
    (template,) = family()
    launcher.rest()
    assert family() == [template]
    monkeypatch.setattr(launcher_module, "REST", -1.0)
    with WorkerClient(launcher):
        launcher.rest()
        assert template in family()
    launcher.rest()
    assert family() == []


def test_closing_ends_the_template_and_its_workers(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher_module, "END_WAIT", 0.1)
    worker = WorkerClient(launcher)
    processes = family()
    launcher.close()
    assert all_gone(processes)
    worker.close()
    launcher.close()
