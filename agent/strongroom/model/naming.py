"""Names that a person types, found among those there are: one that means nothing is refused, with the nearest one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from strongroom.model.errors import UsageError


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
