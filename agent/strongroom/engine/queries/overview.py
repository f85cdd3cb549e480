"""The first screen's answer: am I covered, what is at risk, what runs now, and how old is the last proof.

Made from the catalogue and the plans alone. Only the streams that are looked at have their strips read; what is at risk
is worked out for all of them, since the most urgent one may be anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.copies.copy_status import CopyStatus
from strongroom.engine.core.heartbeat import Heartbeat, last_heartbeat
from strongroom.engine.monitor.stream_status import Keeps
from strongroom.engine.monitor.system_status import Quota, quota_of
from strongroom.engine.queries.coverage_gaps import CoverageShare, Gap, gaps_of, read_lacking, share_of
from strongroom.engine.queries.lists import list_jobs
from strongroom.engine.repair.scrub_report import ScrubState, scrub_state
from strongroom.model.coverage import Cover, Interval, closers_of
from strongroom.model.coverage_strip import Heat, Horizon, Zoom, grid, heat, shares, wanted_of
from strongroom.model.horizon import AtRisk, at_risk
from strongroom.model.job import Job, State
from strongroom.model.plan import Plan
from strongroom.model.provider import BlindSpot, Limits
from strongroom.model.second_look import SecondLook, SecondLookOutcome, words_of
from strongroom.model.window import Window
from strongroom.vault.archives import DayTotals, sealed_by_day, sealed_since
from strongroom.vault.checkpoints import newest_checkpoint
from strongroom.vault.coverage import coverage_totals, held_intervals, intervals_of
from strongroom.vault.recipients import last_drills
from strongroom.vault.second_looks import second_looks
from strongroom.vault.sources import known_retention, reported_retention
from strongroom.vault.streams import StreamState, all_streams
from strongroom.vault.vault import Vault

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
DAY = timedelta(hours=25)  # the longest day, when clocks change
SHOWN = 20  # jobs at work of one state
_AT_WORK = (State.FETCHING, State.SEALED, State.READY, State.UNCERTAIN, State.WAITING)


class Look(Struct, frozen=True):
    """Which part of the strips is looked at."""

    zoom: Zoom = Zoom.DAY
    last: datetime | None = None  # an instant in the last cell; None means now
    cells: int = 60
    first: int = 0  # the first stream, counted from 0
    most: int = 20  # streams


class Strip(Struct, frozen=True):
    """The coverage of one stream, cell by cell."""

    stream: str
    source: str
    paused: str  # why nothing new is requested, or empty
    cells: tuple[Heat, ...]
    causes: Mapping[int, str]  # by the place of a cell that is missing, lost, or empty without a second look
    snapshot: bool = False  # no time windows: a held cell has a copy of all there was when it was taken
    blind: tuple[str, ...] = ()  # what its archives leave out, and which streams have it
    shares: tuple[float, ...] = ()  # how much of each cell is archived, for cells longer than a day
    jobs: Mapping[int, str] = MappingProxyType({})  # by the place of a cell that is not archived: a job's id
    keeps: timedelta | None = None  # how long the provider keeps records


class Overview(Struct, frozen=True):
    """The vault on one screen."""

    look: Look
    windows: tuple[Window, ...]  # the cells, in order of time
    strips: tuple[Strip, ...]
    streams: int  # how many there are, looked at or not
    risks: tuple[AtRisk, ...]  # the most urgent first
    unknown: tuple[str, ...]  # sources of which nobody knows how long they keep records
    missing: int  # intervals that failed for good
    lost: int
    at_work: tuple[Job, ...]
    planned: tuple[Job, ...]  # a few that come next
    quotas: tuple[Quota, ...]
    grown: int  # bytes on disk that came in the last week
    heartbeat: Heartbeat | None
    scrub: ScrubState
    drilled_at: datetime | None  # when somebody last proved that an identity opens an archive
    signed_at: datetime | None  # when the log was last signed
    zone: str  # of the cells
    share: CoverageShare
    gaps: tuple[Gap, ...]  # by stream, the newest first
    days: tuple[DayTotals, ...]  # what was archived on each of the last 30 days, the oldest first
    copies: tuple[CopyStatus, ...] = ()


def read_overview(
    vault: Vault,
    plans: Sequence[Plan],
    limits: Mapping[str, Limits],
    now: datetime,
    look: Look,
    spots: Mapping[str, Sequence[BlindSpot]] = MappingProxyType({}),
) -> Overview:
    """Read the first screen's answer. `limits` has what is known of each source beyond the catalogue.

    `spots` are what each source's datasets leave out, as far as that is known.
    """
    states = {state.name: state for state in all_streams(vault.catalogue)}
    plans = [_floored(plan, states) for plan in plans]
    keeps = _keeps(vault, plans, limits)
    zone = plans[0].zone if plans else "UTC"
    windows = grid(look.zoom, zone, look.last or now, look.cells)
    risks = _risks(vault, plans, keeps, now)
    lacking = read_lacking(vault, plans, keeps, {risk.stream: risk for risk in risks}, now)
    totals = coverage_totals(vault.catalogue)
    looks = [
        each
        for each in second_looks(vault.catalogue)
        if each.outcome in (SecondLookOutcome.PENDING, SecondLookOutcome.UNCONFIRMED)
    ]
    return Overview(
        look=look,
        windows=windows,
        strips=tuple(
            replace(
                _strip(
                    vault,
                    plan,
                    states,
                    windows,
                    Horizon(wanted_of(plan, now, keeps[source]), keeps[source], now, plan.since),
                    [look for look in looks if look.stream == plan.stream.name],
                ),
                snapshot=plan.snapshot,
                blind=_blind(plan, plans, spots.get(source, ())),
            )
            for plan in plans[look.first : look.first + look.most]
            for source in [plan.stream.source]
        ),
        streams=len(plans),
        risks=tuple(sorted(risks, key=lambda risk: risk.first_loss)),
        unknown=tuple(sorted(source for source, kept in keeps.items() if kept is None)),
        missing=sum(covers.get(Cover.MISSING, 0) for covers in totals.values()),
        lost=sum(covers.get(Cover.LOST, 0) for covers in totals.values()),
        at_work=tuple(job for state in _AT_WORK for job in list_jobs(vault, state=state.value, most=SHOWN)),
        planned=tuple(sorted(list_jobs(vault, state=State.PLANNED, most=SHOWN), key=lambda job: job.next_at)),
        quotas=tuple(quota_of(vault, source, limits.get(source), now) for source in sorted(keeps)),
        grown=sealed_since(vault.catalogue, now - WEEK),
        heartbeat=last_heartbeat(vault),
        scrub=scrub_state(vault, now),
        drilled_at=max(last_drills(vault.catalogue).values(), default=None),
        signed_at=checkpoint.at if (checkpoint := newest_checkpoint(vault.catalogue)) else None,
        zone=zone,
        share=share_of(lacking),
        gaps=tuple(gap for row, each in enumerate(lacking) for gap in gaps_of(row, each, now)),
        days=tuple(sealed_by_day(vault.catalogue, now, MONTH)),
    )


def _floored(plan: Plan, states: Mapping[str, StreamState]) -> Plan:
    state = states.get(plan.stream.name)
    return replace(plan, since=plan.since or (state.floor if state else None))


def _keeps(vault: Vault, plans: Sequence[Plan], limits: Mapping[str, Limits]) -> Keeps:
    keeps: dict[str, timedelta | None] = {}
    for source in {plan.stream.source for plan in plans}:
        fixed = limits[source].retention if source in limits else None
        reported = reported_retention(vault.catalogue, source) or known_retention(vault.catalogue, source)
        keeps[source] = fixed or reported
    return keeps


def _strip(
    vault: Vault,
    plan: Plan,
    states: Mapping[str, StreamState],
    windows: Sequence[Window],
    horizon: Horizon,
    looks: Sequence[SecondLook],
) -> Strip:
    name, state = plan.stream.name, states.get(plan.stream.name)
    ledger = intervals_of(vault.catalogue, name, Window(windows[0].start, windows[-1].end))
    paused = "in the configuration" if plan.paused else (state.paused if state else "")
    cells = heat(windows, ledger, horizon)
    causes = {**_causes(windows, cells, ledger), **_doubts(windows, cells, looks)}
    parts = shares(windows, ledger, horizon.wanted) if windows[0].length > DAY else ()
    return Strip(
        name,
        plan.stream.source,
        paused,
        cells,
        causes,
        shares=parts,
        jobs=_jobs(windows, cells, ledger),
        keeps=horizon.keeps,
    )


def _blind(plan: Plan, plans: Sequence[Plan], spots: Sequence[BlindSpot]) -> tuple[str, ...]:
    own = [each.stream for each in plans if each.stream.source == plan.stream.source]
    found = []
    for spot in spots:
        if spot.dataset in plan.stream.datasets:
            closers = ", ".join(closers_of(plan.stream, spot, own))
            found.append(f"{spot.lacks}: " + (f"see {closers}" if closers else "no stream holds them"))
    return tuple(found)


def _causes(windows: Sequence[Window], cells: Sequence[Heat], ledger: Sequence[Interval]) -> Mapping[int, str]:
    """Return why cells are missing or lost: for each the first cause in it."""
    gaps = {Heat.MISSING: Cover.MISSING, Heat.LOST: Cover.LOST}
    found = {}
    for place, (window, said) in enumerate(zip(windows, cells, strict=True)):
        if said in gaps:
            inside = (each for each in ledger if each.cover is gaps[said] and each.window.overlaps(window))
            found[place] = next((each.cause for each in inside if each.cause), "")
    return found


def _jobs(windows: Sequence[Window], cells: Sequence[Heat], ledger: Sequence[Interval]) -> Mapping[int, str]:
    """Return the first job of each cell that is in progress or failed."""
    covers = {Heat.OPEN: Cover.OPEN, Heat.MISSING: Cover.MISSING}
    found = {}
    for place, (window, said) in enumerate(zip(windows, cells, strict=True)):
        if said in covers:
            inside = (each for each in ledger if each.cover is covers[said] and each.window.overlaps(window))
            found[place] = next((each.job for each in inside if each.job), "")
    return found


def _doubts(windows: Sequence[Window], cells: Sequence[Heat], looks: Sequence[SecondLook]) -> Mapping[int, str]:
    """Return what is said of cells with an empty window that no second look has confirmed."""
    calm = [(place, each) for place, each in enumerate(windows) if cells[place] in (Heat.EMPTY, Heat.HELD)]
    return {place: words_of(look) for place, each in calm for look in looks if look.window.overlaps(each)}


def _risks(vault: Vault, plans: Sequence[Plan], keeps: Keeps, now: datetime) -> list[AtRisk]:
    found = []
    for plan in plans:
        kept = keeps[plan.stream.source]
        if kept is not None:
            found.append(at_risk(plan, held_intervals(vault.catalogue, plan.stream.name, now - kept), now, kept))
    return [risk for risk in found if risk is not None]
