"""A part of a diagnosis that cannot be finished keeps what it found, and says what was not looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from strongroom.engine.health.unfinished import UNFINISHED, unread_words
from strongroom.engine.recovery.trouble import Kind, Trouble

REMEDY = "see which rows the log does not confirm: strongroom audit verify; then: strongroom rebuild"


def keep_found(
    what: str, kind: Kind, files: tuple[str, ...], look: Callable[[], Iterable[Trouble]]
) -> Iterator[Trouble]:
    """Yield what a part of the diagnosis finds, and what keeps it from its end."""
    try:
        yield from look()
    except UNFINISHED as error:
        yield Trouble(kind, f"{what}: {unread_words(error)}", REMEDY, mendable=False, files=files)
