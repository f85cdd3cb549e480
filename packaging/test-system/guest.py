"""In the guest: the first boot follows the documentation, the second one checks what is promised."""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import checks
import house
from guide import follow

REPORTS = Path("/var/log/test-system")


def set_up() -> None:
    """Install units, vault and key as documented, and start the service, now and at every boot."""
    follow("units")
    passphrase = Path("/root/passphrase")
    passphrase.touch(mode=0o600)
    passphrase.write_text("a passphrase for the test")
    house.ENVIRONMENT["STRONGROOM_PASSPHRASE_FILE"] = str(passphrase)
    follow("vault")
    del house.ENVIRONMENT["STRONGROOM_PASSPHRASE_FILE"]
    house.point_at_sandbox()
    follow("credential", house.KEY)
    follow("start")


class Report:
    """A line for each thing that was looked at."""

    def __init__(self, name: str) -> None:
        REPORTS.mkdir(parents=True, exist_ok=True)
        self._file = (REPORTS / f"{name}.txt").open("w")
        self._passed = REPORTS / f"{name}.passed"
        self._start = time.monotonic()

    def line(self, verdict: str, words: str) -> None:
        """Write one line; nothing of ours goes to the journal, which is searched for secrets."""
        self._file.write(f"{verdict:<5}{time.monotonic() - self._start:6.1f} s  {words}\n")
        self._file.flush()

    def end(self) -> None:
        """Say that all of it passed."""
        self._passed.touch()


def go_through(name: str, steps: list[Callable[[], str | None]]) -> None:
    """Take the steps in order and stop at the first that fails: the later ones stand on it."""
    report = Report(name)
    for step in steps:
        title = (step.__doc__ or step.__name__).splitlines()[0].rstrip(".")
        try:
            found = step()
        except Exception:  # noqa: BLE001 - whatever a check raises is its failure
            report.line("FAIL", f"{title}\n{traceback.format_exc()}")
            journal = house.run("journalctl", "--no-pager", "--boot", "--lines=200")
            report.line("", f"the journal's end:\n{journal}")
            return
        report.line("ok", f"{title}{f': {found}' if found else ''}")
    report.end()


def main() -> None:
    """Set up in the first boot, check in the second."""
    if (REPORTS / "setup.passed").exists():
        go_through("checks", checks.ALL)
    else:
        go_through("setup", [set_up])
    sys.stdout.flush()
    subprocess.run(["systemctl", "--no-block", "poweroff"], check=False)


if __name__ == "__main__":
    main()
