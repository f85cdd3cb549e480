"""The first tab: am I covered, what waits for me, what runs now, and how old is the last proof."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from time import monotonic
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static
from textual.worker import Worker

from strongroom.engine.copies.copy_status import copy_statuses
from strongroom.engine.core.sources import plans_of
from strongroom.engine.ingest.coverage import mark_snapshot
from strongroom.engine.queries.attention import Attention, read_attention
from strongroom.engine.queries.lists import Status, status_of
from strongroom.engine.queries.overview import Look, Overview, read_overview
from strongroom.model.coverage_strip import Heat
from strongroom.model.errors import StrongroomError
from strongroom.text.layout import clip
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.copies_text import copy_facts
from strongroom_tui.screens.errands import MAP, PLANS, errands, verdict
from strongroom_tui.screens.overview_text import (
    cell_words,
    coverage_facts,
    evidence_facts,
    quota_facts,
    vault_facts,
    work_lines,
)
from strongroom_tui.screens.screen import LEAST_HEIGHT, LEAST_WIDTH, TabScreen
from strongroom_tui.widgets.attention import AttentionList
from strongroom_tui.widgets.coverage_cells import Cell
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.heatmap import CoverageStrips
from strongroom_tui.widgets.text import error_text
from strongroom_tui.widgets.tile import Facts, Tile

_REST = 10
"""The reader judges the vault again after so many times as long as the last time took: it has other work, too."""

_PROBLEM = frozenset({Heat.MISSING})


class OverviewQuestion(Struct, frozen=True):
    """The vault on one screen."""

    look: Look

    def ask(self, session: VaultSession) -> Overview:
        """Read it."""
        return replace(self._overview(session), copies=tuple(copy_statuses(session.vault, session.config)))

    def _overview(self, session: VaultSession) -> Overview:
        engine, plans = session.engine(), plans_of(session.config)
        if engine is None:
            return read_overview(session.vault, plans, session.limits, session.clock(), self.look)
        spots = {name: source.provider.capabilities.blind_spots for name, source in engine.sources.items()}
        marks = [replace(plan, snapshot=mark_snapshot(engine, plan).snapshot) for plan in plans]
        return read_overview(session.vault, marks, session.limits, session.clock(), self.look, spots)


def judge(session: VaultSession) -> Attention | None:
    """Return what waits for a person; None until the providers are loaded."""
    engine, now = session.engine(), session.clock()
    if engine is None:
        return None
    return read_attention(session.vault, session.config, status_of(session.vault, now), now, engine)


class OverviewTab(TabScreen):
    """The verdict, what waits for a person, the tiles and the heat map."""

    MODE: ClassVar[str] = "overview"
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-thin"),
        (LEAST_WIDTH, "-narrow"),
        (96, "-broad"),
        (170, "-row"),
    ]
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012
        (0, "-low"),
        (LEAST_HEIGHT, "-small"),
        (20, "-lined"),
        (34, "-tiled"),
        (50, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next pane", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._attention: Attention | None = None
        self._judged: int | None = None  # the version of the catalogue that was judged
        self._rest_until = 0.0

    def contents(self) -> ComposeResult:
        """Yield the list, the tiles, the map, and the line that describes what the cursor is on."""
        yield AttentionList()
        with Container(id="tiles"):
            yield Tile("Coverage", "schedules")
            yield Tile("Vault", "archives", graphs=("archives", "bytes"))
            yield Tile("Now", "jobs")
            yield Tile("Quota", "health")
            yield Tile("Evidence", "evidence")
            yield Tile("Copies", "health")
        yield CoverageStrips()
        yield Static(id="cell", markup=False)

    def on_mount(self) -> None:
        """Begin on the map, with cells as long as last time."""
        self.strips.begin(self.strongroom.zoom)
        self.strips.focus()

    @property
    def strips(self) -> CoverageStrips:
        """Return the map."""
        return self.query_one(CoverageStrips)

    @property
    def waiting(self) -> AttentionList:
        """Return the list of what waits for a person."""
        return self.query_one(AttentionList)

    def question(self) -> OverviewQuestion:
        """Ask for as much as there is room for."""
        return OverviewQuestion(self.strips.wanted)

    def paint(self) -> None:
        """Show the answer, or the one before it while another is on its way."""
        last = self._last
        if last is None or not isinstance(last.answer, Overview):
            return
        overview, now = last.answer, self.strongroom.clock()
        self._judge_again()
        self._paint_waiting(overview)
        self.strips.show(overview, now)
        self._paint_tiles(overview, last.status)
        self._paint_cell(overview)
        if overview.look != self.strips.wanted:
            self.strongroom.reread()

    def _paint_waiting(self, overview: Overview) -> None:
        now, height = self.strongroom.clock(), self.size.height
        most = 2 if height < 20 else 3 if height < 30 else 5 if height < 50 else 8
        found = errands(self._attention, overview, now)
        self.waiting.show(verdict(self._attention, overview, now), found, most)

    def _paint_tiles(self, overview: Overview, status: Status) -> None:
        now, days = self.strongroom.clock(), overview.days
        graphs = ([day.archives for day in days], [day.sealed_size for day in days])
        facts: dict[str, Facts] = {
            "coverage": lambda _columns, _lines: coverage_facts(overview, now),
            "quota": lambda columns, _lines: quota_facts(overview.quotas, columns),
            "evidence": lambda _columns, _lines: evidence_facts(overview, now),
            "copies": lambda _columns, _lines: copy_facts(overview.copies, now),
        }
        self.query_one("#tiles").set_class(bool(overview.copies), "-copies")
        for name, each in facts.items():
            self.query_one(f"#tile-{name}", Tile).show(each)
        self.query_one("#tile-vault", Tile).show(lambda _columns, _lines: vault_facts(overview, status), graphs)
        work = self.query_one("#tile-now", Tile)
        few = max(1, self.size.height // 10)
        work.show(
            lambda columns, lines: work_lines(overview, status, now, columns, lines if work.boxed else few), whole=True
        )

    def _paint_cell(self, overview: Overview) -> None:
        width, line = max(0, self.size.width - 2), self.query_one("#cell", Static)
        errand = self.waiting.errand if self.waiting.has_focus else None
        if errand is not None:
            line.update(Text("\n".join(clip(each, width) for each in errand.body.split("\n"))))
            return
        cell = self.strips.cell
        job = next((job for job in overview.at_work if cell is not None and job.id == cell.job), None)
        line.update(cell_words(cell, width, self.strongroom.clock(), job))

    def _judge_again(self) -> None:
        """Have the vault judged where it has changed since it was."""
        if self._last is None or self._last.version == self._judged or monotonic() < self._rest_until:
            return
        version, self._rest_until = self._last.version, monotonic() + 60  # not twice at once
        _worker: Worker[None] = self.strongroom.run_worker(partial(self._judge, version), group="judge")

    async def _judge(self, version: int) -> None:
        began = monotonic()
        try:
            found = await self.strongroom.reader.do(judge)
        except StrongroomError as error:
            self.report(error_text(error), bad=True)
            found = None
        self._rest_until = 0.0
        if found is not None:
            rest = _REST * (monotonic() - began)
            self._attention, self._judged, self._rest_until = found, version, monotonic() + rest
            self.set_timer(rest, self._judge_again)  # it may change meanwhile
            self.repaint()

    @on(CoverageStrips.Moved)
    def _look_elsewhere(self) -> None:
        self.strongroom.zoom = self.strips.wanted.zoom
        last = self._last
        if last is None or not isinstance(last.answer, Overview) or last.answer.look != self.strips.wanted:
            self.strongroom.reread()
        else:
            self._paint_cell(last.answer)

    @on(AttentionList.Moved)
    def _describe(self) -> None:
        if self._last is not None and isinstance(self._last.answer, Overview):
            self._paint_cell(self._last.answer)

    def on_descendant_focus(self) -> None:
        """Describe what the cursor is on now."""
        self._describe()

    @on(AttentionList.Left)
    def _down(self) -> None:
        self.strips.focus()

    @on(CoverageStrips.Above)
    def _up(self) -> None:
        if self.waiting.can_focus:
            self.waiting.focus()

    @on(CoverageStrips.NoGap)
    def _no_gap(self) -> None:
        self.report("There is no gap: nothing is at risk, failed or lost.")

    @on(CoverageStrips.Opened)
    def _open(self, event: CoverageStrips.Opened) -> None:
        cell = event.cell
        mode, kind = ("jobs", "failed") if cell.heat in _PROBLEM else ("archives", "")
        self.strongroom.open_list(mode, Filter(cell.stream, kind, days_of(cell)))

    @on(Tile.Chosen)
    def _open_tile(self, event: Tile.Chosen) -> None:
        self.strongroom.open_list(event.mode)

    @on(AttentionList.Chosen)
    def _solve(self, event: AttentionList.Chosen) -> None:
        errand = event.errand
        if errand.mode == PLANS:
            from strongroom_tui.screens.plans import PlansScreen

            self.strongroom.open_list("retention")
            self.app.push_screen(PlansScreen())
        elif errand.mode == MAP:
            self.strips.go_to(errand.filter.stream)
        else:
            self.strongroom.open_list(errand.mode, errand.filter)


def days_of(cell: Cell) -> str:
    """Return the days of UTC that a cell touches, as a filter of lists has them."""
    first, last = cell.window.start.date(), (cell.window.end - timedelta(microseconds=1)).date()
    return f"{first}" if first == last else f"{first}..{last}"
