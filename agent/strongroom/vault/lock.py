"""One writer of work per vault: a lock held for the life of the process, with the holder's name inside."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from strongroom.model.errors import VaultLocked
from strongroom.vault.durable import in_words, write_all
from strongroom.vault.files import NEVER_OURS, open_descriptor, read_file

_LONGEST = 4_096  # bytes that a holder says of itself
_LOOKERS = 10_000
"""How often taking the lock makes way for somebody who only looks at it."""


@contextmanager
def hold(path: Path, holder: str) -> Iterator[None]:
    """Hold the lock, or raise VaultLocked naming who has it. The kernel lets go when the process ends, however it ends.

    `holder` says who we are, such as "strongroom run --once".
    """
    try:
        fd = open_descriptor(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise in_words(error) from error
    try:
        try:
            _take(fd)
        except BlockingIOError:
            raise VaultLocked(
                f"this vault is in use by {describe_holder(path)}", hint="wait for it to end, or stop it first"
            ) from None
        os.ftruncate(fd, 0)
        write_all(fd, json.dumps({"pid": os.getpid(), "holder": holder}).encode())
        yield
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def _take(fd: int) -> None:
    """Take the lock. Raises BlockingIOError when somebody works in the vault.

    Whoever asks `is_held` shares the lock for a moment: where it can be shared it is not held, and is tried again.
    """
    for _ in range(_LOOKERS):
        with suppress(BlockingIOError):
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.sched_yield()
    return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def describe_holder(path: Path) -> str:
    """Name the process in the lock file."""
    try:
        owner = json.loads(read_file(path, _LONGEST))
        return f"{owner['holder']} (process {int(owner['pid'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def holder_process(path: Path) -> int | None:
    """Return the id of the process in the lock file, or None where it names none."""
    try:
        return int(json.loads(read_file(path, _LONGEST))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(path: Path) -> bool:
    """Say whether some process holds the lock now."""
    try:
        fd = open_descriptor(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.strerror in NEVER_OURS:
            return False  # nobody can hold that, and taking it is refused
        raise in_words(error, "read") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)
