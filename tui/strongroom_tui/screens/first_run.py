"""The first run: where there is no vault yet, a person is guided to one, step by step, as `strongroom init` does.

Nothing is made before the recovery identity has been copied to paper and part of it typed back. Nothing that exists is
touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from strongroom.config.load import PROVIDERS
from strongroom.config.template import FreshSource, default_since, toml_value
from strongroom.config.values import parse_dataset, parse_name, parse_secret_ref, since_in
from strongroom.engine.access.identity_files import ASKED, copied, sheet, weakness
from strongroom.engine.core.identities import NewIdentity, make_identity
from strongroom.engine.core.sources import Dependencies, system_clock
from strongroom.engine.queries.initialise import Made, Wishes, check_wishes, initialise
from strongroom.model.errors import ExitCode, StrongroomError, UsageError
from strongroom.model.text import clean
from strongroom_tui.dialogs.form import Field, Form, typed_path
from strongroom_tui.process import Ending, GuardedApp
from strongroom_tui.widgets.footer import KeyFooter

TRIES = 3
_WELCOME = (
    "There is no vault here yet. Strongroom archives the exports of your providers before they delete the records: it "
    "encrypts each export, reads it back and proves it. To begin, it needs a folder and a passphrase. Leave the "
    "account empty to add one later in the configuration."
)
_BRIEF = "There is no vault here yet. To begin, Strongroom needs a folder and a passphrase."
_PAPER = (
    "Copy this to paper by hand and keep it in a safe. It is shown only once and stored nowhere. "
    "Without it, a lost passphrase means that every archive is lost."
)


class SetupScreen(Screen[None]):
    """Where the vault goes, the passphrase, and the first account. Where it is low the lines to fill in come first."""

    # The base class declares it as it is here.
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-tight"), (20, "-roomy")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.quit", "leave", tooltip="Quit; nothing is created"),
        Binding("tab", "app.focus_next", "next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, config: Path, data: Path) -> None:
        super().__init__()
        self._config = config
        self._data = data
        self._warned = ""  # the weak passphrase that a person was warned of

    def compose(self) -> ComposeResult:
        """Say what this is, then the lines to fill in."""
        yield Static(Text("Strongroom: the first run", "bold reverse"), markup=False)
        yield Static(Text(_WELCOME), markup=False, classes="words")
        yield Static(Text(_BRIEF), markup=False, classes="brief")
        yield Form(
            [
                Field("vault", "New folder for the vault", str(self._data / "vault")),
                Field("config", "New configuration file", str(self._config)),
                Field("passphrase", "Passphrase for your identity (private key)", secret=True),
                Field("again", "Repeat the passphrase", secret=True),
                Field("account", "Name of the first account", hint="zavu-main, or leave it empty"),
                Field("provider", "Its provider", "zavu", "zavu, hookbridge or qlara"),
                Field(
                    "key", "Where its API key is stored (not the key itself)", hint="file:/path, env:NAME, keyring:a/b"
                ),
                Field("datasets", "What to archive", "messages", "names separated by commas"),
                Field("since", "Archive records since", default_since("zavu", system_clock()), "a date, or oldest"),
            ]
        )
        with Horizontal(classes="buttons"):
            yield Button("Continue", id="go", compact=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin in the first line."""
        self.query_one(Form).begin()

    @on(Button.Pressed, "#go")
    def _go_on(self) -> None:
        form = self.query_one(Form)
        answers = form.answers
        if answers["since"] == default_since("zavu", system_clock()):  # untouched: what fits the chosen provider
            answers = {**answers, "since": default_since(answers["provider"], system_clock())}
        try:
            wishes = read_wishes(answers)
            check_wishes(wishes)
        except StrongroomError as error:
            form.trouble(f"{error.message}\n{error.hint}".strip())
            return
        passphrase = answers["passphrase"]
        weak = weakness(passphrase)
        if weak and self._warned != passphrase:
            self._warned = passphrase
            form.trouble(f"! {weak}\nTo use it anyway, choose Continue again.")
            return
        self.app.push_screen(PaperScreen(wishes))


class PaperScreen(Screen[None]):
    """The recovery identity, to be copied by hand and typed back in part."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.quit", "leave", tooltip="Quit; nothing is created")]

    def __init__(self, wishes: Wishes) -> None:
        super().__init__()
        self._wishes = wishes
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
            made = initialise(self._wishes, self._recovery, self._doors)
        except StrongroomError as error:
            self.query_one("#trouble", Static).update(Text(error.sentences, "bold red"))
            return
        self.app.push_screen(Ready(made))


class Ready(Screen[None]):
    """What was made, and where."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open the vault", tooltip="Open the screen on the new vault"),
        Binding("escape", "open", "open the vault", show=False),
    ]

    def __init__(self, made: Made) -> None:
        super().__init__()
        self._made = made

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
            f"Add accounts as [[source]] and what to archive as [[stream]] in {made.config}",
        ]
        with VerticalScroll():
            yield Static(Text("✓ The vault was created.", "bold green"), markup=False)
            yield Static(Text("\n".join(["", *(clean(line) for line in lines)])), markup=False)
        yield KeyFooter()

    def action_open(self) -> None:
        """Go on to the vault."""
        self.app.exit(self._made.config)


class FirstRun(GuardedApp[Path | None]):
    """Guides to a new vault; its result is the configuration that was made, or None."""

    TITLE = "Strongroom"
    CSS_PATH = "../strongroom.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, config: Path, data: Path) -> None:
        super().__init__()
        self._config = config
        self._data = data

    def on_mount(self) -> None:
        """Begin."""
        self.push_screen(SetupScreen(self._config, self._data))


def set_up(config: Path, data: Path) -> Path | None:
    """Guide a person to a new vault; return its configuration, or None if they quit or the process must stop.

    The terminal is given back in every case.
    """
    with Ending(ExitCode.INTERRUPTED) as ending:
        return asyncio.run(_run(FirstRun(config, data), ending))


async def _run(app: FirstRun, ending: Ending) -> Path | None:
    ending.asks(asyncio.get_running_loop(), partial(app.exit, None))
    made = await app.run_async()
    app.raise_fault()
    return made


def read_wishes(answers: Mapping[str, str]) -> Wishes:
    """Read what was filled in. Raises UsageError with what is wrong."""
    if not answers["passphrase"]:
        raise UsageError("the identity needs a passphrase", hint="you type it whenever an archive is opened")
    if answers["passphrase"] != answers["again"]:
        raise UsageError("the two passphrases are not the same", hint="type both again")
    config = typed_path(answers["config"])
    return Wishes(
        vault=typed_path(answers["vault"]),
        config=config,
        identity=config.with_name("identity.age"),
        passphrase=answers["passphrase"],
        source=_source(answers),
    )


def _source(answers: Mapping[str, str]) -> FreshSource | None:
    if not answers["account"]:
        return None
    datasets = tuple(part.strip() for part in answers["datasets"].split(",") if part.strip())
    if not datasets:
        raise UsageError("the account needs something to archive", hint="name datasets, such as messages")
    if answers["provider"] not in PROVIDERS:
        raise UsageError("the account needs its provider", hint=f"one of {', '.join(sorted(PROVIDERS))}")
    parse_name(answers["account"])
    parse_secret_ref(answers["key"])
    for dataset in datasets:
        parse_dataset(dataset)
    since = answers["since"].strip() or default_since(answers["provider"], system_clock())
    if since != "oldest":
        since_in("UTC")(toml_value(since))
    return FreshSource(answers["account"], answers["provider"], answers["key"], datasets, since)
