"""Policies for tests: canary secrets, short bounds, a resolver that can be told what names mean."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from strongroom.providers.addresses import resolve_by_system
from strongroom.providers.bounds import Bounds, Paths
from strongroom.providers.policy import HttpPolicy
from strongroom.providers.watch import Pace

KEY = "canary_key_8f2Qz71"
TOKEN = "canary_token_5hW0x9"
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
SHORT = Bounds(connect=0.4, read=0.3, call=0.5, answer=4096, pace=Pace(1000, 0.3), export=1 << 20)


def names(table: Mapping[str, list[str]]) -> Callable[[str, int], list[str]]:
    """Resolve the names in the table as it says, and nothing else but numbers."""

    def resolve(host: str, port: int) -> list[str]:
        return table[host] if host in table else resolve_by_system(host, port)

    return resolve


def make_policy(
    base_url: str,
    *,
    header: tuple[str, str] = ("Authorization", f"Bearer {KEY}"),
    bounds: Bounds = SHORT,
    paths: Paths | None = None,
    table: Mapping[str, list[str]] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
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
    )


def fetch(policy: HttpPolicy, link: str, *, authenticated: bool = False) -> bytes:
    """Download the link whole."""
    with policy.open(link, authenticated=authenticated) as opened:
        assert opened.status == 200
        return b"".join(opened.chunks())


def leaks(error: BaseException, *canaries: str) -> list[str]:
    """Return where a canary shows: text, repr, attributes or tracebacks of the error and all behind it."""
    found, waiting = [], [error]
    while waiting:
        current = waiting.pop()
        texts = {
            "str": str(current),
            "repr": repr(current),
            "vars": repr(vars(current)),
            "traceback": "".join(traceback.format_exception(current)),
        }
        found += [
            f"{type(current).__name__}.{name}" for name, text in texts.items() if any(c in text for c in canaries)
        ]
        waiting += [behind for behind in (current.__cause__, current.__context__) if behind is not None]
    return found


class Tape(logging.Handler):
    """Keeps every record of every logger, at every level."""

    def __init__(self) -> None:
        super().__init__(0)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.name} {record.getMessage()} {record.args!r} {record.__dict__!r}\n"


@contextmanager
def taped() -> Iterator[Tape]:
    """Listen to everything, with every logger that exists turned to DEBUG."""
    tape, root = Tape(), logging.getLogger()
    loggers = [root, *(item for item in logging.Logger.manager.loggerDict.values() if isinstance(item, logging.Logger))]
    levels = [(logger, logger.level) for logger in loggers]
    root.addHandler(tape)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield tape
    finally:
        root.removeHandler(tape)
        for logger, level in levels:
            logger.setLevel(level)


class StopAfter:
    """Asks to stop from the n-th question on."""

    def __init__(self, questions: int) -> None:
        self._left = questions

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0
