"""Looking for a secret where it must not show: in an error and all behind it, and in whatever is logged meanwhile."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


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
        """Keep a record, whatever is in it."""
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
