"""Ids: 26 characters, sorting by the time they were made, the last two spread evenly (they name the folders).

48 bits of Unix milliseconds and 80 random bits in Crockford's base 32, lower case: the layout of a ULID.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from strongroom.model.instants import Chance, require_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def make_id(at: datetime, chance: Chance) -> str:
    """Return a new id; two of them clash with a chance of 2^-80 within a millisecond."""
    milliseconds = (require_utc(at) - _EPOCH) // timedelta(milliseconds=1) & ((1 << 48) - 1)
    number = milliseconds << 80 | int.from_bytes(chance(10), "big")
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
