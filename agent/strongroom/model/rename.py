"""Names that a stream or a source has had: what is kept, held or destroyed under one of them is so under each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from strongroom.model.errors import UsageError
from strongroom.model.ids import fold_name


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

    Each is told by a key, which says what it is: two with one key are the same. Only one that is not there under its
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
