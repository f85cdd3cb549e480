"""Text from outside in its place on the screen: cleaned, and never wider than the place.

It is shown as letters and never as markup: whoever draws it wraps the result in a rich `Text`, which is not parsed.
"""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from strongroom.model.printable import clean as clean  # what is drawn goes through it


def clip(text: str, width: int) -> str:
    """Return cleaned text that takes at most `width` cells, with an ellipsis where something was cut off."""
    text = clean(text[: 4 * max(width, 0) + 1])
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""
