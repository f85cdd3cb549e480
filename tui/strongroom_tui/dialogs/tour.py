"""The guided tour: ten steps through the tabs, each in a few lines at the foot of the tab that it explains."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, cast

from msgspec import Struct
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from strongroom_tui.screens.screen import Host
from strongroom_tui.widgets.header import DEMO


class TourStep(Struct, frozen=True):
    """One step: where it leads, and what is seen there."""

    mode: str
    title: str
    text: str  # of any vault; at most 140 characters, so that it fits the smallest terminal
    demo: str  # of the demo company


TOUR = (
    TourStep(
        "overview",
        "Am I covered?",
        "Here it says whether anything needs you, the most urgent first: what is at risk, failed, or waits.",
        "One day is at risk: HookBridge deletes it on 6 December. And 37 days of spring are lost: its key was revoked.",
    ),
    TourStep(
        "overview",
        "Every day of every stream",
        "Each row is a stream, each cell a day. Move with the arrows: a line names the day, its state and the reason.",
        "Follow campaign-texts: Qlara was down for two weeks, and the daemon is filling the gap while you look.",
    ),
    TourStep(
        "schedules",
        "What is exported, and when",
        "A plan says from when on a stream must be covered, in which windows, and for how long it is retained.",
        "Six streams of three providers. Change a plan here and see first which windows and exports that means.",
    ),
    TourStep(
        "jobs",
        "What is being done",
        "Each window becomes one export job. A failed job waits for you: open it for the reason, then retry it.",
        "Filter by failed (/): every file of 1 November arrived damaged. Retry the job, and this time it succeeds.",
    ),
    TourStep(
        "archives",
        "What you have",
        "Each archive is what the provider delivered, sealed and read back. A damaged file is in quarantine.",
        "Filter by quarantined (/): six files of HookBridge and two of Zavu arrived damaged.",
    ),
    TourStep(
        "retention",
        "What may be destroyed",
        "Nothing is destroyed before its period ends. A legal hold overrides every period until it is released.",
        "Five activity logs are eligible. The hold for Dunmore v. Harbor & Pine protects the messages of spring.",
    ),
    TourStep(
        "retention",
        "Never alone",
        "A destruction takes a proposal, the approval of another person, and a week in which anyone can undo it.",
        "Maria proposed three archives on Saturday. You are the second person: approve the plan, or reject it.",
    ),
    TourStep(
        "evidence",
        "Can I prove it?",
        "Every event is a line of a chained log. Signed checkpoints leave this machine, so that no line can change.",
        "Fourteen months of checkpoints are in the folder of the audit host. Verify the log, or prove one archive.",
    ),
    TourStep(
        "search",
        "What was said, and by whom",
        "Words, senders, numbers and dates are searched in all archives at once. Only your identity can do that.",
        "Search for from:support, mark what matters in a case, place a hold on it, or produce it for a lawyer.",
    ),
    TourStep(
        "health",
        "Would I still have it?",
        "Disk, clock, keys and copies, and whether old archives are unchanged. ? shows all keys, ctrl+p all actions.",
        "The copy office-nas is behind because its disk is away, and no recovery drill was passed. That is the tour.",
    ),
)


class TourHost(Host, Protocol):
    """The app, as the tour sees it."""

    screen: Screen[Any]

    def action_go(self, mode: str) -> None:
        """Go to one of the tabs."""


def begin_tour(host: TourHost, number: int = 0) -> None:
    """Go to where a step leads, and explain it there."""
    host.action_go(TOUR[number].mode)
    screen = host.screen
    screen.query(TourPanel).remove()
    screen.call_after_refresh(screen.mount, TourPanel(number))


class TourPanel(Widget, can_focus=True):
    """The words of one step, above the last line. It has the keys until it is left."""

    DEFAULT_CSS = """
    TourPanel {
        dock: bottom;
        margin-bottom: 1;
        height: auto;
        padding: 0 1;
        background: $panel;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,enter,space", "next", "next", key_display="→", tooltip="The next step of the tour"),
        Binding("left,backspace", "back", "back", key_display="←", tooltip="The step before"),
        Binding("escape", "leave", "leave the tour", tooltip="Leave the tour"),
    ]

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    @property
    def host(self) -> TourHost:
        """Return the app."""
        return cast("TourHost", self.app)

    def on_mount(self) -> None:
        """Take the keys."""
        self.focus()

    def render(self) -> Text:
        """Draw the step, and the keys that lead on."""
        step = TOUR[self._number]
        last = self._number == len(TOUR) - 1
        head = f"{self._number + 1} of {len(TOUR)}  {step.title}"
        words = step.demo if self.host.beside.idle == DEMO.lines else step.text
        keys = "esc leaves" if last else "→ next, esc leaves"
        return Text.assemble((head, "bold"), "\n", words, " ", (f"({keys})", "bold"))

    def action_next(self) -> None:
        """Go to the next step; after the last one the tour is over."""
        self.remove()
        if self._number + 1 < len(TOUR):
            begin_tour(self.host, self._number + 1)

    def action_back(self) -> None:
        """Go to the step before."""
        if self._number:
            self.remove()
            begin_tour(self.host, self._number - 1)

    def action_leave(self) -> None:
        """Leave the tour, and stay in this tab."""
        self.remove()
