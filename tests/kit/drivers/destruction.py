"""Carries out destructions in a process of its own and dies by SIGKILL at the given place. For test_destroy_kill.py.

usage: python -m kit.drivers.destruction VAULT DIE_AT PLACES_FILE NOW
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from threading import Lock

from kit.destruction import DUE, SIGNER
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import carry_out
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault


class Reaper:
    """Kills this process at the n-th place that any thread of the work tells of; writes each place down first."""

    def __init__(self, die_at: int, places: Path) -> None:
        self.die_at, self.places, self.count, self._guard = die_at, places, 0, Lock()

    def __call__(self, place: str) -> None:
        with self._guard:
            self.count += 1
            with self.places.open("a") as file:
                file.write(place + "\n")
            if self.count == self.die_at:
                os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    vault, reaper = open_vault(Path(sys.argv[1])), Reaper(int(sys.argv[2]), Path(sys.argv[3]))
    now = datetime.fromisoformat(sys.argv[4])
    with hold(vault.layout.lock, "destruction driver"):
        vault.write_log()
        carry_out(
            DestructionContext(
                vault,
                lambda: now,
                os.urandom,
                signer=lambda: SIGNER,
                judge=lambda _vault, _archive, _at: DUE,
                crash_point=reaper,
            )
        )
    vault.close()


if __name__ == "__main__":
    main()
