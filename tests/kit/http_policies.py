"""Policies for tests: canary secrets, small bounds, a resolver with names of a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from strongroom.providers.addresses import resolve_by_system
from strongroom.providers.limits import Bounds, Pace, Paths
from strongroom.providers.policy import HttpPolicy

KEY = "canary_key_8f2Qz71"
TOKEN = "canary_token_5hW0x9"
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SMALL = Bounds(connect=60, read=60, call=60, answer=4096, export=1 << 20)
"""Small sizes, and times that no busy machine reaches."""
QUICK = replace(SMALL, read=0.3, pace=Pace(1000, 0.3))
"""The same, but an answer that does not come, or comes too slowly, is given up soon."""


class AheadClock:
    """A monotonic clock that a test can move ahead of the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def names(table: Mapping[str, list[str]]) -> Callable[[str, int], list[str]]:
    """Resolve the names in the table as it says, and nothing else but numbers."""

    def resolve(host: str, port: int) -> list[str]:
        return table[host] if host in table else resolve_by_system(host, port)

    return resolve


def make_policy(
    base_url: str,
    *,
    header: tuple[str, str] = ("Authorization", f"Bearer {KEY}"),
    bounds: Bounds = SMALL,
    paths: Paths | None = None,
    table: Mapping[str, list[str]] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    stop: Callable[[], bool] = lambda: False,
) -> HttpPolicy:
    return HttpPolicy(
        "Zavu",
        base_url,
        lambda: header,
        clock=lambda: NOW,
        bounds=bounds,
        paths=paths,
        resolve=names(table or {}),
        monotonic=monotonic,
        stop=stop,
    )


def fetch(policy: HttpPolicy, link: str, *, authenticated: bool = False) -> bytes:
    """Download the link whole."""
    with policy.open(link, authenticated=authenticated) as opened:
        assert opened.status == 200
        return b"".join(opened.chunks())


class StopAfter:
    """Asks to stop from the n-th question on."""

    def __init__(self, questions: int) -> None:
        self._left = questions

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0
