"""What can be asked of Qlara: three kinds of exports, their paths and filters, and what is known of their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct, field

from strongroom.model.errors import RequestRefused
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.provider import Ask
from strongroom.model.times import format_instant
from strongroom.providers.account import overlapping, read_time


def _ids(text: str) -> object:
    """Turn "87, lst_1" into a list; numbers stay numbers, as the vendor's examples have both."""
    parts = _split(text)
    return [int(part) if part.isascii() and part.isdecimal() and not part.startswith("0") else part for part in parts]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class QlaraExportKind(Struct, frozen=True):
    """One kind of export."""

    path: str  # below the base URL
    shape: DatasetShape
    filters: Mapping[str, Callable[[str], object]] = field(default_factory=dict)  # how each is written in a body
    scopes: frozenset[str] = frozenset()  # filters of which at most one may be given, in place of a range of dates
    dated: bool = True


# No columns are documented. These names are those of the vendor's use cases; a file with others is reported and kept.
KINDS: Mapping[str, QlaraExportKind] = MappingProxyType(
    {
        "contacts": QlaraExportKind(
            "/exports/contacts",
            DatasetShape("contacts", "", "contactId", ""),
            {"listIds": _ids, "contactIds": _ids},
            frozenset({"listIds", "contactIds"}),
            dated=False,
        ),
        "delivery-reports": QlaraExportKind(
            "/exports/delivery-reports",
            DatasetShape("delivery-reports", "", "messageId", "sendDate"),
            {"campaignId": str},
            frozenset({"campaignId"}),
        ),
        "message-history": QlaraExportKind(
            "/messages/history/export",
            DatasetShape("message-history", "", "messageId", "sendDate"),
            {"sender": str, "recipient": str},
        ),
    }
)
"""By our word for the dataset, which is the last part of the documented path where it names one."""

SHAPES: Mapping[str, DatasetShape] = MappingProxyType({name: kind.shape for name, kind in KINDS.items()})
_LISTS = frozenset({"listIds", "contactIds"})
_NESTS = ("filters", "filter", "request", "parameters", "params", "criteria")
_OWN: Mapping[str, str] = MappingProxyType({})


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
    lower, upper = overlapping(spec.window) if is_dated(spec) else (None, None)
    return Ask(frozenset(spec.datasets), lower, upper, frozenset(map(same_filter, spec.filters)))


def is_dated(spec: ExportSpec) -> bool:
    """Say whether the export is of a range of dates; contacts and campaigns are not, whatever the window is."""
    kind = KINDS[spec.datasets[0]]
    return kind.dated and not {name for name, _ in spec.filters} & kind.scopes


def same_filter(pair: tuple[str, str]) -> tuple[str, str]:
    """Return the filter in one spelling, so that a list of ids equals itself however it was written."""
    name, value = pair
    return (name, ",".join(sorted(_split(value)))) if name in _LISTS else pair


def read_ask(dataset: str, entry: Mapping[str, object], names: Mapping[str, str] = _OWN) -> Ask | None:
    """Return the request that an entry of the list repeats; None where it does not repeat a whole one.

    An entry without any filter may be of an export without filters or of a list that shows none: it equals nothing.
    """
    kind = KINDS.get(dataset)
    if kind is None:
        return None
    holders = [entry, *(inner for name in _NESTS if isinstance(inner := entry.get(name), dict))]
    lower, upper = (_first_time(holders, name) for name in ("startDateTime", "endDateTime"))
    given = {name: text for name in kind.filters if (text := _first_filter(holders, names.get(name, name)))}
    scoped = bool(given.keys() & kind.scopes)
    if not scoped and (lower is None or upper is None):
        return None
    filters = frozenset(map(same_filter, given.items()))
    return Ask(frozenset({dataset}), *((None, None) if scoped else (lower, upper)), filters)


def _first_time(holders: Sequence[Mapping[str, object]], name: str) -> datetime | None:
    return next((at for holder in holders if (at := read_time(holder.get(name)))), None)


def _first_filter(holders: Sequence[Mapping[str, object]], name: str) -> str:
    return next((text for holder in holders if (text := _read_filter(holder.get(name)))), "")


def _read_filter(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(each) for each in value if type(each) is int or isinstance(each, str))
    return str(value) if type(value) is int or isinstance(value, str) else ""


def write_body(ask: Ask, names: Mapping[str, str] = _OWN) -> tuple[str, dict[str, object]]:
    """Return the path and the body of the create; `names` are the words for filters whose names are not documented."""
    (dataset,) = ask.datasets
    kind = KINDS[dataset]
    body: dict[str, object] = {names.get(name, name): kind.filters[name](value) for name, value in sorted(ask.filters)}
    bounds = (("startDateTime", ask.lower), ("endDateTime", ask.upper))
    return kind.path, body | {name: format_instant(instant) for name, instant in bounds if instant is not None}
