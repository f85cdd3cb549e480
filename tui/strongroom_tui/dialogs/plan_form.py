"""Changing a plan through a form: judged as the loader judges, shown what it means, then written with all comments.

What would be a backfill is shown before anything is written: how many exports, at which pace, by when, what is late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Static

from strongroom.config.edit import changed_fields, rewrite_stream, shown, try_stream
from strongroom.config.schema import Config
from strongroom.config.sources import StreamSettings
from strongroom.engine.core.sources import Dependencies, engine_to_look
from strongroom.engine.queries.change_preview import ChangePreview, foresee, wants_more
from strongroom.model.text import clean
from strongroom.text.times import local
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.dialogs.form import Field, Form
from strongroom_tui.reader import VaultAction, VaultSession
from strongroom_tui.screens.screen import TabScreen

_HINTS: Mapping[str, tuple[str, str]] = {
    "window": ("Window length", "hour, day, week or month"),
    "settle": ("Settle time after the end of a window", "6h"),
    "settled_pass": ("Second pass after the end of a window", "never; or 30d"),
    "since": ("Archive since", "oldest, 2026-01-01 or 2026-01-01T06:00:00Z"),
    "time_zone": ("Time zone of the windows", "UTC"),
    "retention": ("Retention class, or several separated by commas", "standard"),
    "priority": ("Priority, from -10 to 10", "0"),
    "paused": ("Paused, true or false", "false"),
}
_CHOICES: Mapping[str, tuple[str, ...]] = {"window": ("hour", "day", "week", "month"), "paused": ("true", "false")}


class EditScreen(TabScreen):
    """One plan as lines to fill in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back", tooltip="Go back and change nothing"),
        Binding("ctrl+s", "go_on", "check and save", tooltip="Check the fields, then save them"),
        Binding("tab", "app.focus_next", "next", show=False),
        Binding("shift+tab", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, stream: StreamSettings) -> None:
        super().__init__()
        self._stream = stream
        self._busy = False

    def contents(self) -> ComposeResult:
        """Yield the form and the ways out."""
        now = shown(self._stream)
        yield Static(f"The plan of {clean(self._stream.name)}", markup=False, classes="heading")
        fields = [
            Field(name, label, now[name], hint, choices=_CHOICES.get(name, ()))
            for name, (label, hint) in _HINTS.items()
        ]
        yield Form(fields)
        with Horizontal(classes="buttons"):
            yield Button("Check and save", id="go", compact=True)

    def on_mount(self) -> None:
        """Focus the first line."""
        self.form.begin()

    @property
    def form(self) -> Form:
        """Return the lines."""
        return self.query_one(Form)

    @on(Button.Pressed, "#go")
    @on(Input.Submitted)
    def action_go_on(self) -> None:
        """Have the loader judge, then show what it means, or write it."""
        wants = changed_fields(self._stream, self.form.answers)
        if not wants:
            self._trouble_in_form("nothing was changed")
        elif not self._busy:
            self._busy = True
            self.do(consider(self._stream.name, wants), lambda seen: self._ask(wants, *seen), self._trouble_in_form)

    def _ask(self, wants: Mapping[str, str], seen: ChangePreview, would_be: Config) -> None:
        """Want a confirmation of whatever means more work or loss."""
        self._busy = False
        after = would_be.stream(self._stream.name).plan()
        if not seen.more and not wants_more(self._stream.plan(), after):
            self._write(wants)
            return

        def answered(answer: str | None) -> None:
            if answer:
                self._write(wants)

        title = f"Change the plan of {self._stream.name}?"
        self.app.push_screen(Confirm(title, preview_words(seen), "Save"), answered)

    def _write(self, wants: Mapping[str, str]) -> None:
        def write(session: VaultSession) -> None:
            rewrite_stream(session.config.file, self._stream.name, wants)

        def written(_answer: None) -> None:
            self._busy = False
            if self.is_current:
                self.app.pop_screen()
            self.report(f"saved: the plan of {self._stream.name}; a running daemon applies it")

        self._busy = True
        self.do(write, written, self._trouble_in_form)

    def _trouble_in_form(self, words: str) -> None:
        self._busy = False
        self.form.trouble(words)


def consider(stream: str, wants: Mapping[str, str]) -> VaultAction[tuple[ChangePreview, Config]]:
    """Return the action that works out what a change would mean; it writes nothing."""

    def considering(session: VaultSession) -> tuple[ChangePreview, Config]:
        would_be = try_stream(session.config.file, stream, wants)
        engine = session.engine() or engine_to_look(session.config, session.vault, Dependencies(clock=session.clock))
        return foresee(engine, session.config, would_be, stream), would_be

    return considering


def preview_words(seen: ChangePreview) -> str:
    """Say what work a change brings."""
    lines = [f"{number(seen.exports, 'export')} pending with the change, {number(seen.before)} pending now."]
    if seen.exports and seen.first is not None:
        lines.append(
            f"From {local(seen.first)} on, up to {seen.pace:g} an hour; all archived by {local(seen.done_by)}."
        )
        lines.append(f"{number(seen.late)} of them would be exported after the provider begins to delete the records.")
    if seen.late_beside:
        lines.append(
            f"{number(seen.late_beside, 'window')} of other streams of {seen.source} would then be exported too late."
        )
    if seen.lost:
        lines.append(f"{number(seen.lost, 'window')} would be lost at once: the provider no longer has them.")
    return "\n".join(lines)
