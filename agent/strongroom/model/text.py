"""Text for people: sizes, counts that agree with their noun, and text from outside made safe to print.

KB is 1000 bytes and KiB is 1024; they are never mixed up.
"""

from __future__ import annotations

import re
import unicodedata

_DECIMAL = {unit: 1000**power for power, unit in enumerate(("B", "KB", "MB", "GB", "TB", "PB"))}
_BINARY = {unit: 1024**power for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB", "PiB"), start=1)}
_UNITS: dict[str, int] = {unit.lower(): length for unit, length in (_DECIMAL | _BINARY).items()}
_FORM = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))? ?([KMGTP]?i?B)", re.ASCII | re.IGNORECASE)
_LARGEST = 2**63 - 1


def parse_size(text: str) -> int:
    """Read `2 GB`, `512 MiB` or `1.5 TB` as bytes, in any case; raise ValueError for anything else.

    The unit must be there, the result must be whole bytes and fit a signed 64-bit number.
    """
    form = _FORM.fullmatch(text)
    if form is None or form[3].lower() not in _UNITS:
        raise ValueError("a size is a number and B, KB, MB, GB, TB, PB or KiB, MiB, GiB, TiB, PiB")
    whole, parts, unit = form[1], form[2] or "", form[3].lower()
    scale: int = 10 ** len(parts)
    size, rest = divmod(int(whole + parts) * _UNITS[unit], scale)
    if rest or size > _LARGEST:
        raise ValueError("a size is a whole number of bytes below 2^63")
    return size


def format_size(size: int) -> str:
    """Write bytes exactly, in the unit with the shortest number, so that parse_size gives them back.

    Raises ValueError for a negative size.
    """
    if size < 0:
        raise ValueError(f"a size is at least 0 bytes, got {size}")
    if size == 0:
        return "0 B"
    exact = [(size // length, unit) for unit, length in (_DECIMAL | _BINARY).items() if size % length == 0]
    number, unit = min(exact)
    return f"{number} {unit}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count and its noun, which agree: 1 gap, 2,000 gaps, 1 entry, 2 entries."""
    return f"{count:,} {noun_of(count, noun, plural)}"


def noun_of(count: int, noun: str, plural: str = "") -> str:
    """Return the noun for so many, without the count."""
    if count == 1:
        return noun
    return plural or (f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s")


def clause(count: int, one: str, many: str) -> str:
    """Return a count with what is said of it, where noun and verb agree: 1 record has no time, 2 records have none."""
    return f"{count:,} {one if count == 1 else many}"


LONGEST = 4_000
"""Characters of one piece of outside text that are shown, where nobody asks for more."""


def clean(text: str, limit: int = LONGEST) -> str:
    """Return the text on one printable line of at most `limit` characters, with an ellipsis where some were left out.

    Control characters, changes of direction, invisible characters and halves of surrogate pairs become escapes such as
    `\\x1b` and `\\u202e`; every kind of space becomes a plain one.
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(map(_shown, shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else char.encode("unicode_escape").decode("ascii")
