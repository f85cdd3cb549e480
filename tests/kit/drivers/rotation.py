"""Rotates a vault in a process of its own and dies by SIGKILL at the given place. Used by test_rotation_kill.py.

usage: python -m kit.drivers.rotation VAULT DIE_AT PLACES_FILE KEYS_FILE

The last holds a secret key and the public keys to rotate to.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.key_files import Rotation, rotate
from strongroom.vault.vault import open_vault


def main() -> None:
    die_at, places, count = int(sys.argv[2]), Path(sys.argv[3]), 0
    secret, *recipients = Path(sys.argv[4]).read_text().split()

    def crash_point(place: str) -> None:
        nonlocal count
        count += 1
        with places.open("a") as file:
            file.write(place + "\n")
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    vault = open_vault(Path(sys.argv[1]))
    by = [X25519Identity.parse(secret)]
    rotate(
        Rotation(
            vault,
            recipients,
            by,
            lambda: datetime(2026, 11, 21, tzinfo=UTC),
            os.urandom,
            crash_point=crash_point,
            batch=2,
        )
    )
    vault.close()


if __name__ == "__main__":
    main()
