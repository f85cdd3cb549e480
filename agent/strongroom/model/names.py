"""Ids that Strongroom makes, and the names that a stream or a source has had.

What is archived, on hold or destroyed under one name of a stream is so under each of its names.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

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


class Noun(StrEnum):
    """What was given another name."""

    STREAM = "stream"
    SOURCE = "source"


class Renamed(Struct, frozen=True):
    """One stream or source that goes by another name from now on."""

    old: str
    new: str
    noun: Noun = Noun.STREAM


class Renames(Struct, frozen=True):
    """Every rename that the log records, oldest first."""

    made: tuple[Renamed, ...] = ()

    def names_of(self, noun: Noun, name: str) -> tuple[str, ...]:
        """Return a name and every other one that its stream or source has, or had, as a rename connects them."""
        pairs = [(each.old, each.new) for each in self.made if each.noun is noun]
        found, open_ends = [name], [name]
        while open_ends:
            end = fold_name(open_ends.pop())
            near = [new if fold_name(old) == end else old for old, new in pairs if end in map(fold_name, (old, new))]
            fresh = [each for each in dict.fromkeys(near) if each not in found]
            found, open_ends = [*found, *fresh], [*open_ends, *fresh]
        return tuple(found)

    def also(self, noun: Noun, name: str) -> frozenset[str]:
        """Return the other names as they are compared; none for an empty name."""
        return frozenset(map(fold_name, self.names_of(noun, name)[1:])) if name and self.made else frozenset()

    def present(self, noun: Noun, name: str) -> str:
        """Return the name that the stream or source of this name was given last."""
        for each in self.made:
            if each.noun is noun and fold_name(each.old) == fold_name(name):
                name = each.new
        return name


def pair_names(noun: Noun, known: Mapping[str, Hashable], configured: Mapping[str, Hashable]) -> list[Renamed]:
    """Pair names that are known with those that were configured in their place, in the order in which to rename.

    Each is identified by a key: two with the same key are the same. Only one that is not there under its
    name any more can have another, and only where just one other could be meant. Raises UsageError where a name is to
    change its meaning.
    """
    gone = {name: key for name, key in known.items() if configured.get(name) != key}
    fresh = {name: key for name, key in configured.items() if known.get(name) != key}
    pairs = {old: new for old, key in gone.items() if (new := _only(gone, fresh, key)) is not None}
    ordered = list[Renamed]()
    while pairs:
        free = next((old for old, new in pairs.items() if new not in known or new in _olds(ordered)), None)
        if free is None:
            old, new = next(iter(pairs.items()))
            raise UsageError(
                f"{noun} {new} is now what {noun} {old} was, but the vault knows {new} as another {noun}",
                hint=f"give each {noun} back its name; to rename, use a name that no other {noun} had",
            )
        ordered.append(Renamed(free, pairs.pop(free), noun))
    return ordered


def _only(gone: Mapping[str, Hashable], fresh: Mapping[str, Hashable], key: Hashable) -> str | None:
    new = [name for name, each in fresh.items() if each == key]
    return new[0] if len(new) == 1 and sum(each == key for each in gone.values()) == 1 else None


def _olds(ordered: Iterable[Renamed]) -> set[str]:
    return {each.old for each in ordered}
