"""Ids: 26 characters, sorting by the time they were made, the last two spread evenly (they name the folders).

48 bits of Unix milliseconds and 80 random bits in Crockford's base 32, lower case: the layout of a ULID.

Names that a person types, found among those there are: one that means nothing is refused, with the nearest one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from strongroom.model.errors import UsageError
from strongroom.model.times import Chance, require_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def make_id(at: datetime, random_bytes: Chance) -> str:
    """Return a new id; two of them clash with a chance of 2^-80 within a millisecond."""
    milliseconds = (require_utc(at) - _EPOCH) // timedelta(milliseconds=1) & ((1 << 48) - 1)
    number = milliseconds << 80 | int.from_bytes(random_bytes(10), "big")
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def time_of(name: str) -> datetime:
    """Return when an id was made, to the millisecond. Raises ValueError for what is not an id."""
    if len(name) != 26 or name[0] > "7" or not set(name) <= set(_DIGITS):
        raise ValueError(f"{name!r} is not an id")
    number = 0
    for digit in name[:10]:
        number = number << 5 | _DIGITS.index(digit)
    try:
        return _EPOCH + timedelta(milliseconds=number)
    except OverflowError as error:
        raise ValueError(f"{name!r} tells a time beyond the year 9999") from error


@lru_cache(maxsize=4096)  # every archive is compared with every hold
def fold_name(name: str) -> str:
    """Return a name as names are compared: without case, and however its accents are composed (NFC)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def pick_name(noun: str, name: str, names: Iterable[str], where: str) -> str:
    """Return the name among `names` that equals this one, in its own spelling.

    Raises UsageError for a name that is not there, or could be several.
    """
    known = list(dict.fromkeys(filter(None, names)))
    if name in known:
        return name
    same = [each for each in known if fold_name(each) == fold_name(name)]
    if len(same) == 1:
        return same[0]
    if same:
        raise UsageError(f"{name!r} could be any of {', '.join(same)}", hint="spell it exactly")
    raise UsageError(f"there is no {noun} {name!r} in {where}", hint=nearest_words(name, known))


def nearest_words(name: str, known: Iterable[str]) -> str:
    """Return "did you mean …?", or what there is where nothing is near."""
    from difflib import get_close_matches  # only mistakes pay for it

    by_fold = {fold_name(each): each for each in known}
    near = get_close_matches(fold_name(name), list(by_fold), n=1)
    if near:
        return f"did you mean {by_fold[near[0]]!r}?"
    listed = sorted(by_fold.values())
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return f"known: {', '.join(listed[:_SHOWN]) or 'none'}{more}"


_SHOWN = 12
