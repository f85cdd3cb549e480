"""The first Ctrl-C and SIGTERM are obeyed within seconds, whatever the program waits for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.cli_home import make_home, sandbox_settings
from strongroom_sandbox.options import TransferOptions
from strongroom_sandbox.server import Sandbox

DEAF = (
    "import os, signal, sys, threading, time\n"
    "from strongroom.engine.worker import lifetime as ending\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # what started the tests may ignore it
    "{prepare}\n"
    "def deaf():\n"
    "    until = time.monotonic() + 30\n"
    "    threading.Timer(0.1, os.kill, (os.getpid(), {number})).start()\n"
    "    while time.monotonic() < until:\n"
    "        try: time.sleep(30)\n"
    "        except KeyboardInterrupt: pass\n"
    "{run}\n"
)
SHORT = "ending.EndingLimit.__init__.__defaults__ = (0.2,)"
GUARDED = "from strongroom.cli.errors import guarded; sys.exit(guarded(deaf))"
STOPPING = "from strongroom.cli.work import Stopping\nwith Stopping(): deaf()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("run", [GUARDED, STOPPING])
def test_work_that_does_not_stop_is_given_up(run: str, number: signal.Signals, environment: dict[str, str]) -> None:
    program = DEAF.format(prepare=SHORT, number=number.value, run=run)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 130
    assert "something under way did not stop in time" in done.stderr


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.settimeout(60)
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_waits_for_a_silent_provider_is_stopped(
    number: signal.Signals, silent_server: socket.socket, environment: dict[str, str], tmp_path: Path
) -> None:
    home = make_home(tmp_path / "home", f"http://127.0.0.1:{silent_server.getsockname()[1]}")
    args = ["export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02"]
    command = [sys.executable, "-m", "strongroom", "--config", str(home.config), *args]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        peer, _ = silent_server.accept()
        with peer:
            assert peer.recv(1)
            began = time.monotonic()
            process.send_signal(number)
            process.communicate(timeout=120)
            assert time.monotonic() - began < 25
        assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_a_run_whose_sealer_stands_still_ends_and_leaves_no_orphan(
    number: signal.Signals, code: int, environment: dict[str, str], tmp_path: Path
) -> None:
    settings = sandbox_settings(pace=0.1, transfer=TransferOptions(rate=1_500))
    args = ["export", "zavu-main", "--from", "2026-11-01", "--to", "2026-11-02"]
    with Sandbox(settings) as sandbox:
        home = make_home(tmp_path / "slow", sandbox.api_url)
        command = [sys.executable, "-m", "strongroom", "--config", str(home.config), *args]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            next(line for line in process.stderr if "downloading" in line)
            workers = _workers(process.pid)
            assert workers
            for worker in workers:
                os.kill(worker, signal.SIGSTOP)
            began = time.monotonic()
            process.send_signal(number)
            process.communicate(timeout=120)
            assert process.returncode == code
        while any(map(_lives, workers)):
            assert time.monotonic() - began < 60
            time.sleep(0.05)
        assert time.monotonic() - began < 60


def _workers(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return children + [each for child in children for each in _workers(child)]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
