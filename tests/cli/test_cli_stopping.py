"""The first Ctrl-C and SIGTERM are obeyed within seconds, whatever the program waits for."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_home import make_home

DEAF = (
    "import os, signal, sys, threading, time\n"
    "from strongroom.engine import ending\n"
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
STOPPING = "from strongroom.cli.stopping import Stopping\nwith Stopping(): deaf()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("run", [GUARDED, STOPPING])
def test_work_that_does_not_stop_is_given_up(run: str, number: signal.Signals, environment: dict[str, str]) -> None:
    program = DEAF.format(prepare=SHORT, number=number.value, run=run)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=25)
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
            process.communicate(timeout=40)
            assert time.monotonic() - began < 10
        assert process.returncode == 130
