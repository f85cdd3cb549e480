"""The end of the first run: the recovery identity on paper, then what was made, and the start of archiving."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from strongroom.engine.access.identity_files import ASKED, copied, sheet
from strongroom.engine.core.identities import NewIdentity, make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.queries.initialize import CreatedVault, NewVault, initialize
from strongroom.model.errors import StrongroomError
from strongroom.model.text import clean
from strongroom_tui.widgets.footer import KeyFooter

TRIES = 3
_PAPER = (
    "Copy this to paper by hand and keep it in a safe. It is shown only once and stored nowhere. "
    "Without it, a lost passphrase means that every archive is lost."
)


class PaperScreen(Screen[None]):
    """The recovery identity, to be copied by hand and typed back in part."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back", tooltip="Go back; this recovery identity is not used")
    ]

    def __init__(self, wanted: NewVault) -> None:
        super().__init__()
        self._new_vault = wanted
        self._doors = Dependencies()
        self._recovery: NewIdentity = make_identity(self._doors.random_bytes)
        self._tries = 0

    def compose(self) -> ComposeResult:
        """Show the sheet over the line for what was copied."""
        lines = sheet(self._recovery.secret, self._recovery.recipient, self._doors.clock())
        yield Static(Text(_PAPER), markup=False, classes="words")
        with VerticalScroll():
            yield Static(Text("\n".join(lines)), markup=False)
        yield Static(Text(f"Type the last {ASKED} characters from your paper:", "bold"), markup=False)
        yield Input(id="copied", compact=True)
        yield Static(id="trouble", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Focus the line."""
        self.query_one("#copied", Input).focus()

    @on(Input.Submitted)
    def _compare(self, event: Input.Submitted) -> None:
        if not copied(self._recovery.secret, event.value):
            self._tries += 1
            if self._tries >= TRIES:
                self.app.exit(None, message="the recovery identity was not confirmed, so nothing was created")
            words = "These are not the characters above. Compare them one by one and try again."
            self.query_one("#trouble", Static).update(Text(words, "bold red"))
            return
        try:
            made = initialize(self._new_vault, self._recovery, self._doors)
        except StrongroomError as error:
            self.query_one("#trouble", Static).update(Text(error.sentences, "bold red"))
            return
        self.app.push_screen(Ready(made, starts=bool(self._new_vault.source or self._new_vault.others)))


class FirstVault(Struct, frozen=True):
    """What the first run made, and whether to start archiving."""

    config: Path
    start: bool


class Ready(Screen[None]):
    """What was made, and where; archiving can start from here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "open", "open the vault", tooltip="Open the screen on the new vault; start nothing"),
        Binding("tab", "app.focus_next", "next", show=False, priority=True),
    ]

    def __init__(self, made: CreatedVault, *, starts: bool) -> None:
        super().__init__()
        self._made = made
        self._starts = starts

    def compose(self) -> ComposeResult:
        """Name every place, and what comes next."""
        made = self._made
        lines = [
            f"vault           {made.vault}",
            f"configuration   {made.config}",
            f"identity        {made.identity}, protected by your passphrase",
            "recovery        on your paper and nowhere else",
            "",
            "Keep a copy of the identity file elsewhere: with the passphrase, it opens your archives.",
            (
                "Start archiving runs the daemon in the background until you log out; the first export then appears "
                "in Jobs. To run it always: strongroom service install"
                if self._starts
                else f"Add accounts as [[source]] and what to archive as [[stream]] in {made.config}"
            ),
        ]
        with VerticalScroll():
            yield Static(Text("✓ The vault was created.", "bold green"), markup=False)
            yield Static(Text("\n".join(["", *(clean(line) for line in lines)])), markup=False)
        with Horizontal(classes="buttons"):
            if self._starts:
                yield Button("Start archiving", id="start", compact=True)
            yield Button("Open the vault", id="open", compact=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Focus what most people want."""
        self.query(Button).first().focus()

    @on(Button.Pressed, "#start")
    def _start(self) -> None:
        self.app.exit(FirstVault(self._made.config, start=True))

    @on(Button.Pressed, "#open")
    def action_open(self) -> None:
        """Go on to the vault."""
        self.app.exit(FirstVault(self._made.config, start=False))
