"""Changing a plan through a form: judged as the loader judges, shown what it means, then written with all comments.

What would be a backfill is shown before anything is written: how many exports, at which pace, by when, what is late.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from strongroom.config.edit import FIELDS, changed_fields, rewrite_stream, shown, try_stream
from strongroom.config.problem import ConfigRefused
from strongroom.config.schema import Config
from strongroom.config.sources import StreamSettings
from strongroom.engine.core.sources import Dependencies, engine_to_look
from strongroom.engine.queries.change_preview import ChangePreview, foresee, wants_more
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.text import clean
from strongroom.text.times import local
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.dialogs.form import Choice, Field, Form, problem_words
from strongroom_tui.reader import VaultAction, VaultSession
from strongroom_tui.screens.screen import LEAST_HEIGHT, TabScreen
from strongroom_tui.screens.steps import ask, perform, steps
from strongroom_tui.widgets.text import in_keys

_WINDOWS = (
    Choice("hour", "hour", "24 exports a day: only for very large streams. Uses the quota fastest."),
    Choice("day", "day", "One archive a day. Fits most streams."),
    Choice("week", "week", "One archive a week. Uses little quota; a failed window is a whole week."),
    Choice("month", "month", "One archive a month. Only for small streams."),
)
_PAUSED = (
    Choice("false", "no", "Windows are exported when their time comes."),
    Choice("true", "yes", "No new export starts. The provider goes on deleting: windows may be lost."),
)


def plan_fields(stream: StreamSettings, classes: Iterable[str]) -> list[Field]:
    """Return the lines of a plan."""
    now = shown(stream)
    known = ", ".join(classes)
    return [
        Field("window", "Window length", now["window"], choices=_WINDOWS),
        Field("settle", "Settle time", now["settle"], "6h", means="How long after its end a window is exported."),
        Field(
            "settled_pass",
            "Second pass",
            now["settled_pass"],
            "never; or 30d",
            means="How long after its end a window is exported again, for late changes. Empty: never.",
        ),
        Field("since", "Archive since", now["since"], means="A date such as 2026-01-01, a time, or oldest."),
        Field("time_zone", "Time zone of the windows", now["time_zone"], "UTC", means="Such as Europe/Berlin."),
        Field(
            "retention",
            "Retention class",
            now["retention"],
            "standard",
            means=f"{known}. Of several with commas, the longest applies." if known else "",
        ),
        Field("priority", "Priority", now["priority"], "0", means="From -10 to 10. Higher goes first."),
        Field("paused", "Paused", now["paused"], choices=_PAUSED),
    ]


class EditScreen(TabScreen):
    """One plan as lines to fill in, beside what the change means."""

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (LEAST_HEIGHT, "-high"), (20, "-roomy")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back", tooltip="Go back; what was changed is asked about"),
        Binding("ctrl+s", "go_on", "check and save", tooltip="Check the fields, then save them"),
        Binding("tab", "app.focus_next", "next", show=False),
        Binding("shift+tab", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, stream: StreamSettings) -> None:
        super().__init__()
        self._stream = stream
        self._edited = False  # since the last preview was begun
        self._previewing = False
        self._saving = False

    def contents(self) -> ComposeResult:
        """Yield the form, what it means, and the ways out."""
        yield Static(f"The plan of {clean(self._stream.name)}", markup=False, classes="heading")
        with Container(id="editing"):
            yield Form(
                plan_fields(
                    self._stream, [f"{each.name} ({each.period})" for each in self.strongroom.reader.config.retention]
                )
            )
            with VerticalScroll(id="preview", can_focus=False):
                yield Static(Text(_UNCHANGED), markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Check and save", id="go", compact=True)
            yield Button("Back", id="back", compact=True)

    def on_mount(self) -> None:
        """Focus the first line."""
        self.form.begin()

    @property
    def form(self) -> Form:
        """Return the lines."""
        return self.query_one(Form)

    @property
    def wants(self) -> Mapping[str, str]:
        """Return what is filled in otherwise than the plan says."""
        return changed_fields(self._stream, self.form.answers)

    @on(Form.Edited)
    def _begin_preview(self) -> None:
        self._edited = True
        if not self._previewing:
            self._previewing = True
            _worker: Worker[None] = self.strongroom.run_worker(self._preview, group="preview")

    async def _preview(self) -> None:
        """Judge what is filled in and say what it means, again for as long as somebody types meanwhile."""
        while self._edited and self.is_attached:
            self._edited = False
            wants, words = self.wants, _UNCHANGED
            wrong: Mapping[str, str] = {}
            if wants:
                try:
                    words = preview_words((await self.strongroom.reader.do(consider(self._stream.name, wants)))[0])
                except StrongroomError as error:
                    wrong = beside_fields(error)
                    words = _MARKED if wrong else in_keys(error.sentences)
            if self.is_attached:
                self.form.judge(wrong)
                self.query_one("#preview Static", Static).update(Text(words))
        self._previewing = False

    @steps
    async def action_leave(self) -> None:
        """Go back; ask first where something was changed."""
        if self.form.touched:
            words = f"You changed {number(len(self.wants) or 1, 'field')} of {self._stream.name} and did not save."
            await ask(self, Confirm("Discard your changes?", words, "Discard", safe="Keep editing"))
        self.app.pop_screen()

    @on(Button.Pressed, "#back")
    def _back(self) -> None:
        self.action_leave()

    @on(Button.Pressed, "#go")
    @on(Input.Submitted)
    def action_go_on(self) -> None:
        """Have the loader judge, show what it means, and write it."""
        if not self._saving:
            self._saving = True
            self._save()

    @steps
    async def _save(self) -> None:
        try:
            await self._judge_and_write(self.wants)
        except StrongroomError as error:
            wrong = beside_fields(error)
            self.form.judge(wrong, show=True)
            self.form.trouble("" if wrong else in_keys(f"{error.message}\n{error.hint}".strip()))
        finally:
            self._saving = False

    async def _judge_and_write(self, wants: Mapping[str, str]) -> None:
        """Want a confirmation of whatever means more work or loss, then write."""
        name = self._stream.name
        if not wants:
            raise UsageError("nothing was changed", hint="change a field, or go back with Esc")
        seen, would_be = await perform(self, consider(name, wants))
        if seen.more or wants_more(self._stream.plan(), would_be.stream(name).plan()):
            await ask(self, Confirm(f"Change the plan of {name}?", preview_words(seen), "Save"))
        await perform(self, partial(_write, name, wants))
        self.app.pop_screen()
        self.strongroom.show_result(f"saved: the plan of {name}; a running daemon applies it")


def _write(stream: str, wants: Mapping[str, str], session: VaultSession) -> Config:
    return rewrite_stream(session.config.file, stream, wants)


_UNCHANGED = "What changes: nothing yet. Change a field, and this says how many exports it means, and by when."
_MARKED = "Correct the marked field to see what changes."


def beside_fields(error: StrongroomError) -> Mapping[str, str]:
    """Return what is wrong with which field, where an error is about fields; where in the file is left out."""
    problems = error.problems if isinstance(error, ConfigRefused) else ()
    return {name: problem_words(each) for each in problems if (name := field_of(each.key)) in FIELDS}


def field_of(key: str) -> str:
    """Return the name of the field in a key such as stream[0].retention[1]."""
    return key.rpartition("].")[2].partition("[")[0] if "]." in key else key


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
        if seen.pace:
            hours = math.ceil(seen.exports / seen.pace)
            lines.append(
                f"They use {number(hours, 'hour')} of the quota of {seen.source}, shared with its other streams."
            )
        lines.append(f"{number(seen.late)} of them would be exported after the provider begins to delete the records.")
    if seen.late_beside:
        lines.append(
            f"{number(seen.late_beside, 'window')} of other streams of {seen.source} would then be exported too late."
        )
    if seen.lost:
        lines.append(f"{number(seen.lost, 'window')} would be lost at once: the provider no longer has them.")
    return "\n".join(lines)
