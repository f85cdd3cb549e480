"""The part of the app that goes to places: by letters after `g`, by the palette, back and forward, by breadcrumbs."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider

from strongroom_tui.places import History, Place
from strongroom_tui.screens.results import ActingApp
from strongroom_tui.widgets.breadcrumbs import Breadcrumbs
from strongroom_tui.widgets.filter_line import Filter


def _jumps() -> type[Provider]:
    from strongroom_tui.dialogs.jump import Jumps  # by now somebody goes somewhere

    return Jumps


class TravelApp(ActingApp):
    """An app of places."""

    COMMANDS = App.COMMANDS | {_jumps}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "go_anywhere", "go to", show=False, key_display=":", tooltip="Go anywhere by its name"),
        Binding(
            "g", "go_prefix", "go to …", show=False, tooltip="Go to a tab by its letter: g o, g j, g a; g g the top"
        ),
        Binding("left_square_bracket", "travel(-1)", "back", show=False, key_display="[", tooltip="The place before"),
        Binding("right_square_bracket", "travel(1)", "forward", show=False, key_display="]", tooltip="Forward again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.history = History()

    def action_go(self, mode: str) -> None:
        """Go to one of the tabs."""
        raise NotImplementedError

    def action_go_anywhere(self) -> None:
        """Open the palette. The toolkit binds its own key only where no other key has the same action."""
        self.action_command_palette()

    def action_go_prefix(self) -> None:
        """Wait for the letter of a place."""
        from strongroom_tui.dialogs.jump import GoTo

        async def chosen(kind: str | None) -> None:
            if kind == "top":
                self.simulate_key("home")
            elif kind is not None:
                await self.go_to(Place(kind))

        self.push_screen(GoTo(), chosen)

    async def action_travel(self, steps: int) -> None:
        """Go to the place before this one, or forward again."""
        place = self.history.move(steps)
        if place is None:
            self.notify("no place before this one" if steps < 0 else "no place after this one", timeout=2)
        else:
            await self.go_to(place)

    def visited(self, place: Place) -> None:
        """Take note of where a person is."""
        self.history.visit(place)

    async def go_to(self, place: Place) -> None:
        """Show a place; what lies over its tab is closed."""
        from strongroom_tui.screens.open_place import screen_of  # it knows every screen

        mode, over = screen_of(place)
        self.action_go(mode)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if over is not None:
            await self.push_screen(over)
        elif place.key:
            self.open_list(mode, Filter(place.key))

    @on(Breadcrumbs.Chosen)
    def _go_back(self, event: Breadcrumbs.Chosen) -> None:
        while len(self.screen_stack) > event.place + 1:
            self.pop_screen()

    def open_list(self, mode: str, wanted: Filter | None = None) -> None:
        """Go to a tab; if it is a list and a filter is given, show what that lets through."""
        from strongroom_tui.screens.list_screen import ListTab

        self.action_go(mode)
        tab = self.screen_stack[0]
        if wanted is not None and isinstance(tab, ListTab):
            tab.apply(wanted)
