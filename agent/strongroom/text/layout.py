"""Text in a given number of terminal cells: how wide it is, cut to fit, or the longest variant that fits."""

from __future__ import annotations

from strongroom.model.text import clean


def cells(text: str) -> int:
    """Return how many cells a terminal gives to clean text."""
    if text.isascii() or text.replace("…", "").isascii():
        return len(text)
    from rich.cells import cell_len  # rich takes longer to import than most commands run

    return cell_len(text)


def clip(text: str, width: int) -> str:
    """Return cleaned text that takes at most `width` cells, with an ellipsis where something was cut off."""
    text = clean(text[: 4 * max(width, 0) + 1])
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    if text.isascii():
        return text[: width - 1].rstrip() + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…"


def first_that_fits(variants: list[str], width: int) -> str:
    """Return the first of these texts that takes at most `width` cells, or else the last one."""
    return next((words for words in variants if cells(words) <= width), variants[-1])


def bar(share: float, length: int) -> str:
    """Draw a share between 0 and 1 as a bar of `length` cells that is full only at the end."""
    done = min(length, max(0, int(share * length)))
    return "█" * done + "░" * (length - done)
