"""The first run: where there is no vault yet, a person is guided to one, step by step, as `strongroom init` does.

Nothing is made before the recovery identity has been copied to paper and part of it typed back. Nothing that exists is
touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Button, ContentSwitcher, Input, Static
from textual.worker import Worker

from strongroom.config.problem import ConfigRefused
from strongroom.config.template import FreshSource, default_since
from strongroom.engine.access.identity_files import weakness
from strongroom.engine.core.sources import Dependencies, system_clock
from strongroom.engine.monitor.source_check import look_at_source
from strongroom.engine.queries.initialize import NewVault, check_new_vault, would_be
from strongroom.engine.queries.setup_answers import DATASETS, WrongField, read_source
from strongroom.model.errors import ExitCode, StrongroomError, UsageError
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.dialogs.form import Field, Form, problem_words
from strongroom_tui.process import Ending, GuardedApp
from strongroom_tui.screens.first_vault import FirstVault, PaperScreen
from strongroom_tui.screens.setup_answers import (
    CLASS_CHOICES,
    PROVIDER_CHOICES,
    read_new_vault,
    report_text,
    require_passphrase,
)
from strongroom_tui.widgets.footer import KeyFooter

STEPS = ("account", "retention", "identity")
_WELCOME = (
    "There is no vault here yet. Strongroom archives the exports of your providers before they delete the records: it "
    "encrypts each export, reads it back and proves it. Nothing is created before the last step."
)
_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "account": ("Which account?", "Name the first account, or leave its name empty to add one later."),
        "retention": (
            "How long?",
            "Every archive is kept for this long. You can change the class of each stream later.",
        ),
        "identity": (
            "Vault and identity",
            "Only your passphrase and the recovery identity open the archives.",
        ),
    }
)


class SetupScreen(Screen[None]):
    """The account, the retention, and the vault with its identity, step by step; what is typed stays in each step."""

    # The base class declares both as they are here.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (60, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-tight"), (20, "-roomy")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "previous", "back", tooltip="Go to the step before; from the first, quit"),
        Binding("ctrl+t", "check", "check key", tooltip="Ask the provider with this key; nothing is exported"),
        Binding("ctrl+n", "another", "another account", tooltip="Add this account, and describe another"),
        Binding("tab", "app.focus_next", "next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, config: Path, data: Path) -> None:
        super().__init__()
        self._config = config
        self._data = data
        self._step = 0
        self._others: list[FreshSource] = []  # accounts that were added before the one in the form
        self._warned = ""  # the weak passphrase that a person was warned of

    def compose(self) -> ComposeResult:
        """Show the step, its lines to fill in, and the ways out."""
        yield Static(id="title", markup=False)
        yield Static(Text(_WELCOME), markup=False, classes="words")
        yield Static(id="ask", markup=False)
        with ContentSwitcher(initial="account"):
            yield Form(self._account_fields(), id="account")
            yield Form([Field("class", "Retention class", "standard", choices=CLASS_CHOICES)], id="retention")
            yield Form(self._identity_fields(), id="identity")
        with Horizontal(classes="buttons"):
            yield Button("Check key", id="check", compact=True)
            yield Button("Another", id="another", compact=True)
            yield Button("Back", id="back", compact=True)
            yield Button("Continue", id="go", compact=True)
        yield KeyFooter()

    def _account_fields(self) -> list[Field]:
        since = default_since("zavu", system_clock())
        return [
            Field(
                "account", "Name of the account", hint="zavu-main", means="Letters, digits and dashes. Empty: later."
            ),
            Field("provider", "Provider", "zavu", choices=PROVIDER_CHOICES),
            Field(
                "key",
                "Where its API key is stored",
                hint="file:/path, env:NAME, keyring:a/b",
                means="A reference, never the key itself. Check it with ctrl+t.",
            ),
            Field("datasets", "What to archive", "messages", means="Names of datasets, separated by commas."),
            Field("since", "Archive records since", since, means="A date, or oldest. Before it, nothing is exported."),
        ]

    def _identity_fields(self) -> list[Field]:
        return [
            Field("vault", "New folder for the vault", str(self._data / "vault")),
            Field("config", "New configuration file", str(self._config)),
            Field("passphrase", "Passphrase for your identity (private key)", secret=True, means="Five random words."),
            Field("again", "Repeat the passphrase", secret=True),
        ]

    def on_mount(self) -> None:
        """Begin in the first line."""
        self._show_step()

    @property
    def form(self) -> Form:
        """Return the lines of this step."""
        return self.query_one(f"#{STEPS[self._step]}", Form)

    @property
    def answers(self) -> dict[str, str]:
        """Return what is filled in, in all steps; a start that was left alone fits the chosen provider."""
        found = {name: text for form in self.query(Form) for name, text in form.answers.items()}
        if found["since"] == default_since("zavu", system_clock()):
            found["since"] = default_since(found["provider"], system_clock())
        if found["datasets"] == "messages":
            found["datasets"] = DATASETS[found["provider"]][0]
        return found

    @property
    def wanted(self) -> NewVault:
        """Return what is wanted so far. Raises UsageError where an account is wrong."""
        return read_new_vault(self.answers, self._others)

    def _show_step(self) -> None:
        step = STEPS[self._step]
        title, words = _WORDS[step]
        added = "".join(f"  ✓ {each.name}" for each in self._others)
        self.set_class(self._step > 0, "-later")  # what Strongroom does is said once
        head = f"First run {self._step + 1} of {len(STEPS) + 1}: {title}"
        self.query_one("#title", Static).update(Text(head, "bold reverse"))
        self.query_one("#ask", Static).update(Text(f"{words}{added}"))
        self.query_one(ContentSwitcher).current = step
        for name in ("check", "another"):
            self.query_one(f"#{name}", Button).display = step == "account"
        self.refresh_bindings()
        self.form.begin()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what belongs to the step."""
        if action in ("check", "another"):
            return STEPS[self._step] == "account"
        return super().check_action(action, parameters)

    @on(Button.Pressed, "#back")
    def action_previous(self) -> None:
        """Go to the step before; from the first, leave, and ask where something was typed."""
        if self._step:
            self._step -= 1
            self._show_step()
        elif self._others or any(form.touched for form in self.query(Form)):
            words = "What you typed is lost. Nothing was created."
            self.app.push_screen(Confirm("Quit the first run?", words, "Quit", safe="Stay"), self._leave)
        else:
            self.app.exit()

    def _leave(self, answer: str | None) -> None:
        if answer:
            self.app.exit()

    @on(Button.Pressed, "#check")
    def action_check(self) -> None:
        """Ask the provider with the key that is named; the answer stands under the fields."""
        try:
            source = read_source(self.answers, system_clock())
            if source is None:
                raise WrongField("account", "the account needs a name")
            config = would_be(replace(self.wanted, source=source, passphrase=None))
        except StrongroomError as error:
            self._refuse(error)
            return
        self.form.judge({})
        self.form.trouble("")
        self.form.tell(Text(f"asking {source.provider} …"))

        async def work() -> None:
            report = await asyncio.to_thread(look_at_source, config, source.name, Dependencies())
            if self.is_attached:
                self.query_one("#account", Form).tell(report_text(report))

        _worker: Worker[None] = self.run_worker(work, group="check", exclusive=True)

    @on(Button.Pressed, "#another")
    def action_another(self) -> None:
        """Add the account, and empty the lines for the next."""
        try:
            source = read_source(self.answers, system_clock())
            if source is None:
                raise WrongField("account", "the account needs a name")
            if source.name in {each.name for each in self._others}:
                raise WrongField("account", f"there is an account named {source.name} already")
        except StrongroomError as error:
            self._refuse(error)
            return
        self._others.append(source)
        for name in ("account", "key"):
            self.query_one(f"#field-{name}", Input).value = ""
        self.form.judge({})
        self.form.tell(Text(""))
        self._show_step()

    @on(Button.Pressed, "#go")
    def _go_on(self) -> None:
        form = self.form
        form.judge({})
        form.trouble("")
        try:
            wanted = self._judged()
        except StrongroomError as error:
            self._refuse(error)
            return
        if self._step + 1 < len(STEPS):
            self._step += 1
            self._show_step()
        else:
            self.app.push_screen(PaperScreen(wanted))

    def _judged(self) -> NewVault:
        """Judge this step alone, the last one with all of them. Raises UsageError."""
        if STEPS[self._step] != "identity":
            return self.wanted
        answers = self.answers
        require_passphrase(answers)
        wanted = self.wanted
        check_new_vault(wanted)
        weak = weakness(answers["passphrase"])
        if weak and self._warned != answers["passphrase"]:
            self._warned = answers["passphrase"]
            raise UsageError(f"! {weak}", hint="To use it anyway, choose Continue again.")
        return wanted

    def _refuse(self, error: StrongroomError) -> None:
        """Say what is wrong, beside its field where it has one."""
        if isinstance(error, WrongField):
            self.form.judge({error.field: error.sentences}, show=True)
        elif isinstance(error, ConfigRefused):
            self.form.trouble("\n".join(problem_words(each) for each in error.problems))
        else:
            self.form.trouble(f"{error.message}\n{error.hint}".strip())


class FirstRun(GuardedApp[FirstVault | None]):
    """Guides to a new vault; its result is what was made, or None."""

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


def set_up(config: Path, data: Path) -> FirstVault | None:
    """Guide a person to a new vault; return what was made, or None if they quit or the process must stop.

    The terminal is given back in every case.
    """
    with Ending(ExitCode.INTERRUPTED) as ending:
        return asyncio.run(_run(FirstRun(config, data), ending))


async def _run(app: FirstRun, ending: Ending) -> FirstVault | None:
    ending.asks(asyncio.get_running_loop(), partial(app.exit, None))
    made = await app.run_async()
    app.raise_fault()
    return made
