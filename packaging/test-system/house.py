"""Hands and eyes of the checks. Only the standard library: this runs on the guest's own Python."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

PORT = 8790
KEY = "zv_live_canarykeyofthetest"
SECRETS = (KEY, "canarylinkofthetest", "canary-text-of-the-test", "AGE-SECRET-KEY-1", "a passphrase for the test")
CONFIG = Path("/etc/strongroom/config.toml")
PROGRAM = "/opt/strongroom/bin/strongroom"
UNIT = "strongroom.service"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "COLUMNS": "200"}

T = TypeVar("T")


class Unmet(AssertionError):
    """Something is not as it was promised."""


def promise(kept: object, words: str) -> None:
    """Raise Unmet where a promise is not kept."""
    if not kept:
        raise Unmet(words)


def run(*command: str, text: str = "", codes: tuple[int, ...] = (0,)) -> str:
    """Run a command; return what it wrote to standard output. Raises Unmet where it left with another code."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False
    )
    if done.returncode not in codes:
        raise Unmet(f"{' '.join(command)} left with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def wait_for(words: str, look: Callable[[], T | None], seconds: float = 120) -> T:
    """Look again and again until there is something; return it. Raises Unmet when the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.2)
    raise Unmet(f"waited {seconds} s for this: {words}")


def point_at_sandbox(config: Path = CONFIG, days: int = 6) -> None:
    """Let a configuration speak with the sandbox, from so many days ago on, an account with a roomy quota."""
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86_400))
    lines = []
    for line in config.read_text().splitlines():
        lines.append(f"since = {since}" if line.startswith("since = ") else line)
        if line.startswith("api_key = "):
            lines += [f'base_url = "http://127.0.0.1:{PORT}"', "allow_private_addresses = true"]
            lines += ["[source.limits]", "per_hour = 60"]
    config.write_text("\n".join(lines) + "\n")


def shown(unit: str = UNIT) -> dict[str, str]:
    """Return all that systemd says of a unit."""
    return dict(line.partition("=")[::2] for line in run("systemctl", "show", unit).splitlines())


def state() -> str:
    """Return active, failed and the like."""
    return shown()["ActiveState"]


def journal(unit: str = UNIT) -> str:
    """Return what a unit wrote since the machine started, systemd's own lines about it included."""
    return run("journalctl", "--no-pager", "--boot", "--output=cat", f"--unit={unit}")


def strongroom(*arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run the program as its user."""
    return run("runuser", "-u", "strongroom", "--", PROGRAM, "--config", str(CONFIG), *arguments, codes=codes)


def told(*arguments: str) -> Any:
    """Run the program as its user and read its JSON. It exits with 1 where it reports that something is wrong."""
    return json.loads(strongroom(*arguments, "--json", codes=(0, 1)))


def listed(*arguments: str) -> list[dict[str, Any]]:
    """Return the entries of a document of the program that is a list, or holds one."""
    document = told(*arguments)
    if isinstance(document, list):
        return document
    return next(value for value in document.values() if isinstance(value, list))


def sandbox(path: str, body: object = None, method: str = "GET") -> Any:
    """Ask the sandbox's own endpoints."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"http://127.0.0.1:{PORT}/_sandbox/{path}", data, method=method)
    asked.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own address above
        return json.load(answer)


def answers() -> bool:
    """Say whether the sandbox is up."""
    try:
        sandbox("clock")
    except OSError:
        return False
    return True


def main_pid() -> int:
    """Return the daemon's process."""
    return int(shown()["MainPID"])


def restarts() -> int:
    """Return how often systemd has started it anew by itself."""
    return int(shown()["NRestarts"])


def kill(number: int) -> None:
    """Send the daemon a signal."""
    os.kill(main_pid(), number)
