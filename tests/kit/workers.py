"""What tests of the worker processes share: an order, rows, and who is alive."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from kit.sealed_vault import AT, CSV_SHAPE, DAY, as_csv, message
from strongroom.age.keys import X25519Identity
from strongroom.engine.worker.parse_worker import MEMORY
from strongroom.engine.worker.protocol import SealRequest
from strongroom.model.inspection import Caps, Expectation
from strongroom.model.names import make_id
from strongroom.model.provider import Container

ROWS = as_csv([message(number) for number in range(20_000)])


def order(folder: Path) -> SealRequest:
    """An order for one CSV."""
    archive = make_id(AT, os.urandom)
    return SealRequest(
        archive=archive,
        key_path=str(folder / f"{archive}.key.age"),
        payload_path=str(folder / f"{archive}.age"),
        recipients=(str(X25519Identity.generate(os.urandom).recipient),),
        delivered_name="export.csv",
        expectation=Expectation(DAY, (CSV_SHAPE,), container=Container.CSV),
        caps=Caps(),
    )


def family(pid: int | None = None) -> list[int]:
    """Descendants of a process, this one if none is given, nearest first."""
    tasks = Path(f"/proc/{pid or os.getpid()}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return children + [grandchild for child in children for grandchild in family(child)]


def reader_of(sealer: int, seconds: float = 60.0) -> int:
    """The reader of a sealer, once it has given up what it does not need and so ends with the sealer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for reader in family(sealer):
            if resource.prlimit(reader, resource.RLIMIT_AS)[0] == MEMORY:
                return reader
        time.sleep(0.01)
    raise AssertionError(f"{sealer} has no reader")


def all_gone(pids: list[int], seconds: float = 60.0) -> bool:
    """Whether every process ends in time; one that nobody has waited for yet has ended."""
    until = time.monotonic() + seconds
    while living := [pid for pid in pids if _lives(pid)]:
        if time.monotonic() > until:
            print("still alive:", living)
            return False
        time.sleep(0.02)
    return True


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
