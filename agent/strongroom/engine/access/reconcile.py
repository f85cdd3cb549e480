"""Compare two streams by declared pairs of fields, archive by archive, with the identity of a person.

The archives of both sides are read in the order of time, so that only the days between them are in memory. The log gets
the counts by day, and no id: reports show them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from strongroom.age.keys import X25519Identity
from strongroom.config.reconcile import ReconcileSettings
from strongroom.engine.access.records import reach_of, records_of
from strongroom.evidence.line import Entry, Fact
from strongroom.formats.record_checks import read_time
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.plan import DatasetShape
from strongroom.model.reconciliation import ReconciledDay, Reconciliation, Side, field_value
from strongroom.model.times import format_instant, parse_instant
from strongroom.model.window import Window, subtract
from strongroom.vault.archives import get_archive
from strongroom.vault.coverage import intervals_of
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault

MOST_DAYS = 366  # days with a difference that the log lists; the sums are always whole
_COVERED = (Cover.PROVEN, Cover.EMPTY)


class ReconcileProgress(Struct):
    """How far a comparison came."""

    archives: int = 0
    records: int = 0
    without_key: int = 0  # records that lack a field, and are not compared
    unread: dict[str, str] = field(default_factory=dict)  # archives that cannot be read, and why


class ReconcileResult(Struct, frozen=True):
    """The result of a period, in numbers."""

    name: str
    period: Window
    left: int
    right: int
    left_only: int
    right_only: int
    undecided: int
    days: tuple[tuple[str, int, int], ...]  # days with a difference: the day, and how many on the left and right only
    made_at: datetime | None = None


class _Source(Struct, frozen=True):
    """One side: its records, and where their ids are."""

    side: Side
    stream: str
    dataset: str
    paths: tuple[str, ...]
    where: tuple[tuple[str, str], ...]

    def shape(self, archive: Archive) -> DatasetShape | None:
        found = [each for each in archive.expectation.datasets if each.name == self.dataset or not self.dataset]
        return found[0] if len(found) == 1 else None


def reconcile(
    vault: Vault,
    settings: ReconcileSettings,
    period: Window,
    zone: str,
    identities: Sequence[X25519Identity],
    progress: ReconcileProgress,
) -> Iterator[ReconciledDay]:
    """Yield each day that has an id, in order. What an archive that cannot be read covers is undecided.

    Raises UsageError for a stream of which nothing is archived near the period.
    """
    reach = Window(period.start - settings.within, period.end + settings.within)
    keys = (tuple(settings.keys), tuple(settings.keys.values()))
    left = _Source(Side.LEFT, settings.left, settings.left_dataset, keys[0], settings.left_where)
    right = _Source(Side.RIGHT, settings.right, settings.right_dataset, keys[1], settings.right_where)
    covered = {Side.LEFT: _covered(vault, settings.left, reach), Side.RIGHT: _covered(vault, settings.right, reach)}
    found = Reconciliation(period, zone, settings.within, covered)
    order = sorted(
        ((archive, source) for source in (left, right) for archive in _archives(vault, source, reach)),
        key=lambda each: (reach_of(each[0]).start, each[0].id),
    )
    for archive, source in order:
        yield from found.settle(reach_of(archive).start)
        try:
            _take_in(vault, found, source, archive, identities, progress)
        except (StrongroomError, OSError) as error:
            progress.unread[archive.id] = str(error)
            covered[source.side] = _without(covered[source.side], archive.spec.window)
        progress.archives += 1
    yield from found.settle(None)


def _without(covered: Sequence[Window], gone: Window) -> list[Window]:
    return [rest for each in covered for rest in subtract(each, [gone])]


def sum_up(name: str, period: Window, days: Sequence[ReconciledDay]) -> ReconcileResult:
    """Return the sums of the days."""
    uneven = [(f"{each.day}", len(each.left_only), len(each.right_only)) for each in days if not each.is_even]
    return ReconcileResult(
        name, period, sum(each.left for each in days), sum(each.right for each in days),
        sum(one for _day, one, _other in uneven), sum(other for _day, _one, other in uneven),
        sum(each.undecided for each in days), tuple(uneven),
    )  # fmt: skip


def note_reconcile(vault: Vault, result: ReconcileResult, by: Person, now: datetime) -> None:
    """Log the numbers of a comparison, and who made it."""
    facts: dict[str, Fact] = {
        "name": result.name,
        "by": by.token,
        "from": format_instant(result.period.start),
        "to": format_instant(result.period.end),
        "left": result.left,
        "right": result.right,
        "left_only": result.left_only,
        "right_only": result.right_only,
        "undecided": result.undecided,
        "days": [f"{day} {one} {other}" for day, one, other in result.days[:MOST_DAYS]],
    }
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(EntryKind.RECONCILE_MADE, now, facts=facts))
    vault.write_log()


def read_result(facts: Mapping[str, Any], at: datetime) -> ReconcileResult | None:
    """Return what an entry of the log says; None where it says nothing that can be read."""
    try:
        period = Window(parse_instant(facts["from"]), parse_instant(facts["to"]))
        days = [str(each).split(" ") for each in facts["days"]]
        left, right, left_only, right_only, undecided = (
            int(facts[name]) for name in ("left", "right", "left_only", "right_only", "undecided")
        )
        uneven = tuple((day, int(one), int(other)) for day, one, other in days)
        name = str(facts["name"])
        return ReconcileResult(name, period, left, right, left_only, right_only, undecided, uneven, at)
    except (LookupError, TypeError, ValueError):
        return None


def _archives(vault: Vault, source: _Source, reach: Window) -> list[Archive]:
    ids = dict.fromkeys(each.archive for each in intervals_of(vault.catalogue, source.stream, reach) if each.archive)
    archives = [each for name in ids if (each := get_archive(vault.catalogue, name)) is not None]
    if not archives:
        raise UsageError(f"nothing of {source.stream} is archived near this period", hint="see: strongroom coverage")
    shapes = [shape for archive in archives if (shape := source.shape(archive)) is not None]
    if any(not shape.time_field for shape in shapes):
        raise UsageError(
            f"the records of {source.stream} have no time: they cannot be compared by days",
            hint="name a dataset with a time in [[reconcile]]",
        )
    return archives


def _covered(vault: Vault, stream: str, reach: Window) -> list[Window]:
    """Return what is archived, near the period, in order of time."""
    found = intervals_of(vault.catalogue, stream, reach)
    return sorted((each.window for each in found if each.cover in _COVERED), key=lambda each: each.start)


def _take_in(
    vault: Vault,
    found: Reconciliation,
    source: _Source,
    archive: Archive,
    identities: Sequence[X25519Identity],
    progress: ReconcileProgress,
) -> None:
    shape, reach = source.shape(archive), found.reach
    if shape is None:
        return
    for record in records_of(vault, archive, shape, identities):
        at = read_time(record.time)
        if at is None or not reach.holds(at):
            continue
        progress.records += 1
        fields = record.fields
        if any(field_value(fields, path, json.loads) != wanted for path, wanted in source.where):
            continue
        parts = [field_value(fields, path, json.loads) for path in source.paths]
        if all(parts):
            found.put(source.side, "\x1f".join(parts), at.astimezone(UTC))
        else:
            progress.without_key += 1
