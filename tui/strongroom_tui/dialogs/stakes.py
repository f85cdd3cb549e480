"""What is at stake in an action, in the order in which a person decides: what, how much, which period, what then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from strongroom.model.archive import Archive
from strongroom.model.window import Window
from strongroom.text.times import window_words
from strongroom.text.units import number, size

_LABEL = 8  # cells of a label and the space after it
_WINDOW, _DAY = 40, 11  # cells of a window, and of its first day alone


def stakes(*facts: tuple[str, str]) -> str:
    """Return facts as lines, each beginning with its label; one without words is left out."""
    wide = max(_LABEL, *(len(label) for label, words in facts if words))
    return "\n".join(f"{label:<{wide}}  {words}" for label, words in facts if words)


def amount_of(archives: Sequence[Archive]) -> str:
    """Say how much some archives are: how many, their records, and their size as delivered."""
    records = sum(each.inspection.records for each in archives)
    return how_much(len(archives), records, sum(each.seal.size for each in archives))


def how_much(archives: int, records: int, delivered: int) -> str:
    """Say how much is meant; `delivered` is in bytes."""
    return f"{number(archives, 'archive')} · {number(records, 'record')} · {size(delivered)} as delivered"


def period_of(windows: Iterable[Window]) -> str:
    """Say which period some windows lie in: the one window, or the first and the last."""
    ordered = sorted(windows)
    if not ordered:
        return ""
    if len(set(ordered)) == 1:
        return window_words(ordered[0], _WINDOW)
    return f"{window_words(ordered[0], _DAY)} … {window_words(ordered[-1], _DAY)}"
