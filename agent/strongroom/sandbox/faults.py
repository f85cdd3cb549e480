"""Faults: what can go wrong, switched on by the request it should hit.

A fault names its kind, the operation it waits for, and which of the matching requests it hits. A request may meet
several; the first that answers wins, those that bend a transfer or a file are combined. Groups of kinds:

- *answers* (any operation, before or after the work is done): ANSWER, HANG, RESET
- *jobs* (create, renew): how the export goes, and what is announced of its file
- *lists* (list): LIST_GROWS, LIST_SHUFFLED, EMPTY_PAGE, ENDLESS_LIST
- *bodies of answers* (create, get, list, link, renew): ZERO_TIMES, RAW_LINK, FOREIGN_LINK
- *transfers* (download): CUT, FLIP, REDIRECT, NEW_ETAG, WRONG_RANGE, GZIP, CODED, LABEL, MEDIA_TYPE; REDIRECT also
  where a link is handed out
- *files* (create, renew: the file is bad for good; download: this copy of it is): all others
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from strongroom.sandbox.codings import check_coding
from strongroom.sandbox.faultkinds import (
    ANSWER_BODIES,
    ANSWERS,
    CSV_FILES,
    FILES,
    JOBS,
    LISTS,
    TRANSFERS,
    ZIP_FILES,
    BodyShape,
    FaultKind,
    Length,
    WaitHint,
)
from strongroom.sandbox.recorder import Operation, Provider

__all__ = [
    "ANSWERS",
    "ANSWER_BODIES",
    "CSV_FILES",
    "FILES",
    "JOBS",
    "LISTS",
    "TRANSFERS",
    "ZIP_FILES",
    "BodyShape",
    "Fault",
    "FaultBook",
    "FaultKind",
    "Length",
    "WaitHint",
    "first",
    "only",
    "read_fault",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to go wrong. Fields that a kind does not name above are ignored by it."""

    kind: FaultKind
    on: Operation | None = (
        None  # None: create for jobs and files, list for lists, get for bodies, download for transfers
    )
    nth: int = 1  # the first matching request it hits, from 1
    times: int | None = 1  # how many it hits; None: all from there on
    probability: float = 1.0  # of hitting each of them, decided by `seed`
    seed: int = 0
    job: str = ""  # only requests that name this export; empty: any
    provider: Provider | None = None  # only requests to it, or to storage for it; None: any
    after: bool = False  # ANSWER, HANG, RESET: the work is done first, only the answer is lost
    status: int = 503
    code: str = ""  # the provider's error code; empty: the usual one for the status
    body: BodyShape = BodyShape.NATIVE
    hint: WaitHint = WaitHint.NONE
    wait: int = 30  # seconds, what the hint says
    seconds: float = 30.0  # HANG: real time; jobs: on the sandbox's clock
    message: str = "The export could not be generated"
    at: int = 0  # byte offset, counted in the whole file
    by: int = 1024
    count: int = 1
    length: Length = Length.TRUE
    reset: bool = False
    hops: int = 1
    to: str = ""
    across: bool = False
    member: str = ""  # file name inside the ZIP; empty: the first dataset's
    name: str = ""

    def __post_init__(self) -> None:
        if self.on is None:
            object.__setattr__(self, "on", _usual_operation(self.kind))
        allowed = _operations(self.kind)
        if self.on not in allowed:
            raise ValueError(f"{self.kind} happens on {', '.join(sorted(allowed))}, not on {self.on}")
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError("nth and times count from 1")
        if self.kind is FaultKind.CODED:
            check_coding(self.name)
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"a probability lies between 0 and 1, got {self.probability}")


def _usual_operation(kind: FaultKind) -> Operation | None:
    if kind in ANSWERS:
        raise ValueError(f"{kind} can happen anywhere: say on which operation")
    if kind in LISTS:
        return Operation.LIST
    if kind in ANSWER_BODIES:
        return Operation.GET
    return Operation.DOWNLOAD if kind in TRANSFERS else Operation.CREATE


def _operations(kind: FaultKind) -> frozenset[Operation]:
    if kind in ANSWERS:
        return frozenset(Operation)
    if kind in LISTS:
        return frozenset({Operation.LIST})
    if kind in ANSWER_BODIES:
        return frozenset({Operation.CREATE, Operation.GET, Operation.LIST, Operation.LINK, Operation.RENEW})
    if kind in TRANSFERS:
        also = {Operation.LINK} if kind is FaultKind.REDIRECT else set()
        return frozenset({Operation.DOWNLOAD, *also})
    also = set() if kind in JOBS else {Operation.DOWNLOAD}
    return frozenset({Operation.CREATE, Operation.RENEW, *also})


def read_fault(data: Any) -> Fault:
    """Make a fault of decoded JSON; raise ValueError that names an unknown field, kind or a wrong type."""
    if isinstance(data, dict) and (unknown := set(data) - {*Fault.__dataclass_fields__}):
        raise ValueError(f"a fault has no field {', '.join(sorted(map(str, unknown)))}")
    return msgspec.convert(data, Fault)


@dataclass(slots=True)
class _Standing:
    fault: Fault
    chance: random.Random
    seen: int = 0
    hits: int = 0


class FaultBook:
    """The faults that are switched on. Safe to use from any thread."""

    def __init__(self) -> None:
        self._standing: dict[int, _Standing] = {}
        self._added = 0
        self._lock = threading.Lock()

    def add(self, fault: Fault | str, **settings: Any) -> int:
        """Switch a fault on, given whole or as its kind and fields; return its number. Raises ValueError."""
        made = replace(fault, **settings) if isinstance(fault, Fault) else read_fault({"kind": fault, **settings})
        with self._lock:
            self._added += 1
            self._standing[self._added] = _Standing(made, random.Random(made.seed))  # noqa: S311  (repeatable on purpose)
            return self._added

    def remove(self, number: int) -> None:
        """Switch one fault off; unknown numbers are ignored."""
        with self._lock:
            self._standing.pop(number, None)

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._standing.clear()

    def hits(self, number: int) -> int:
        """Return how many requests this fault has hit; 0 once it is removed."""
        with self._lock:
            standing = self._standing.get(number)
            return standing.hits if standing else 0

    def standing(self) -> dict[int, Fault]:
        """Return all faults that are switched on, spent ones included, by number."""
        with self._lock:
            return {number: standing.fault for number, standing in self._standing.items()}

    def take(self, operation: Operation, job: str = "", provider: Provider | None = None) -> tuple[Fault, ...]:
        """Return the faults that hit this request, in the order they were added, and count it."""
        with self._lock:
            return tuple(s.fault for s in self._standing.values() if _strikes(s, operation, job, provider))


def _strikes(standing: _Standing, operation: Operation, job: str, provider: Provider | None) -> bool:
    fault = standing.fault
    if fault.on is not operation or (fault.job and fault.job != job):
        return False
    if fault.provider is not None and fault.provider is not provider:
        return False
    standing.seen += 1
    if standing.seen < fault.nth or (fault.times is not None and standing.hits >= fault.times):
        return False
    if standing.chance.random() >= fault.probability:
        return False
    standing.hits += 1
    return True


def only(faults: Iterable[Fault], kinds: frozenset[FaultKind]) -> tuple[Fault, ...]:
    """Return the faults of these kinds, in order."""
    return tuple(fault for fault in faults if fault.kind in kinds)


def first(faults: Iterable[Fault], kind: FaultKind) -> Fault | None:
    """Return the first fault of this kind, or None."""
    return next((fault for fault in faults if fault.kind is kind), None)
