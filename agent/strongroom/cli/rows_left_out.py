"""Rows that a list leaves out because they cannot be read: the others are shown, and the command ends with 4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from strongroom.model.errors import StrongroomError, VaultError

LEFT_OUT: ContextVar[dict[str, StrongroomError] | None] = ContextVar("left_out", default=None)
"""What this command has left out so far, by the words that name it."""

MOST = 10
"""Rows that are named; of more only the count is told."""


@contextmanager
def past_unreadable() -> Iterator[None]:
    """Let lists show what can be read; what cannot is told when the command ends. Never for what decides anything."""
    from strongroom.engine.queries.lists import leaving_out

    with leaving_out() as found:
        yield
    so_far = LEFT_OUT.get()
    if so_far is not None:
        so_far.update(found)


def left_out_words(found: dict[str, StrongroomError]) -> VaultError:
    """Return the error that names what was left out."""
    named = list(found)[:MOST]
    more = [f"and {len(found) - MOST} more such rows"] if len(found) > MOST else []
    return VaultError("\n".join([*named, *more]), hint=next(iter(found.values())).hint)
