"""Watch the fields of the records for drift: new names, names that are gone, names given twice.

Listing every name of every record makes the whole reading about 2.7 times slower, the choice below about 3 %.
What is looked at:

- whether each field documented as always there was seen: exactly, over all records;
- unknown and repeated names: every record of the first batch; after it one record in 64, the last of each batch, and
  every record whose *number* of fields was not seen before (the number itself is read for every record).

So a field that is added anywhere is found when it changes the number of fields to one never seen, and otherwise when
it comes in more than a few records. What can be missed is one name exchanged for another in a handful of records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from strongroom.formats.faults import FindingLog, printable
from strongroom.model.inspection import Severity
from strongroom.model.stream import DatasetShape

SAMPLE = 64
_COUNTS_KEPT = 1_000


class FieldWatch:
    """Collects the drift of one member."""

    def __init__(self, shape: DatasetShape, max_fields: int) -> None:
        self._known = shape.known | shape.always
        self._judges_unknown = bool(shape.known)  # where nothing is documented, nothing is new
        self._missing = set(shape.always)
        self._max_fields = max_fields
        self._unknown: dict[str, None] = {}  # in the order of appearance
        self._crowded = False
        self._repeated = 0
        self._counts: set[int] = set()
        self._records = 0

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names that are not documented, printable, in the order of appearance, at most `max_fields`."""
        return tuple(self._unknown)

    @property
    def vanished(self) -> tuple[str, ...]:
        """Names documented as always there that no record has; empty where there are no records."""
        return tuple(sorted(printable(name) for name in self._missing)) if self._records else ()

    def see(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Look at one batch of records, at least one."""
        for record in records:
            if not self._missing:
                break
            self._missing.difference_update(record)
        self._look_at(self._choose(records))
        self._records += len(records)

    def _choose(self, records: Sequence[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        counts = set(map(len, records))
        fresh = counts - self._counts
        if len(self._counts) < _COUNTS_KEPT:
            self._counts |= fresh
        if not self._records:
            return records
        chosen = [*records[::SAMPLE], records[-1]]
        if fresh:
            chosen += [record for record in records if len(record) in fresh]
        return chosen

    def _look_at(self, records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            names = list(record)
            if self._judges_unknown and not self._known.issuperset(names):
                self._remember(set(names) - self._known)
            if len(set(names)) != len(names):
                self._repeated += 1

    def _remember(self, names: set[str]) -> None:
        for name in sorted(map(printable, names)):
            if len(self._unknown) < self._max_fields:
                self._unknown[name] = None
            elif name not in self._unknown:
                self._crowded = True

    def report(self, log: FindingLog, member: str) -> None:
        """Enter the drift: facts to tell, never a reason to refuse."""
        if self._unknown:
            more = " and more" if self._crowded else ""
            words = f"{len(self._unknown):,} fields are not documented: {_list(self.unknown)}{more}"
            log.add(Severity.NOTE, "field-unknown", words, member)
        if self.vanished:
            words = f"fields documented as always there are in no record: {_list(self.vanished)}"
            log.add(Severity.WARNING, "field-vanished", words, member)
        if self._repeated:
            words = "records name a field twice; which of the values counts is left open by JSON"
            log.add(Severity.WARNING, "field-repeated", words, member)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
