"""Text from outside becomes plain: no control character reaches the terminal, and nothing grows past its place.

Names, details and findings come from providers. They are shown as letters and never as markup: whoever draws them wraps
the result in a rich `Text`, which is not parsed.
"""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

MOST = 4_000
"""Letters of one piece of outside text that are shown at all."""

_SPACES = frozenset({"Zs", "Zl", "Zp"})


def clean(text: str) -> str:
    """Return the text on one line, without control, invisible and direction-changing characters."""
    if len(text) > MOST:
        text = text[:MOST] + "…"
    return text if text.isprintable() else "".join(_letter(letter) for letter in text)


def clip(text: str, width: int) -> str:
    """Return cleaned text that takes at most `width` cells, with an ellipsis where something was cut off."""
    text = clean(text[: 4 * max(width, 0) + 1])
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def _letter(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter in "\t\n\r" or unicodedata.category(letter) in _SPACES else ""
