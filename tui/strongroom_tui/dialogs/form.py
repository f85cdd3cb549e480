"""Forms: fields with what they mean and what is wrong beside each; and paths that a person types.

What is suggested for a path is checked too: the working directory may have been removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from msgspec import Struct
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Select, Static

from strongroom.config.problem import Problem
from strongroom.model.errors import UsageError
from strongroom.model.text import clean


def start_folder() -> Path:
    """Return the working directory, or the home where it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path.home()


def typed_path(text: str) -> Path:
    """Return the whole path that was typed. Raises UsageError for one that leads nowhere."""
    try:
        return Path(text.strip()).expanduser().absolute()
    except RuntimeError:  # of a person who is not there
        raise UsageError(f"there is no home for {text.strip()!r}", hint="give the whole path") from None
    except OSError:
        words = f"{text.strip()} is relative, and the working directory was removed"
        raise UsageError(words, hint="give the whole path") from None


def path_trouble(text: str) -> str:
    """Return what is wrong with a path that was typed, or nothing."""
    try:
        typed_path(text)
    except UsageError as error:
        return error.sentences
    return ""


def problem_words(problem: Problem) -> str:
    """Say what is wrong with a value."""
    more = f"; {problem.suggestion}" if problem.suggestion else ""
    return f"expected {problem.expected}, got {problem.got}{more}"


class Choice(Struct, frozen=True):
    """One of the values of a field: what a person reads, and a sentence on what it means."""

    value: str
    label: str
    means: str = ""


class Field(Struct, frozen=True):
    """One line. Its name is how the answer is found again."""

    name: str
    label: str
    value: str = ""
    hint: str = ""  # an example, shown while the line is empty
    secret: bool = False
    choices: tuple[Choice, ...] = ()  # all that it can be; chosen from a list then
    means: str = ""  # a sentence under the line


class FieldRow(Vertical):
    """A label, what is filled in, and under it what that means or what is wrong with it."""

    def __init__(self, field: Field) -> None:
        super().__init__(id=f"row-{field.name}")
        self.field = field
        self._wrong = ""

    def compose(self) -> ComposeResult:
        """Put what is filled in between its label and its note."""
        field, name = self.field, f"field-{self.field.name}"
        yield Static(Text(field.label, "bold"), markup=False)
        if field.choices:
            options = [(each.label, each.value) for each in field.choices]
            yield Select(options, value=field.value, allow_blank=False, id=name, compact=True)
        else:
            yield Input(field.value, field.hint, password=field.secret, id=name, compact=True)
        yield Static(id=f"note-{field.name}", markup=False, classes="note")

    def on_mount(self) -> None:
        """Show what the field means."""
        self._note()

    @property
    def control(self) -> Input | Select[str]:
        """Return what is filled in."""
        if self.field.choices:
            return cast("Select[str]", self.query_one(Select))
        return self.query_one(Input)

    @property
    def answer(self) -> str:
        """Return what is filled in; a secret as it was typed, all else without spaces around it."""
        value = str(self.control.value)
        return value if self.field.secret else value.strip()

    def tell(self, wrong: str) -> None:
        """Say what is wrong here, or that nothing is."""
        if wrong != self._wrong:
            self._wrong = wrong
            self._note()

    @on(Input.Changed)
    @on(Select.Changed)
    def _note(self) -> None:
        note, means = self.query_one(".note", Static), self.field.means
        for each in self.field.choices:
            if each.value == self.answer:
                means = each.means or means
        note.display = bool(self._wrong or means)
        note.update(Text(f"✗ {clean(self._wrong)}", "bold red") if self._wrong else Text(means, "dim"))


class Form(VerticalScroll, can_focus=False):
    """The lines of a form."""

    class Edited(Message):
        """Something was filled in otherwise."""

    def __init__(self, fields: Sequence[Field], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fields = fields

    def compose(self) -> ComposeResult:
        """Put the lines under each other, and room for trouble at the end."""
        for field in self._fields:
            yield FieldRow(field)
        yield Static(markup=False, classes="trouble")

    @property
    def answers(self) -> Mapping[str, str]:
        """Return what is filled in, by name."""
        return {row.field.name: row.answer for row in self.query(FieldRow)}

    @property
    def touched(self) -> bool:
        """Say whether anything is filled in otherwise than at the beginning."""
        return any(row.answer != row.field.value for row in self.query(FieldRow))

    @on(Input.Changed)
    @on(Select.Changed)
    def _edited(self) -> None:
        self.post_message(self.Edited())

    def judge(self, wrong: Mapping[str, str], *, show: bool = False) -> None:
        """Say beside each field what is wrong with it; with `show`, go to the first of them."""
        rows = list(self.query(FieldRow))
        for row in rows:
            row.tell(wrong.get(row.field.name, ""))
        first = next((row for row in rows if row.field.name in wrong), None)
        if show and first is not None:
            first.control.focus(scroll_visible=False)
            self.call_after_refresh(self.scroll_to_widget, first, animate=False)

    def trouble(self, words: str) -> None:
        """Say what is wrong with no one field."""
        self.tell(Text("\n".join(clean(line) for line in words.split("\n")), "bold red"))

    def tell(self, words: Text) -> None:
        """Say something under the fields."""
        self.query_one(".trouble", Static).update(words)
        if words:
            self.call_after_refresh(self.scroll_end, animate=False)

    def begin(self) -> None:
        """Focus the first line."""
        self.query_one(FieldRow).control.focus(scroll_visible=False)
        self.call_after_refresh(self.scroll_home, animate=False)  # or the label above would be out of sight
