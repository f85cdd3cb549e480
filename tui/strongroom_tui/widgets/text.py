"""Text from outside in its place on the screen: cleaned, and never wider than the place.

It is shown as letters and never as markup: whoever draws it wraps the result in a rich `Text`, which is not parsed.

Long lines of a text broken by us, so that what follows stands under its value and not at the margin.

Where a line goes on is read off the line itself: under the word after its last wide gap, as in a column of names and
values, or else where it began. A toolkit that breaks lines by itself goes back to the first column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from strongroom.model.text import clean as clean  # what is drawn goes through it


def clip(text: str, width: int) -> str:
    """Return cleaned text that takes at most `width` cells, with an ellipsis where something was cut off."""
    text = clean(text[: 4 * max(width, 0) + 1])
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


_GAP = re.compile(r"\S( {2,})(?=\S)")


def hang(text: Text, width: int) -> Text:
    """Return the text with no line longer than `width` cells; a width below 1 leaves it alone."""
    if width < 1 or all(cell_len(line) <= width for line in text.plain.split("\n")):
        return text
    return Text("\n").join(part for line in text.split("\n", allow_blank=True) for part in _broken(line, width))


def _broken(line: Text, width: int) -> Iterator[Text]:
    if cell_len(line.plain) <= width:
        yield line
        return
    column = _column(line.plain, width)
    indent = cell_len(line.plain[:column])
    first, start, last = True, 0, len(line.plain)
    while start < last:
        room = width if first else width - indent
        end = _end(line.plain, start, room, column if first else start)
        part = line[start:end]
        part.rstrip()
        yield part if first else Text.assemble(" " * indent, part)
        first, start = False, end + _spaces(line.plain, end)


def _column(words: str, width: int) -> int:
    """Return under which letter a line goes on: never past the middle of the width."""
    columns = [found.end() for found in _GAP.finditer(words[: width // 2 + 1]) if found.end() <= width // 2]
    return columns[-1] if columns else min(_spaces(words, 0), width // 2)


def _end(words: str, start: int, room: int, least: int) -> int:
    """Return where a line that starts there ends: after the last whole word that fits, or within one too long.

    Words before `least` are names, which do not stand on a line without their value.
    """
    fits = start + _letters(words[start:], max(1, room))
    if fits >= len(words) or words[fits] == " ":
        return fits
    space = words.rfind(" ", max(least, start + _spaces(words, start)), fits)
    return space if space > start else max(fits, start + 1)


def _letters(words: str, room: int) -> int:
    """Return how many letters fit into so many cells, one at least."""
    taken = 0
    for count, letter in enumerate(words):
        taken += cell_len(letter)
        if taken > room:
            return max(1, count)
    return len(words)


def _spaces(words: str, start: int) -> int:
    return len(words) - start - len(words[start:].lstrip(" "))
