"""The report of a period: what was to be archived, what was, what is missing and why, and what was done with it.

Every figure comes from the functions that `strongroom status`, `coverage` and `retention plan` use. A report holds no
record and nothing that a provider said: it is made to be filed and passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from strongroom.config.outgoing import ReportAudience as ReportAudience  # the command line names it from here
from strongroom.config.schema import Config
from strongroom.engine.access.reconcile import ReconcileResult, read_result
from strongroom.engine.copies.copy_status import CopyStatus, copy_statuses
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.moments import Moment, moment_of
from strongroom.engine.core.sources import plans_of
from strongroom.engine.proof.checkpoint_delivery import EvidenceView, evidence_view
from strongroom.engine.proof.checkpoints import Issuer, issuer_of
from strongroom.engine.proof.unbacked import unbacked_coverage
from strongroom.engine.queries.coverage_report import StreamCoverage, coverage_of_plans
from strongroom.engine.queries.lists import status_of
from strongroom.engine.queries.problems import Problem, health_of
from strongroom.engine.repair.scrub_report import ScrubState, pace_of, scrub_state
from strongroom.engine.retention.verdicts import Summary, judged, summarise
from strongroom.evidence.line import digest
from strongroom.model.coverage import Cover, Interval
from strongroom.model.coverage_strip import Heat, Horizon, Zoom, grid, heat
from strongroom.model.entry_kind import EntryKind
from strongroom.model.horizon import AtRisk
from strongroom.model.plan import Plan, boundary
from strongroom.model.window import Window, subtract
from strongroom.vault.holds import holds
from strongroom.vault.log import LAST_ENTRY
from strongroom.vault.period_figures import (
    Failure,
    Volume,
    alerts_raised,
    checkpoints_signed,
    entries_of_period,
    failures_of,
    jobs_created,
    volumes_of,
)
from strongroom.vault.recipients import last_drills

MOST_EVENTS = 1_000  # of each group; a report says when there were more
_MOST_RESULTS = 10_000
_DAYS, _WEEKS = timedelta(days=100), timedelta(days=800)


class EventGroup(StrEnum):
    """What the log has, sorted as a reader looks for it."""

    DESTRUCTION = "destruction"
    HOLDS = "holds"
    CARE = "care"
    CHANGES = "changes"


EVENTS: Mapping[EventGroup, tuple[EntryKind, ...]] = {
    EventGroup.DESTRUCTION: (
        EntryKind.DESTRUCTION_PROPOSED,
        EntryKind.DESTRUCTION_APPROVED,
        EntryKind.DESTRUCTION_UNDONE,
        EntryKind.DESTRUCTION_REFUSED,
        EntryKind.ARCHIVE_DESTROYED,
        EntryKind.ARCHIVE_BURIED,
        EntryKind.ERASURE_REQUESTED,
        EntryKind.ERASURE_ANSWERED,
    ),
    EventGroup.HOLDS: (EntryKind.HOLD_PLACED, EntryKind.HOLD_RELEASED, EntryKind.RETENTION_EXTENDED),
    EventGroup.CARE: (
        EntryKind.SCRUB_FINISHED,
        EntryKind.SCRUB_FOUND,
        EntryKind.SCRUB_CLEARED,
        EntryKind.DRILL_PASSED,
        EntryKind.DRILL_FAILED,
        EntryKind.ARCHIVE_DAMAGED,
        EntryKind.VAULT_REBUILT,
        EntryKind.COPY_BEGUN,
        EntryKind.COPY_FORGOTTEN,
        EntryKind.COPY_FOUND,
        EntryKind.COPY_CLEARED,
        EntryKind.COPY_SCRUBBED,
        EntryKind.COPY_REPAIRED,
        EntryKind.COPY_REHEARSED,
        EntryKind.VAULT_RESTORED,
        EntryKind.HANDOVER_MADE,
        EntryKind.PRODUCTION_MADE,
        EntryKind.SUBJECT_REQUESTED,
        EntryKind.SUBJECT_CHANGED,
        EntryKind.KEYS_EXPORTED,
    ),
    EventGroup.CHANGES: (
        EntryKind.RETENTION_CHANGED,
        EntryKind.DESTRUCTION_RULES_CHANGED,
        EntryKind.RECIPIENTS_CHANGED,
        EntryKind.SOURCE_ADDRESS,
        EntryKind.SOURCE_RENAMED,
        EntryKind.STREAM_RENAMED,
        EntryKind.SOURCE_RETENTION_CHANGED,
        EntryKind.SOURCE_PAUSED,
        EntryKind.SOURCE_RESUMED,
        EntryKind.VAULT_LOCKED,
        EntryKind.CLOCK_ACCEPTED,
        EntryKind.HISTORY_ACCEPTED,
        EntryKind.LOG_REMADE,
    ),
}


class StreamReport(Struct, frozen=True):
    """One stream in the period."""

    coverage: StreamCoverage
    account: str  # which account at which provider it is of
    required: timedelta  # of the period, what had to be archived by now
    archived: timedelta  # of that, what an archive holds or held until its period ended
    cells: tuple[Heat, ...]  # one for each window of `Report.cells`
    volumes: tuple[Volume, ...]

    @property
    def share(self) -> float | None:
        """Return the archived part of what was required, from 0 to 1; None where nothing was, and for snapshots."""
        return self.archived / self.required if self.required and not self.coverage.snapshot else None

    @property
    def missing(self) -> tuple[Interval, ...]:
        """Return what is failed or lost, in order of time."""
        return self.coverage.gaps


class Reconciled(Struct, frozen=True):
    """Two streams that are compared, and the newest results of the period."""

    name: str
    left: str
    right: str
    results: tuple[ReconcileResult, ...]  # of periods that touch the one of the report, in order of time


class Report(Struct, frozen=True):
    """Everything that a report of a period says."""

    audience: ReportAudience
    issuer: Issuer
    period: Window
    zone: str  # IANA name of the zone that its days and months are of
    made_at: datetime
    log: tuple[int, str]  # entries, and the digest of the last one
    cells: tuple[Window, ...]
    streams: tuple[StreamReport, ...]
    problems: tuple[Problem, ...]  # what needs attention at the moment of the report, as `strongroom status` has it
    jobs: Mapping[str, int]  # created in the period, by their state now
    failures: tuple[Failure, ...]
    alerts: Mapping[str, int]  # raised in the period, by severity
    retention: Summary
    matters: int  # with an active hold
    holds: int  # active
    events: Mapping[EventGroup, tuple[Moment, ...]]
    checkpoints: int  # signed in the period
    evidence: EvidenceView
    scrub: ScrubState
    copies: tuple[CopyStatus, ...]
    drilled_at: datetime | None
    reconciled: tuple[Reconciled, ...]
    unconfirmed: int  # windows that the catalogue has as archived without an archive

    @property
    def required(self) -> timedelta:
        """Return what had to be archived, over all streams with time windows."""
        return sum((each.required for each in self.streams if not each.coverage.snapshot), timedelta())

    @property
    def share(self) -> float | None:
        """Return the archived part of what was required, from 0 to 1; None where nothing was."""
        archived = sum((each.archived for each in self.streams if not each.coverage.snapshot), timedelta())
        return archived / self.required if self.required else None

    @property
    def risks(self) -> tuple[AtRisk, ...]:
        """Return what the provider will delete before it is archived, the most urgent first."""
        found = [each.coverage.risk for each in self.streams if each.coverage.risk is not None]
        return tuple(sorted(found, key=lambda risk: risk.first_loss))


def report_zone(plans: Sequence[Plan]) -> str:
    """Return the zone of the plans where all have the same, and UTC otherwise."""
    zones = {plan.zone for plan in plans}
    return zones.pop() if len(zones) == 1 else "UTC"


def make_report(engine: Engine, config: Config, period: Window, audience: ReportAudience) -> Report:
    """Return the report of a period, as of now. Reads only."""
    vault, now, plans = engine.vault, engine.clock(), plans_of(config)
    catalogue, zone = vault.catalogue, report_zone(plans)
    issuer, cells = issuer_of(config, vault), _cells(period, zone)
    last = catalogue.read_one(LAST_ENTRY)
    active = holds(catalogue)
    covered = {each.stream: each for each in coverage_of_plans(engine, plans, period)}
    return Report(
        audience=audience,
        issuer=issuer,
        period=period,
        zone=zone,
        made_at=now,
        log=(last["seq"], digest(last["line"])) if last else (0, ""),
        cells=cells,
        streams=tuple(_stream(engine, plan, covered[plan.stream.name], period, cells, issuer) for plan in plans),
        problems=health_of(vault, config, status_of(vault, now), now).problems,
        jobs=jobs_created(catalogue, period),
        failures=tuple(failures_of(catalogue, period)),
        alerts=alerts_raised(catalogue, period),
        retention=summarise(judged(vault, now), now),
        matters=len({hold.matter for hold in active}),
        holds=len(active),
        events={group: _events(engine, period, kinds) for group, kinds in EVENTS.items()},
        checkpoints=checkpoints_signed(catalogue, period),
        evidence=evidence_view(config, vault),
        scrub=scrub_state(vault, now, pace_of(config)),
        copies=tuple(copy_statuses(vault, config)),
        drilled_at=max(last_drills(catalogue).values(), default=None),
        reconciled=tuple(_reconciled(engine, config, period)),
        unconfirmed=len(unbacked_coverage(vault)),
    )


def _stream(
    engine: Engine, plan: Plan, covered: StreamCoverage, period: Window, cells: Sequence[Window], issuer: Issuer
) -> StreamReport:
    now, since = engine.clock(), covered.since
    settled = boundary(plan.span, plan.zone, now - plan.settle)  # the end of the last window that had to be archived
    wanted = Window(since, settled) if since is not None and since < settled else None
    required = wanted.within(period) if wanted is not None else None
    ledger = sorted(covered.intervals, key=lambda each: each.window)
    return StreamReport(
        coverage=covered,
        account=issuer.account(covered.source),
        required=required.length if required is not None else timedelta(),
        archived=_archived(required, ledger),
        cells=heat(cells, ledger, Horizon(wanted, covered.keeps, now)),
        volumes=tuple(volumes_of(engine.vault.catalogue, covered.stream, period)),
    )


def _archived(required: Window | None, ledger: Sequence[Interval]) -> timedelta:
    if required is None:
        return timedelta()
    held = [each.window for each in ledger if each.cover in (Cover.PROVEN, Cover.EMPTY, Cover.DESTROYED)]
    return required.length - sum((gap.length for gap in subtract(required, held)), timedelta())


def _cells(period: Window, zone: str) -> tuple[Window, ...]:
    """Cut the period into days, weeks or months, so that a row of them fits on a page."""
    zoom = Zoom.DAY if period.length <= _DAYS else Zoom.WEEK if period.length <= _WEEKS else Zoom.MONTH
    length = {Zoom.DAY: timedelta(days=1), Zoom.WEEK: timedelta(weeks=1), Zoom.MONTH: timedelta(days=28)}[zoom]
    last = period.end - timedelta(microseconds=1)
    found = grid(zoom, zone, last, period.length // length + 2)
    return tuple(cell.within(period) or cell for cell in found if cell.overlaps(period))


def _reconciled(engine: Engine, config: Config, period: Window) -> Iterator[Reconciled]:
    """Yield the comparisons of the configuration; of several of one period the newest counts."""
    since = Window(period.start, max(period.end, engine.clock() + timedelta(seconds=1)))
    found: dict[tuple[str, Window], ReconcileResult] = {}
    for each in entries_of_period(engine.vault.catalogue, since, [EntryKind.RECONCILE_MADE], _MOST_RESULTS):
        moment = moment_of(each)
        result = read_result(moment.facts, moment.at)
        if result is not None and result.period.overlaps(period):
            found[result.name, result.period] = result
    for settings in config.reconciles:
        results = sorted((each for each in found.values() if each.name == settings.name), key=lambda each: each.period)
        yield Reconciled(settings.name, settings.left, settings.right, tuple(results))


def _events(engine: Engine, period: Window, kinds: Sequence[EntryKind]) -> tuple[Moment, ...]:
    found = entries_of_period(engine.vault.catalogue, period, kinds, MOST_EVENTS + 1)
    return tuple(moment_of(each) for each in found)
