"""What a person accepts of a source's files that is refused otherwise: the source's option `accept`.

Names of columns that a person found in the files of a provider that documents none, taken from a source's options.

For each dataset: DATASET-id-column names a record, DATASET-time-column is held against the window, and DATASET-columns
is the list of all, where another one is drift. An empty name says that there is no such column.

Windows for providers that do not say whether the ends of a range belong to it.

A little more is asked for than is needed: from a whole second before the window to the first whole second at or behind
its end. Whichever ends the provider counts in, and even if it reads no fractions of seconds, no instant of the window
is missed; neighbours share some records, which are told apart by their ids on reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec.structs import replace

from strongroom.model.errors import UsageError
from strongroom.model.plan import DatasetShape
from strongroom.model.window import Window

ACCEPT = "accept"
CSV_CODES = ("csv-unterminated", "csv-empty", "csv-no-header")
"""Ways in which a CSV may look as if it was cut short, though this provider writes all its files so."""
ZIP_CODES = ("metadata-missing", "member-missing", "metadata-mismatch")
"""What a ZIP of Zavu's may lack: metadata.json, the file of a dataset without records, and counts that agree."""


def read_accepts(label: str, options: Mapping[str, str], codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes of faults that the option names. Raises UsageError for one that cannot be accepted."""
    named = sorted({word.strip() for word in options.get(ACCEPT, "").split(",")} - {""})
    unknown = [word for word in named if word not in codes]
    if unknown:
        raise UsageError(f"{label} cannot accept {', '.join(unknown)}", hint=f"it can accept {', '.join(codes)}")
    return tuple(named)


_SUFFIXES = ("-id-column", "-time-column", "-columns")


def name_columns(
    label: str, shapes: Mapping[str, DatasetShape], options: Mapping[str, str], others: tuple[str, ...] = ()
) -> Mapping[str, DatasetShape]:
    """Return the shapes with the columns that the options name; `others` are the provider's own options.

    Raises UsageError for an option that means nothing.
    """
    known = {f"{name}{suffix}" for name in shapes for suffix in _SUFFIXES}
    unknown = sorted(options.keys() - known - set(others))
    if unknown:
        hint = f"it has {', '.join([*others, *(f'DATASET{suffix}' for suffix in _SUFFIXES)])}"
        raise UsageError(f"{label} has no option {', '.join(unknown)}", hint=f"{hint} for {', '.join(shapes)}")
    return MappingProxyType({name: _named(shape, options) for name, shape in shapes.items()})


def _named(shape: DatasetShape, options: Mapping[str, str]) -> DatasetShape:
    identity, time, listed = (options.get(f"{shape.name}{suffix}") for suffix in _SUFFIXES)
    known = frozenset(filter(None, map(str.strip, (listed or "").split(","))))
    return replace(
        shape,
        id_field=shape.id_field if identity is None else identity,
        time_field=shape.time_field if time is None else time,
        known=known or shape.known,
    )


OVERLAP = timedelta(seconds=2)
"""How far beyond the window, on either side, a delivered record may lie because of it."""
_SECOND = timedelta(seconds=1)


def overlapping(window: Window) -> tuple[datetime, datetime]:
    """Return the bounds to ask for, in whole seconds, which survive being repeated without fractions."""
    lower = window.start.replace(microsecond=0) - _SECOND
    upper = window.end.replace(microsecond=0)
    return lower, upper if upper == window.end else upper + _SECOND
