"""What can be asked of Qlara: three kinds of exports, their paths and filters, and what is known of their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from strongroom.model.errors import RequestRefused
from strongroom.model.instants import format_instant
from strongroom.model.provider import Ask
from strongroom.model.stream import DatasetShape, ExportSpec
from strongroom.providers.overlap import overlapping


def _ids(text: str) -> object:
    """Turn "87, lst_1" into a list; numbers stay numbers, as the vendor's examples have both."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return [int(part) if part.isascii() and part.isdecimal() and not part.startswith("0") else part for part in parts]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of export."""

    path: str  # below the base URL
    shape: DatasetShape
    filters: Mapping[str, Callable[[str], object]] = field(default_factory=dict)  # how each is written in a body
    scopes: frozenset[str] = frozenset()  # filters of which at most one may be given, in place of a range of dates
    dated: bool = True


# No columns are documented. These names are those of the vendor's use cases; a file with others is told of and kept.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "contacts": Kind(
            "/exports/contacts",
            DatasetShape("contacts", "", "contactId", ""),
            {"listIds": _ids, "contactIds": _ids},
            frozenset({"listIds", "contactIds"}),
            dated=False,
        ),
        "delivery-reports": Kind(
            "/exports/delivery-reports",
            DatasetShape("delivery-reports", "", "messageId", "sendDate"),
            {"campaignId": str},
            frozenset({"campaignId"}),
        ),
        "message-history": Kind(
            "/messages/history/export",
            DatasetShape("message-history", "", "messageId", "sendDate"),
            {"sender": str, "recipient": str},
        ),
    }
)
"""By our word for the dataset, which is the last part of the documented path where it names one."""


def make_ask(spec: ExportSpec) -> Ask:
    """Translate one window; raises RequestRefused for what Qlara does not export."""
    kind = KINDS.get(spec.datasets[0]) if len(spec.datasets) == 1 else None
    if kind is None:
        words = f"the datasets {', '.join(spec.datasets)} in one file" if spec.datasets else "no datasets"
        raise RequestRefused(f"Qlara cannot export {words}", hint=f"one export is one of {', '.join(KINDS)}")
    names = {name for name, _ in spec.filters}
    if not names <= kind.filters.keys():
        unknown = ", ".join(sorted(names - kind.filters.keys()))
        raise RequestRefused(
            f"Qlara has no filter {unknown} for {kind.shape.name}",
            hint=f"its filters are {', '.join(kind.filters)}",
        )
    if len(names & kind.scopes) > 1:
        raise RequestRefused(f"Qlara takes one of {', '.join(sorted(kind.scopes))} at a time")
    dated = kind.dated and not names & kind.scopes
    lower, upper = overlapping(spec.window) if dated else (None, None)
    return Ask(frozenset(spec.datasets), lower, upper, frozenset(spec.filters))


def write_body(ask: Ask) -> tuple[str, dict[str, object]]:
    """Return the path and the body of the create."""
    (dataset,) = ask.datasets
    kind = KINDS[dataset]
    body: dict[str, object] = {name: kind.filters[name](value) for name, value in sorted(ask.filters)}
    bounds = (("startDateTime", ask.lower), ("endDateTime", ask.upper))
    return kind.path, body | {name: format_instant(instant) for name, instant in bounds if instant is not None}
