"""A state as it is drawn: its symbol and its word, in its color."""

from __future__ import annotations

from rich.text import Text

from strongroom.text.layout import clip
from strongroom.text.states import Mark, plain_mark


def mark_text(mark: Mark, width: int) -> Text:
    """Return symbol and word, cut to a width."""
    return Text(clip(plain_mark(mark), width), mark.style, no_wrap=True)
