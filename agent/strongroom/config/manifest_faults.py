"""A contradiction in a manifest, and what several checks of manifests share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from strongroom.config.manifest_values import PLACEHOLDER
from strongroom.config.problem import KeyPath, quote
from strongroom.model.manifest import CollectRequest, ListRequest
from strongroom.model.manifest_words import Paging


class Fault(NamedTuple):
    """One contradiction."""

    path: KeyPath
    expected: str
    got: str
    hint: str = ""


def where_faulty(*pairs: tuple[object, Fault]) -> Iterator[Fault]:
    """Yield each fault whose condition holds."""
    return (fault for holds, fault in pairs if holds)


def placeholders_in(value: object) -> set[str]:
    """Return the names of the placeholders in a template."""
    if isinstance(value, str):
        return set(PLACEHOLDER.findall(value))
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return set[str]().union(*map(placeholders_in, inner))


_WANTS: Mapping[Paging, tuple[str, ...]] = {
    Paging.NONE: (),
    Paging.CURSOR: ("next", "page_key"),
    Paging.PAGE: ("page_key",),
    Paging.OFFSET: ("page_key", "size_key"),
    Paging.LINK: (),
}


def paging_faults(own: ListRequest | CollectRequest, table: str) -> Iterator[Fault]:
    """Yield what is wrong with how a list leads on."""
    how = f"paging = {quote(own.paging)}"
    for key in _WANTS[own.paging]:
        hint = "without it, every request returns the first page"
        fault = Fault((table, key), f"{key} for {how}", "nothing", hint)
        yield from where_faulty((not getattr(own, key), fault))
    takes = {*_WANTS[own.paging], *(["next"] if own.paging is Paging.LINK else [])}
    for key in ("next", "page_key"):
        fault = Fault((table, key), f"no {key} with {how}", "one")
        yield from where_faulty((getattr(own, key) and key not in takes, fault))
    same = own.page_key and own.page_key == own.size_key
    fault = Fault((table, "size_key"), "two different keys", f"{quote(own.size_key)} for both")
    yield from where_faulty((same, fault))
    for key in filter(None, (own.page_key, own.size_key)):
        yield from where_faulty((key in own.query, Fault((table, "query", key), "no key that paging sets", quote(key))))
