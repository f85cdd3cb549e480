"""The odd downloads and answers of the contract, as faults of the sandbox."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from strongroom.providers.limits import Bounds
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.recorder import Operation
from strongroom_sandbox.server import Sandbox

PAGES, WALK = 45, 40.0  # of a list, in the worlds
EMPTY = InjectedFault(FaultKind.NO_RECORDS)
"""Of an export that counts on the list alone: its file takes no time to build."""


BOUNDS = Bounds(read=60, call=60, pages=PAGES, walk=WALK)
"""A list without end reaches them soon, and a busy machine does not."""


class Ticking:
    """A monotonic clock that each request moves on, where a test says so, and that runs ahead of what hangs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.step = 0.0  # seconds for each request
        self.hangs: Callable[[], bool] = lambda: False

    def __call__(self) -> float:
        return time.monotonic() + self.step * len(self._sandbox.requests) + 1000 * self.hangs()


class Spoiled(Protocol):
    """What of a world is needed to make its creates fail."""

    sandbox: Sandbox
    ticking: Ticking

    def creates(self) -> int: ...
    def exports(self) -> int: ...


def spoil_create(world: Spoiled, how: str) -> None:
    """Make the next create go wrong. One that hangs is given up as soon as it is certain that it arrived."""
    word, after = how.split()[0], how.endswith("after")
    kind = {"reset": FaultKind.RESET, "hang": FaultKind.HANG}.get(word, FaultKind.ANSWER)
    status = int(word) if word.isdecimal() else 503
    if kind is FaultKind.HANG:
        done = world.exports if after else world.creates
        before = done()
        world.ticking.hangs = lambda: done() > before
    world.sandbox.faults.add(InjectedFault(kind, Operation.CREATE, after=after, status=status, seconds=60))


def odd_download(sandbox: Sandbox, how: str) -> None:
    """Bend every further download, and nothing else."""
    label, _, name = how.partition("label ")
    sandbox.faults.clear()
    if how.startswith("coded"):
        _always(sandbox, InjectedFault(FaultKind.CODED, count=2 if how.endswith("members") else 1))
    if how == "coded and cut":
        sandbox.faults.add(InjectedFault(FaultKind.CUT, at=100))
    if name or how == "empty label" or how.endswith("without label"):
        _always(sandbox, InjectedFault(FaultKind.LABEL, name="none" if how.endswith("without label") else name))
    if "type" in how:
        kinds = {"type of a web page": "text/html; charset=utf-8", "type of a document": "application/xml"}
        _always(sandbox, InjectedFault(FaultKind.MEDIA_TYPE, name=kinds.get(how, "")))
    assert label or name


def odd_answers(sandbox: Sandbox, clock: Ticking, how: str, link: Operation, shown: Operation) -> None:
    """Bend every further answer: where a link is asked for, and where an export is shown."""
    kinds = {
        "zero times": InjectedFault(FaultKind.ZERO_TIMES, shown),
        "raw link": InjectedFault(FaultKind.RAW_LINK, link),
        "foreign link": InjectedFault(FaultKind.FOREIGN_LINK, link),
        "empty page": InjectedFault(FaultKind.EMPTY_PAGE),
        "endless list": InjectedFault(FaultKind.ENDLESS_LIST),
        "slow endless list": InjectedFault(FaultKind.ENDLESS_LIST),
    }
    clock.step = 1.0 if how.startswith("slow") else 0.0
    _always(sandbox, kinds[how])


def _always(sandbox: Sandbox, fault: InjectedFault) -> None:
    sandbox.faults.add(fault, times=None)
