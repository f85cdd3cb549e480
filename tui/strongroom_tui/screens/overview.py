"""The words of the overview: what is at risk, what runs now, and what the vault is. Pure: an answer in, lines out.

The first tab: am I covered, what is at risk, what runs now, and how old is the last proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from strongroom.engine.core.sources import plans_of
from strongroom.engine.ingest.coverage import mark_snapshot
from strongroom.engine.monitor.system_status import Quota
from strongroom.engine.queries.lists import Running, Status
from strongroom.engine.queries.overview import Look, Overview, read_overview
from strongroom.model.coverage_strip import Heat
from strongroom.model.horizon import AtRisk
from strongroom.model.job import Job
from strongroom.model.waiting import code_words
from strongroom.text.layout import clip, first_that_fits
from strongroom.text.states import JOBS, WINDOWS
from strongroom.text.times import local_day_minute, window_words
from strongroom.text.units import number, size, span
from strongroom_tui.reader import VaultSession
from strongroom_tui.requests import request_lines
from strongroom_tui.screens.detail_text import ProgressContext, doing
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.heatmap import Cell, CoverageStrips, title

_SOON = timedelta(days=14)
COPIES: Mapping[Heat, str] = MappingProxyType(
    {
        Heat.HELD: "a copy is archived",
        Heat.EMPTY: "an empty copy is archived",
        Heat.OPEN: "a copy is being taken",
        Heat.DUE: "a copy is pending",
        Heat.RISK: "a copy is pending",
        Heat.MISSING: "no copy could be taken",
        Heat.LOST: "no copy was taken",
    }
)
"""What a cell of a stream without time windows says: one copy of all there was."""


def risk_lines(overview: Overview, now: datetime, width: int, most: int = 1) -> Text:
    """Return the `most` urgent risks in words with their dates, and what is missing or lost."""
    lines = [_risk(overview, now, most, width), *(_risk_of(each, now, width) for each in overview.risks[1:most])]
    if overview.lost or overview.missing:
        parts = [number(overview.missing, "window") + " failed"] if overview.missing else []
        parts += [number(overview.lost, "period") + " lost"] if overview.lost else []
        lines.append((f"! {' and '.join(parts)}: select one to see why", "bold red"))
    if overview.unknown:
        names = ", ".join(overview.unknown[:3])
        unsaid = f"? it is not known how long {names} keeps records"
        ways = [f"{unsaid}: set retention_days, or start the daemon", f"{unsaid}: set retention_days", unsaid]
        lines.append((first_that_fits([*ways, f"? unknown how long {names} keeps records"], width), "yellow"))
    return Text("\n").join(Text(clip(words, width), style) for words, style in lines)


def _risk(overview: Overview, now: datetime, most: int, width: int) -> tuple[str, str]:
    if not overview.risks:
        return _calm(overview)
    rest = len(overview.risks) - most
    return _risk_of(overview.risks[0], now, width, f"; {number(rest, 'more stream')} not complete" if rest > 0 else "")


def _calm(overview: Overview) -> tuple[str, str]:
    """Return what is said where nothing that is known is at risk: no more than is known."""
    if not overview.streams:
        return "", ""
    if overview.unknown:
        return "? it is not known yet what is at risk", "yellow"
    if overview.missing or overview.lost:
        return "✓ nothing else is at risk", "green"
    return "✓ nothing is at risk: everything that has settled is archived", "green"


def _risk_of(first: AtRisk, now: datetime, width: int, more: str = "") -> tuple[str, str]:
    """Return one risk in the longest words that fit whole, so that none is read half."""
    days = first.first_loss - now
    when = f"in {span(days)}" if days > timedelta(0) else "now"
    lost_from = local_day_minute(first.first_loss)
    urgent = days < _SOON
    start = f"{'▲' if urgent else '○'} {first.stream}: {span(first.amount)} not archived"
    dated = f"{start}; deleted from {lost_from}"
    ways = [f"{dated}, {when}{more}", f"{dated}, {when}", dated, f"{start}; deleted {when}", start]
    return first_that_fits(ways, width), "bold yellow" if urgent else ""


def cell_words(cell: Cell | None, width: int) -> Text:
    """Return one cell in words."""
    if cell is None:
        return Text()
    mark = WINDOWS[cell.heat]
    cause = f" ({cell.cause})" if cell.cause else ""
    word = COPIES.get(cell.heat, mark.word) if cell.snapshot else mark.word
    words = f"{mark.symbol} {word}{cause}  {cell.stream}  {window_words(cell.window, max(16, width // 2))}"
    words += f"  {meaning}" if (meaning := code_words(cell.cause)) else ""
    lines = [Text(clip(words, width), mark.style)]
    if cell.blind:
        lines.append(Text(clip(f"◐ leaves out {'; '.join(cell.blind)}", width)))
    return Text("\n").join(lines)


def work_lines(overview: Overview, status: Status, now: datetime, width: int, most: int) -> Text:
    """Return what runs now with live progress, one line each, and below it which requests wait."""
    running = {each.job: each for each in status.running}
    jobs = sorted(overview.at_work, key=lambda job: job.id not in running)
    asked = request_lines(status.waiting, now, width, most // 2)
    most = max(1, most - len(asked))
    shown = jobs if len(jobs) <= most else jobs[: most - 1]
    lines = [_job_line(job, status, running, now, width) for job in shown]
    if len(jobs) > len(shown):
        lines.append(Text(clip(f"  and {number(len(jobs) - len(shown), 'more job')}: press 3", width)))
    if not jobs:
        planned = status.jobs.get("planned", 0)
        words = f"nothing is in progress; {number(planned, 'job')} planned" if planned else "nothing is in progress"
        lines.append(Text(clip(words, width)))
    return Text("\n").join([*lines, *asked])


def _job_line(job: Job, status: Status, running: Mapping[str, Running], now: datetime, width: int) -> Text:
    mark = JOBS[job.state]
    name = clip(job.stream, max(8, width // 4))
    window = window_words(job.spec.window, 10)
    head = f"{mark.symbol} {mark.word:<9} {name:<{max(8, width // 4)}} {window} "
    cells = max(0, width - len(head))
    scene = ProgressContext(now, bool(status.worked_on_by), running.get(job.id))
    return Text.assemble((clip(head, width), mark.style), doing(job, scene, cells), no_wrap=True)


def vault_lines(overview: Overview, status: Status, now: datetime, width: int) -> Text:
    """Return what the vault holds and how it grows, the quotas, and how old the last proofs are."""
    parts = [_holdings(overview, status, width), _quotas(overview, width), _joined(list(_proofs(overview, now)), width)]
    return Text("\n").join(Text(clip(part, width)) for part in parts if part)


def _joined(parts: list[str], width: int) -> str:
    """Put as many facts on a line as fit whole, so that none is read half; one at least."""
    fitting = [" · ".join(parts[:many]) for many in range(len(parts), 0, -1)]
    return first_that_fits(fitting, width) if fitting else ""


def _quotas(overview: Overview, width: int) -> str:
    """Show each quota; where not all fit, the first ones, and how many more there are and where."""
    shown, count = list(map(quota_words, overview.quotas)), len(overview.quotas)
    fitting = [" · ".join([*shown[:many], f"{count - many} more: 7"]) for many in range(count - 1, 0, -1)]
    least = [*shown[:1], f"{number(count, 'quota')}: 7"]
    return first_that_fits([" · ".join(shown), *fitting, *least], width) if shown else ""


def _holdings(overview: Overview, status: Status, width: int) -> str:
    held, quarantined = status.archives.get("held"), status.archives.get("quarantined")
    parts = [number(held.count, "archive") if held else "no archives"]
    if held:
        parts += [number(held.records, "record"), f"{size(held.sealed_size)} sealed, +{size(overview.grown)} this week"]
    if quarantined:
        parts.insert(1, f"✗ {number(quarantined.count)} in quarantine")
    return _joined([*parts, f"{size(status.free_bytes)} free"], width)


def quota_words(quota: Quota) -> str:
    """Say what is left of a source's quota; where its limits are not known, what was used."""
    left = f"{max(0, quota.per_hour - quota.created)} of {quota.per_hour}" if quota.per_hour else ""
    words = f"quota {left} left this hour" if left else f"{number(quota.created, 'export')} this hour"
    under_way = f"{quota.running} of {quota.concurrent}" if quota.concurrent else str(quota.running)
    return f"{quota.source}: {words}, {under_way} in progress"


def _proofs(overview: Overview, now: datetime) -> Iterator[str]:
    scrub = overview.scrub
    if scrub.findings:
        yield f"✗ {number(scrub.findings, 'file')} not as archived"
    late = " (late)" if scrub.behind else ""
    if overview.heartbeat is not None and not overview.heartbeat.fresh(now):
        yield f"daemon silent for {span(now - overview.heartbeat.at)}"  # before what may have no room
    yield (f"scrubbed {span(now - scrub.scrubbed_at)} ago" if scrub.scrubbed_at else "never scrubbed") + late
    yield f"drilled {span(now - overview.drilled_at)} ago" if overview.drilled_at else "no recovery drill yet"
    yield f"log signed {span(now - overview.signed_at)} ago" if overview.signed_at else "log not signed yet"
    if overview.heartbeat is None:
        yield "no daemon ever ran"


class OverviewQuestion(Struct, frozen=True):
    """The vault on one screen."""

    look: Look

    def ask(self, session: VaultSession) -> Overview:
        """Read it."""
        engine, plans = session.engine(), plans_of(session.config)
        if engine is None:
            return read_overview(session.vault, plans, session.limits, session.clock(), self.look)
        spots = {name: source.provider.capabilities.blind_spots for name, source in engine.sources.items()}
        marks = [replace(plan, snapshot=mark_snapshot(engine, plan).snapshot) for plan in plans]
        return read_overview(session.vault, marks, session.limits, session.clock(), self.look, spots)


class OverviewTab(TabScreen):
    """Coverage, risk, work and proof on one screen."""

    MODE: ClassVar[str] = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next pane", show=False),
    ]

    def contents(self) -> ComposeResult:
        """Yield the risk, the strips, the work and the vault."""
        yield Static(id="risk", markup=False)
        with Vertical(id="coverage"):
            yield CoverageStrips()
        yield Static(id="cell", markup=False)
        with Vertical(id="work"):
            yield Static(id="jobs-now", markup=False)
        with Vertical(id="vault"):
            yield Static(id="vault-lines", markup=False)

    def on_mount(self) -> None:
        """Begin in the strips, with cells as long as last time."""
        self.strips.begin(self.strongroom.zoom)
        self.strips.focus()

    @property
    def strips(self) -> CoverageStrips:
        """Return the strips."""
        return self.query_one(CoverageStrips)

    def question(self) -> OverviewQuestion:
        """Ask for as much as there is room for."""
        return OverviewQuestion(self.strips.wanted)

    def paint(self) -> None:
        """Show the answer, or the one before it while another is on its way."""
        last = self._last
        if last is None or not isinstance(last.answer, Overview):
            return
        overview, now, width = last.answer, self.strongroom.clock(), max(0, self.size.width - 2)
        self.query_one("#risk", Static).update(risk_lines(overview, now, width, max(1, self.size.height // 8)))
        self.strips.show(overview, now)
        self._paint_titles(overview, width)
        self.query_one("#cell", Static).update(cell_words(self.strips.cell, width))
        most = max(1, min(16, self.size.height // 5))
        self.query_one("#jobs-now", Static).update(work_lines(overview, last.status, now, width, most))
        self.query_one("#vault-lines", Static).update(vault_lines(overview, last.status, now, width))
        if overview.look != self.strips.wanted:
            self.strongroom.reread()

    def _paint_titles(self, overview: Overview, width: int) -> None:
        shown = ""
        if len(overview.strips) < overview.streams:
            shown = f" {overview.look.first + 1}-{overview.look.first + len(overview.strips)} of {overview.streams}"
        words = title(overview.look.zoom, shown, max(0, width - 2))
        self.query_one("#coverage").border_title = Content(clip(words, max(0, width - 2)))
        self.query_one("#work").border_title = Content(" Now ")
        self.query_one("#vault").border_title = Content(" Vault ")

    @on(CoverageStrips.Moved)
    def _look_elsewhere(self) -> None:
        self.strongroom.zoom = self.strips.wanted.zoom
        last = self._last
        if last is None or not isinstance(last.answer, Overview) or last.answer.look != self.strips.wanted:
            self.strongroom.reread()
        self.paint()

    @on(CoverageStrips.Opened)
    def _open(self, event: CoverageStrips.Opened) -> None:
        self.strongroom.open_archives(event.stream)
