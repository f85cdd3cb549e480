"""Names of columns that a person found in the files of a provider that documents none, taken from a source's options.

For each dataset: DATASET-id-column names a record, DATASET-time-column is held against the window, and DATASET-columns
is the list of all, where another one is drift. An empty name says that there is no such column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from strongroom.model.errors import UsageError
from strongroom.model.stream import DatasetShape

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
