"""Processes of the program that are forked from one that has imported everything, instead of started each time.

The first start of each kind starts the process that forks, which ends with the tests. Where the start itself matters,
such as who inherits what and who ends with whom, tests take real ones: see `spawned_sealers`.
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
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest

from kit.drivers import command, environment
from strongroom.engine.worker import client

STATUS = struct.Struct("i")
LONGEST = 240.0  # seconds that a process may take


class Child:
    """A forked process, as far as one needs of a `subprocess.Popen`."""

    def __init__(self, process: int, status: int) -> None:
        self.pid = process
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
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

    def __init__(self, kind: str) -> None:
        self._guard = threading.Lock()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            line = command("forks", theirs.fileno(), kind)
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


_forkers: dict[str, Forker] = {}


def forker(kind: str) -> Forker:
    if kind not in _forkers:
        _forkers[kind] = Forker(kind)
    return _forkers[kind]


@pytest.fixture(scope="session", autouse=True)
def _end_forkers() -> Iterator[None]:
    yield
    while _forkers:
        _forkers.popitem()[1].close()


def fork_sealer(control: int) -> Child:
    """Start a sealer as `client` does."""
    payload, stdin = os.pipe()
    stdout, replies = os.pipe()
    try:
        child = forker("sealer").start([payload, replies, control])
    finally:
        os.close(payload)
        os.close(replies)
    child.stdin, child.stdout = os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0)
    return child


_SPAWN = client._start


@pytest.fixture(scope="session", autouse=True)
def _forked_sealers(_end_forkers: None) -> Iterator[None]:
    """Let every engine in this process have forked sealers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "_start", fork_sealer)
        yield


@pytest.fixture
def spawned_sealers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sealers be spawned, as they are outside tests."""
    monkeypatch.setattr(client, "_start", _SPAWN)


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
        child = forker("module").start(files, module=module, args=words, env=dict(env), powerless=powerless)
        try:
            code = child.wait(LONGEST)
        finally:
            child.kill()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(words, code, *texts)
