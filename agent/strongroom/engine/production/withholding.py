"""Records that are withheld: those that a case marks as privileged, in all their versions, and the log of them.

The log says which, why, by whom and when it was marked, and nothing of what a record says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from strongroom.engine.production.selection import SelectedRecord
from strongroom.model.case import Case, Mark
from strongroom.model.times import format_instant
from strongroom.search.text import fold
from strongroom.vault.archives import get_archive
from strongroom.vault.vault import Vault

WITHHELD = "withheld.jsonl"


class WithheldLine(Struct, frozen=True):
    """What the log says of one record, in this order."""

    archive: str
    dataset: str
    place: int
    id: str
    at: str
    reason: str
    by: str
    marked_at: str


class Decision(Struct, frozen=True):
    """Who decided that a record is withheld, and when."""

    by: str
    at: datetime


class Withholding(Struct, frozen=True):
    """Which records are withheld: by source, dataset and folded id."""

    decisions: Mapping[tuple[str, str, str], Decision]

    def find(self, record: SelectedRecord) -> Decision | None:
        """Return the decision about a record. Another version of a record that was marked is withheld as well."""
        name = fold(record.id)
        if not self.decisions or not name:
            return None
        decisions = self.decisions
        return decisions.get((record.archive.source, record.dataset, name)) or decisions.get(("", record.dataset, name))


def privileged_in(vault: Vault, case: Case | None) -> Withholding:
    """Return what a case withholds.

    A record that is marked in several archives is withheld if one of these marks says so. Where the archive of a mark
    is no longer known, the record is withheld in every source.
    """
    found: dict[tuple[str, str, str], Decision] = {}
    for step, mark in case.marked if case else ():
        if mark.mark is Mark.PRIVILEGED:
            archive = get_archive(vault.catalogue, mark.archive)
            source = archive.source if archive else ""
            found.setdefault((source, mark.dataset, fold(mark.record)), Decision(step.by, step.at))
    return Withholding(found)


def withheld_line(record: SelectedRecord, decision: Decision, name: str) -> bytes:
    """Return the line of a record; `name` is its id as it may be shown."""
    at = format_instant(record.at) if record.at else ""
    line = WithheldLine(
        archive=record.archive.id,
        dataset=record.dataset,
        place=record.place,
        id=name.encode("utf-8", "replace").decode(),
        at=at,
        reason=Mark.PRIVILEGED.value,
        by=decision.by,
        marked_at=format_instant(decision.at),
    )
    return _encode(line) + b"\n"


_encode = msgspec.json.Encoder().encode
