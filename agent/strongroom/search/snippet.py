"""The part of a record around a hit, as it was delivered, for a line or two on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from strongroom.search.text import fold


class Snippet(NamedTuple):
    """Text before the hit, the hit, and text after it; the hit is empty where no word of the query is in the text."""

    before: str
    hit: str
    after: str


def make_snippet(texts: Iterable[str], words: Iterable[str], length: int) -> Snippet:
    """Return about `length` characters around the first word that one of the texts has, else of the longest text."""
    lines = [re.sub(r"\s+", " ", text).strip() for text in texts]
    for word in words:
        for line in lines:
            found = _find(line, word)
            if found is not None:
                return _around(line, *found, length)
    longest = max(lines, key=len, default="")
    return Snippet(longest if len(longest) <= length else longest[: length - 1] + "…", "", "")


def _find(line: str, word: str) -> tuple[int, int] | None:
    """Return where a folded word begins and ends in the unfolded line: folding may change the length of a character."""
    pieces = [fold(char) for char in line]
    at = "".join(pieces).find(word)
    if at < 0:
        return None
    ends = list(accumulate(map(len, pieces)))
    start = next(place for place, end in enumerate(ends) if end > at)
    end = next(place for place, end in enumerate(ends) if end >= at + len(word))
    return start, end + 1


def _around(line: str, start: int, end: int, length: int) -> Snippet:
    spare = max(0, length - (end - start)) // 2
    before, after = line[max(0, start - spare) : start], line[end : end + spare]
    return Snippet(
        ("…" if start > spare else "") + before, line[start:end], after + ("…" if end + spare < len(line) else "")
    )
