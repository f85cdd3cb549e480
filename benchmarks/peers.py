"""The other tools, as a person would put them together: whole command lines, each in a folder of its own.

What they need beforehand (a repository, a key, a sealed file) is made before the clock starts. Commands that are
paired with ours and flush nothing by themselves are given `sync FILE` only where their name in the table says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from exports import Export
from measure import Command, Sample, measure

_PASSWORD = "benchmark"


@dataclass(frozen=True, slots=True)
class Shell:
    """One command line for bash: `before` prepares the folder untimed, `timed` is measured."""

    tools: tuple[str, ...]
    timed: str
    before: str = ""

    def missing(self) -> str:
        """Name the tools that are not installed, or nothing."""
        return ", ".join(tool for tool in self.tools if shutil.which(tool) is None)

    def prepare(self, folder: Path, environment: dict[str, str]) -> None:
        """Make what the command needs."""
        if self.before:
            script = f"set -euo pipefail\n{self.before}"
            subprocess.run(
                ["bash", "-c", script], cwd=folder, env={**os.environ, **environment}, check=True, capture_output=True
            )

    def run(self, folder: Path, environment: dict[str, str]) -> Sample:
        """Measure the command in the folder."""
        return measure(Command(("bash", "-c", f"set -euo pipefail\n{self.timed}"), folder, environment))


def environment_for(export: Export, files_url: str, folder: Path) -> dict[str, str]:
    """Return what the command lines refer to."""
    return {
        "URL": f"{files_url}/{export.path.name}",
        "RESTIC_REPOSITORY": str(folder / "restic"),
        "RESTIC_PASSWORD": _PASSWORD,
        "RESTIC_CACHE_DIR": str(folder / "restic-cache"),
        "BORG_REPO": str(folder / "borg"),
        "BORG_PASSPHRASE": _PASSWORD,
        "BORG_BASE_DIR": str(folder / "borg-home"),
    }


_AGE_KEY = "rm -rf * && age-keygen -o key 2>/dev/null && age-keygen -y key > recipient"
_RESTIC_NEW = "rm -rf * && restic -q init"
_BORG_NEW = "rm -rf * && borg init --encryption repokey-blake2"
_FETCH = 'curl -sSf -o export.zip "$URL"'
_SEAL = "age -R recipient -o export.zip.age export.zip"

CHAIN = Shell(
    ("curl", "unzip", "sha256sum", "age"),
    f"{_FETCH}; unzip -tq export.zip; sha256sum export.zip > digest; {_SEAL}",
    _AGE_KEY,
)
PIPE = Shell(("curl", "age"), 'curl -sSf "$URL" | age -R recipient -o export.zip.age; sync export.zip.age', _AGE_KEY)
RESTIC = Shell(("curl", "restic"), f"{_FETCH}; restic -q backup export.zip", _RESTIC_NEW)
BORG = Shell(("curl", "borg"), f"{_FETCH}; borg create ::one export.zip", _BORG_NEW)

_AGE_HELD = f"{_AGE_KEY}; {_FETCH}; sha256sum export.zip > digest; {_SEAL}; rm export.zip"
_RESTIC_HELD = f"{_RESTIC_NEW}; {_FETCH}; restic -q backup export.zip; rm export.zip"
_BORG_HELD = f"{_BORG_NEW}; {_FETCH}; borg create ::one export.zip; rm export.zip"
_OPEN = "rm -f export.zip; age -d -i key -o export.zip export.zip.age"

CHAIN_VERIFY = Shell(CHAIN.tools, f"{_OPEN}; sha256sum -c --quiet digest; unzip -tq export.zip", _AGE_HELD)
RESTIC_VERIFY = Shell(RESTIC.tools, "restic -q check --read-data", _RESTIC_HELD)
BORG_VERIFY = Shell(BORG.tools, "borg check --verify-data", _BORG_HELD)

AGE_RESTORE = Shell(PIPE.tools, f"{_OPEN}; sync export.zip", _AGE_HELD)
RESTIC_RESTORE = Shell(RESTIC.tools, "rm -rf out; restic -q restore latest --target out", _RESTIC_HELD)
BORG_RESTORE = Shell(BORG.tools, "rm -rf out; mkdir out; cd out; borg extract ::one", _BORG_HELD)
