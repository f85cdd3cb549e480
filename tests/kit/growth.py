"""How the time of a reader grows with its input: CPU time, the least of several tries, so that load matters little."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import thread_time
from typing import TypeVar

Input = TypeVar("Input")

TIMES = 8  # the larger input over the smaller one: three doublings
BOUND = 24  # a linear reader comes to 8, one that is quadratic to 64
FLOOR = 0.000_5  # seconds; less is not told apart from noise
TRIES = 3  # measurements of which one must be within the bound: a busy machine only ever adds time
STEPS = 2  # times in a row that growth must be too steep
ENOUGH = 0.012  # seconds that the smaller input should take, so that what is measured is the reader


def seconds(read: Callable[[Input], object], given: Input, repeats: int = 3) -> float:
    """Return the least CPU time of several readings."""
    least = float("inf")
    gc.disable()  # it walks all that is alive, which is not what the reader costs
    try:
        for _ in range(repeats):
            began = thread_time()
            read(given)
            least = min(least, thread_time() - began)
    finally:
        gc.enable()
    return least


def assert_linear(make: Callable[[int], Input], read: Callable[[Input], object], size: int = 1_000) -> None:
    """Fail where eight times the input takes far more than eight times as long, twice in a row.

    The smaller size is doubled until it can be measured; a reader that is too fast even then is linear enough. Once may
    be a step: from there on the input is cut into batches, or no longer fits a cache. What grows faster than its input
    does so again from there.
    """
    while (small := seconds(read, make(size))) < ENOUGH / TIMES and size < 1 << 18:
        size *= 2
    steep = []
    for _ in range(STEPS):
        large = _least_within(read, make(TIMES * size), BOUND * max(small, FLOOR))
        if large <= BOUND * max(small, FLOOR):
            return
        steep.append(f"{size} takes {small:.4f} s, {TIMES * size} takes {large:.4f} s")
        size, small = TIMES * size, large
    raise AssertionError("; ".join(steep))


def _least_within(read: Callable[[Input], object], given: Input, bound: float) -> float:
    """Return the least of several measurements, or the first one that is within the bound."""
    least = float("inf")
    for _ in range(TRIES):
        least = min(least, seconds(read, given, repeats=1))
        if least <= bound:
            break
    return least
