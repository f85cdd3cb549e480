"""Processes of the program that are forked from one that has imported everything, instead of started each time.

The first start starts the process that forks, which ends with the tests. Where the start itself matters,
such as who inherits what and who ends with whom, tests take real ones: see `own_templates`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from kit.drivers import command, environment
from strongroom.engine.worker import launcher
from strongroom.engine.worker.protocol import Service

STATUS = struct.Struct("i")
LONGEST = 240.0  # seconds that a process may take


class Child:
    """A forked process, as far as one needs of a `subprocess.Popen`."""

    def __init__(self, process: int, status: int) -> None:
        self.pid = process
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
            code = os.read(self._status, STATUS.size)
            os.close(self._status)
            self.returncode = STATUS.unpack(code)[0] if code else -signal.SIGKILL
        return self.returncode


class Forker:
    """The process that forks. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            line = command("forks", theirs.fileno())
            self._process = subprocess.Popen(
                line, env=environment(), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )

    def start(self, descriptors: list[int], **request: object) -> Child:
        """Fork a child that gets these descriptors, which stay the caller's."""
        status, ended = os.pipe()
        try:
            with self._guard:
                socket.send_fds(self._requests, [json.dumps(request).encode()], [*descriptors, ended])
                (process,) = STATUS.unpack(self._requests.recv(STATUS.size))
        finally:
            os.close(ended)
        return Child(process, status)

    def close(self) -> None:
        self._requests.close()
        self._process.wait()


_forkers: list[Forker] = []


def forker() -> Forker:
    if not _forkers:
        _forkers.append(Forker())
    return _forkers[0]


@pytest.fixture(scope="session", autouse=True)
def _end_forker() -> Iterator[None]:
    yield
    while _forkers:
        _forkers.pop().close()


class SharedTemplate:
    """The template that all launchers of the tests share, so that each need not start one; ends with the tests."""

    _guard = threading.Lock()
    _real: ClassVar[dict[Service, launcher._Template]] = {}

    def __init__(self, service: Service) -> None:
        with self._guard:
            if service not in self._real or not self._real[service].alive:
                self._real[service] = TEMPLATE(service)
            self._template = self._real[service]

    @property
    def alive(self) -> bool:
        return self._template.alive

    def fork(self, descriptors: Sequence[int]) -> launcher.ForkedProcess:
        with self._guard:
            return self._template.fork(descriptors)

    def close(self) -> None:
        pass

    @classmethod
    def close_all(cls) -> None:
        while cls._real:
            cls._real.popitem()[1].close()


TEMPLATE = launcher._Template


@pytest.fixture(scope="session", autouse=True)
def _shared_templates() -> Iterator[None]:
    """Let every engine in this process have its workers from one template."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "_Template", SharedTemplate)
        yield
        SharedTemplate.close_all()


@pytest.fixture
def own_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each launcher start a template of its own, as it does outside tests."""
    monkeypatch.setattr(launcher, "_Template", TEMPLATE)


def run_program(
    args: Iterable[str | Path], env: Mapping[str, str], *, powerless: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own, as `python -m strongroom` does; `powerless` obeys permissions."""
    return _run_module("strongroom.cli.main", args, env, powerless=powerless)


def run_until_killed(driver: str, *args: object) -> int:
    """Run one of `kit.drivers`, which may kill itself; return its status."""
    done = _run_module(f"kit.drivers.{driver}", args, environment())
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def _run_module(
    module: str, args: Iterable[object], env: Mapping[str, str], *, powerless: bool = False
) -> subprocess.CompletedProcess[str]:
    words = [str(each) for each in args]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, Path(os.devnull).open("rb") as nothing:
        files = [file.fileno() for file in (nothing, out, err)]
        child = forker().start(files, module=module, args=words, env=dict(env), powerless=powerless)
        try:
            code = child.wait(LONGEST)
        finally:
            child.kill()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(words, code, *texts)
