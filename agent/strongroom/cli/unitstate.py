"""What systemd says of a unit, asked through systemctl; and words for where there is no systemd to ask."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

from strongroom.cli.userunit import NAME

DEADLINE = 10.0  # seconds
_ASKED = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "StatusText",
    "MainPID",
    "NRestarts",
    "Result",
    "StateChangeTimestamp",
)


class NoManager(Exception):
    """There is no systemd that answers. `words` say why, `hint` what to do."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.words, self.hint = words, hint


@dataclass(frozen=True, slots=True)
class UnitState:
    """One unit as systemd sees it, in systemd's own words."""

    load: str  # loaded, not-found, bad-setting…
    active: str  # active, inactive, failed, activating…
    sub: str
    file: str  # enabled, disabled…
    text: str  # what the daemon last said of itself
    pid: int  # 0 where nothing runs
    restarts: int
    result: str  # success, exit-code, watchdog, signal…
    since: str


def ask_systemd(*, user: bool) -> UnitState:
    """Ask for our unit. Raises NoManager."""
    scope = ["--user"] if user else ["--system"]
    program = shutil.which("systemctl")
    if program is None:
        raise NoManager("there is no systemd on this machine", "run `strongroom daemon` under your own supervisor")
    command = [program, *scope, "show", "--no-pager", f"--property={','.join(_ASKED)}", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        raise NoManager("systemctl does not answer", "try: systemctl status") from None
    if done.returncode != 0 or "LoadState=" not in done.stdout:
        raise _silent(user=user)
    return _read(done.stdout)


def _silent(*, user: bool) -> NoManager:
    if user:
        return NoManager(
            "your own systemd does not answer: this session has no user manager or no bus",
            "log in directly rather than by su or sudo, or run: loginctl enable-linger; "
            "a minimal Debian also needs the package dbus-user-session",
        )
    return NoManager("systemd does not run on this machine", "run `strongroom daemon` under your own supervisor")


def _read(text: str) -> UnitState:
    told = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    load, active, sub, file, words, pid, restarts, result, since = (told.get(name, "") for name in _ASKED)
    return UnitState(load, active, sub, file, words, _number(pid), _number(restarts), result, since)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
