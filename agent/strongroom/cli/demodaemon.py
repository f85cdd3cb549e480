"""The demo's last act: a daemon is killed in the middle of an export, started again, and goes on where it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.engine.assembly import open_reading
from strongroom.engine.readings import list_jobs
from strongroom.model.job import Job, State

STREAM = "account"
PATIENCE = 45.0  # seconds for one stage
_TOLD = (State.WAITING, State.READY, State.FETCHING, State.SEALED)


def kill_and_catch_up(config: Path) -> tuple[bool, str]:
    """Start a daemon, kill it while the provider prepares an export, start it again; say whether all went well."""
    first = _start(config)
    job = _wait(config, _TOLD)
    first.send_signal(signal.SIGKILL)
    first.wait()
    if job is None:
        return False, "the daemon did not ask for an export in time"
    second = _start(config)
    done = _wait(config, (State.ARCHIVED,))
    second.send_signal(signal.SIGTERM)
    left = second.wait(timeout=15)
    if done is None or done.id != job.id or left:
        return False, "the second daemon did not bring the export to its end in time"
    return True, (
        f"killed with SIGKILL while export {job.ref} was under way, started again: the same job, the same export, "
        "one archive; stopped with SIGTERM"
    )


def _start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "strongroom", "--config", str(config), "daemon"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _wait(config: Path, states: tuple[State, ...]) -> Job | None:
    """Look into the catalogue until the stream's job has come to one of these states."""
    deadline = time.monotonic() + PATIENCE
    with open_reading(load_config(config)) as vault:
        while time.monotonic() < deadline:
            for job in list_jobs(vault, stream=STREAM):
                if job.state in states:
                    return job
            time.sleep(0.1)
    return None
