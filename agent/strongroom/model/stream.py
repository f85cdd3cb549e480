"""A stream is what a plan covers: a source, its datasets and filters. An export spec is one window of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongroom.model.window import Window


@dataclass(frozen=True, slots=True)
class DatasetShape:
    """What is known of one dataset's records, to count, date and watch them for drift; never a schema to enforce."""

    name: str  # the provider's word for the dataset, as requests spell it
    member: str  # the file inside a container that holds it, empty for a bare file
    id_field: str  # the field that names a record, for de-duplication on reading
    time_field: str  # the field that the window is held against
    known: frozenset[str] = frozenset()  # every field seen documented; another one is drift
    always: frozenset[str] = frozenset()  # fields documented as always there; missing in all records is drift
    columns: tuple[str, ...] = ()  # of a CSV: the documented order of its columns; empty where none is documented


@dataclass(frozen=True, slots=True)
class Stream:
    """Source + datasets (+ filters): the unit of coverage."""

    name: str  # unique in a vault; what a person types
    source: str
    datasets: tuple[str, ...]  # exported together, one export job per window
    filters: tuple[tuple[str, str], ...] = ()  # sorted pairs, the provider's own names


@dataclass(frozen=True, slots=True)
class ExportSpec:
    """What one export job asks for; the adapter turns it into the provider's request."""

    datasets: tuple[str, ...]
    window: Window
    filters: tuple[tuple[str, str], ...] = field(default=())
