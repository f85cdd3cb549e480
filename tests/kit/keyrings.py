"""Keyrings that keep, refuse and fail, and a session with a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

CANARY = "zv_live_c4n4ry0123456789"


ROOT = Path(__file__).parents[2]


class Keeping(KeyringBackend):
    """Keeps passwords in memory."""

    priority = 5
    viable = False  # never chosen by itself

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("No such password!")


class Raising(Keeping):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error


@pytest.fixture(autouse=True)
def same_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def session(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a script on a bus of its own, with nothing of this machine's desktop; skip where there is no service."""
    missing = [name for name in ("dbus-run-session", "gnome-keyring-daemon") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no Secret Service to try: {' and '.join(missing)} not installed")
    runtime = home / "run"
    runtime.mkdir(mode=0o700)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "LANG": "C.UTF-8",
        "COLUMNS": "200",
        "PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(str(ROOT / root) for root in ("agent", "tui", "tests")),
        "SECRET_TEXT": CANARY,
    }
    command = ["dbus-run-session", "--", "bash", "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False, cwd=home)
    if done.returncode == 99:
        pytest.skip("gnome-keyring-daemon does not start on this machine")
    assert CANARY not in done.stdout + done.stderr
    return done
