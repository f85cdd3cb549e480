"""Text as it stands on the screen: amounts and times for a person, cleaned, cut to its place, broken where it is long.

Text from outside is shown as letters and never as markup: the caller wraps the result in a rich `Text`, which is
not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from rich.cells import cell_len
from rich.text import Text

from strongroom.model.errors import StrongroomError
from strongroom.model.text import clean as clean
from strongroom.text.layout import first_that_fits
from strongroom.text.times import local, local_day_minute, local_minute

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
        cells = width if first else width - indent
        end = _end(line.plain, start, cells, column if first else start)
        part = line[start:end]
        part.rstrip()
        yield part if first else Text.assemble(" " * indent, part)
        first, start = False, end + _spaces(line.plain, end)


def _column(words: str, width: int) -> int:
    """Return under which letter a line goes on: never past the middle of the width."""
    columns = [found.end() for found in _GAP.finditer(words[: width // 2 + 1]) if found.end() <= width // 2]
    return columns[-1] if columns else min(_spaces(words, 0), width // 2)


def _end(words: str, start: int, cells: int, least: int) -> int:
    """Return where a line that starts there ends: after the last whole word that fits, or within one too long.

    Words before `least` are names, which do not stand on a line without their value.
    """
    fits = start + _letters(words[start:], max(1, cells))
    if fits >= len(words) or words[fits] == " ":
        return fits
    space = words.rfind(" ", max(least, start + _spaces(words, start)), fits)
    return space if space > start else max(fits, start + 1)


def _letters(words: str, cells: int) -> int:
    """Return how many letters fit into so many cells, one at least."""
    taken = 0
    for count, letter in enumerate(words):
        taken += cell_len(letter)
        if taken > cells:
            return max(1, count)
    return len(words)


def _spaces(words: str, start: int) -> int:
    return len(words) - start - len(words[start:].lstrip(" "))


PRESS: Mapping[str, str] = MappingProxyType(
    {
        "restore it without --extract": "restore it as delivered",
        "name a new folder with --output": "do it again and name a new folder",
        "name another folder with --output": "do it again and name another folder",
        "choose another place with --output": "do it again and choose another place",
        "name another file with --output": "do it again and name another file",
        "create it first, or choose another with --output": "create it first, or do it again and choose another",
        "name the file yourself with --output PATH, and run: strongroom verify": (
            "name the file yourself, and verify it: v"
        ),
        "run: strongroom verify, and restore the file from a copy of the vault": (
            "verify it (4, then v), and restore the file from a copy of the vault"
        ),
        "name two archives: strongroom diff A B": "choose one that has an older archive of the same window",
        "to see what is eligible: strongroom retention plan": "what is eligible comes first in Retention: 5",
        "nothing is destroyed early; to see when: strongroom retention plan": (
            "nothing is destroyed early; Retention (5) shows until when it is retained"
        ),
        "see: strongroom destroy list": "see the plans: 5, then u",
        "read it again: strongroom destroy show": "open it again and read it",
        "see: strongroom hold list --all": "see the holds: 5, then l",
        "see: strongroom hold list": "see the holds: 5, then l",
        "name archives with --archives, or a --matter": "name archives by their ids",
        "see: strongroom archives": "see the archives: 4",
        "see: strongroom jobs": "see the jobs: 3",
        "see: strongroom jobs show": "its life: 3, then enter",
        "run: strongroom audit verify": "verify the log: 6, then v",
        "run: strongroom doctor": "see Health: 7",
    }
)
"""From the words of the command line to those of the screen."""


def moment_words(at: datetime, width: int) -> str:
    """Write an instant as exactly as a column has room for."""
    return first_that_fits([local(at), local_day_minute(at), local_minute(at)], width)


def in_keys(words: str) -> str:
    """Return what was told with each piece of advice as it is followed on this screen."""
    for phrase in sorted(PRESS, key=len, reverse=True):
        words = words.replace(phrase, PRESS[phrase]).replace(_sentence(phrase), _sentence(PRESS[phrase]))
    return words


def _sentence(words: str) -> str:
    """Return words with a capital letter, as an error shows its advice."""
    return words[:1].upper() + words[1:]


def error_text(error: StrongroomError) -> str:
    """Return what went wrong, and what to do about it here."""
    return in_keys(error.sentences)
