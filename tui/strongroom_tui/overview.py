"""The first room: am I covered, what is at risk, what runs now, and how old is the last proof."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from strongroom.engine.assembly import plans_of
from strongroom.engine.coverage.snapshots import marked
from strongroom.engine.glance import Glance, Look, take_glance
from strongroom_tui.desk import Desk
from strongroom_tui.glancewords import risk_lines, spot_words, vault_lines, work_lines
from strongroom_tui.plain import clip
from strongroom_tui.room import Room
from strongroom_tui.strips import Strips, title


@dataclass(frozen=True, slots=True)
class GlanceQuestion:
    """The vault on one screen."""

    look: Look

    def ask(self, desk: Desk) -> Glance:
        """Read it."""
        engine, plans = desk.engine(), plans_of(desk.config)
        if engine is None:
            return take_glance(desk.vault, plans, desk.limits, desk.clock(), self.look)
        spots = {name: source.provider.capabilities.blind_spots for name, source in engine.sources.items()}
        marks = [replace(plan, snapshot=marked(engine, plan).snapshot) for plan in plans]
        return take_glance(desk.vault, marks, desk.limits, desk.clock(), self.look, spots)


class OverviewRoom(Room):
    """Coverage, risk, work and proof at a glance."""

    MODE: ClassVar[str] = "overview"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next pane", show=False),
    ]

    def contents(self) -> ComposeResult:
        """Yield the risk, the strips, the work and the vault."""
        yield Static(id="risk", markup=False)
        with Vertical(id="coverage"):
            yield Strips()
        yield Static(id="spot", markup=False)
        with Vertical(id="work"):
            yield Static(id="jobs-now", markup=False)
        with Vertical(id="vault"):
            yield Static(id="vault-lines", markup=False)

    def on_mount(self) -> None:
        """Begin in the strips, with cells as long as last time."""
        self.strips.begin(self.strongroom.zoom)
        self.strips.focus()

    @property
    def strips(self) -> Strips:
        """Return the strips."""
        return self.query_one(Strips)

    def question(self) -> GlanceQuestion:
        """Ask for as much as there is room for."""
        return GlanceQuestion(self.strips.wanted)

    def paint(self) -> None:
        """Show the answer, or the one before it while another is on its way."""
        last = self._last
        if last is None or not isinstance(last.answer, Glance):
            return
        glance, now, width = last.answer, self.strongroom.clock(), max(0, self.size.width - 2)
        self.query_one("#risk", Static).update(risk_lines(glance, now, width, max(1, self.size.height // 8)))
        self.strips.show(glance, now)
        self._paint_titles(glance, width)
        self.query_one("#spot", Static).update(spot_words(self.strips.spot, width))
        most = max(1, min(16, self.size.height // 5))
        self.query_one("#jobs-now", Static).update(work_lines(glance, last.status, now, width, most))
        self.query_one("#vault-lines", Static).update(vault_lines(glance, last.status, now, width))
        if glance.look != self.strips.wanted:
            self.strongroom.reread()

    def _paint_titles(self, glance: Glance, width: int) -> None:
        shown = ""
        if len(glance.strips) < glance.streams:
            shown = f" {glance.look.first + 1}-{glance.look.first + len(glance.strips)} of {glance.streams}"
        words = title(glance.look.zoom, shown, max(0, width - 2))
        self.query_one("#coverage").border_title = Content(clip(words, max(0, width - 2)))
        self.query_one("#work").border_title = Content(" Now ")
        self.query_one("#vault").border_title = Content(" Vault ")

    @on(Strips.Moved)
    def _look_elsewhere(self) -> None:
        self.strongroom.zoom = self.strips.wanted.zoom
        last = self._last
        if last is None or not isinstance(last.answer, Glance) or last.answer.look != self.strips.wanted:
            self.strongroom.reread()
        self.paint()

    @on(Strips.Opened)
    def _open(self, event: Strips.Opened) -> None:
        self.strongroom.open_archives(event.stream)
