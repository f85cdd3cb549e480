"""What must hold between the keys of a manifest that collects records by paging, and of any whole manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from strongroom.config.manifest_checks import check_account, check_manifest
from strongroom.config.manifest_faults import Fault, paging_faults, placeholders_in, where_faulty
from strongroom.config.problem import KeyPath, quote
from strongroom.model.manifest import NO_CREATION, NO_FILE, CollectRequest, ExportObject, Manifest, ObserveRequest
from strongroom.model.manifest_words import Paging

_PLACE = re.compile(r"(?:@|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\s*\|\|\s*(?:@|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*))*")
_NO_EXPORTS = "[collect] replaces exports"


def check_whole(manifest: Manifest, refuse: Callable[[KeyPath, str, str, str], None]) -> None:
    """Note every contradiction in a manifest, whichever way its records come."""
    own = manifest.collect
    for fault in _lacking(manifest) if own is None else _collection(manifest, own):
        refuse(*fault)
    if own is not None:
        check_account(manifest, refuse)
    elif manifest.create is not NO_CREATION and manifest.download is not NO_FILE:
        check_manifest(manifest, refuse)


def _lacking(manifest: Manifest) -> Iterator[Fault]:
    words = "if the provider offers no exports, write [collect] instead of both"
    for name, absent in (("create", manifest.create is NO_CREATION), ("download", manifest.download is NO_FILE)):
        yield from where_faulty((absent, Fault((name,), f"the table [{name}]", "nothing", words)))


def _collection(manifest: Manifest, own: CollectRequest) -> Iterator[Fault]:
    tables: dict[str, tuple[Any, Any]] = {
        "create": (manifest.create, NO_CREATION),
        "download": (manifest.download, NO_FILE),
        "export": (manifest.export, ExportObject()),
        "observe": (manifest.observe, ObserveRequest()),
        "list": (manifest.list, None),
        "renew": (manifest.renew, None),
        "delete": (manifest.delete, None),
    }
    for name, (given, plain) in tables.items():
        yield from where_faulty((given != plain, Fault((name,), f"no [{name}] with [collect]", "one", _NO_EXPORTS)))
    yield from _range(own)
    yield from paging_faults(own, "collect")
    yield from _endless(own)
    if not _PLACE.fullmatch(own.records):
        expected = 'names with dots, "@", or alternatives with ||'
        yield Fault(
            ("collect", "records"),
            expected,
            quote(own.records),
            "records are cut out of the page, so no other expression works",
        )
    yield from _named(manifest)


def _range(own: CollectRequest) -> Iterator[Fault]:
    used = placeholders_in(own.query)
    one = len(used & {"lower", "upper"}) == 1
    hint = "with only one of them, the list has no end on the other side"
    yield from where_faulty(
        (one, Fault(("collect", "query"), "both {lower} and {upper}, or neither", "one of them", hint)),
        (
            placeholders_in(own.path) - {"dataset"},
            Fault(("collect", "path"), "no placeholder but {dataset}", "another"),
        ),
        ("datasets" in used, Fault(("collect", "query"), "{dataset}", "{datasets}", "one request is for one dataset")),
    )


def _endless(own: CollectRequest) -> Iterator[Fault]:
    none, bounded = own.paging is Paging.NONE, bool(placeholders_in(own.query) & {"lower", "upper"})
    hint = "if the records of one second are on two pages, a page of another size is read"
    sized = bounded or (own.size_key and own.paging in (Paging.CURSOR, Paging.OFFSET))
    yield from where_faulty(
        (
            not none and not sized,
            Fault(
                ("collect", "size_key"),
                "a cursor or offset, and a size_key, if there is no range",
                "something else",
                hint,
            ),
        ),
        (
            none,
            Fault(
                ("collect", "paging"),
                "a list with several pages",
                quote(own.paging),
                "a single page leaves out older records",
            ),
        ),
    )


def _named(manifest: Manifest) -> Iterator[Fault]:
    yield from where_faulty((not manifest.datasets, Fault(("datasets",), "at least one dataset", "none")))
    for name, each in manifest.datasets.items():
        for key in ("id", "time"):
            hint = "records are collected by paging only where each has an ID and a time"
            fault = Fault(("datasets", name, key), f"the field with the {key} of a record", "nothing", hint)
            yield from where_faulty((not getattr(each, key), fault))
        for key in ("snapshot", "member", "lacks"):
            fault = Fault(("datasets", name, key), f"no {key} with [collect]", "one", _NO_EXPORTS)
            yield from where_faulty((getattr(each, key), fault))
