"""Counts with the noun that they count, as a person reads them."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count and its noun, which agree: 1 gap, 2,000 gaps, 1 entry, 2 entries."""
    return f"{count:,} {noun_of(count, noun, plural)}"


def noun_of(count: int, noun: str, plural: str = "") -> str:
    """Return the noun for so many, without the count."""
    if count == 1:
        return noun
    return plural or (f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s")
