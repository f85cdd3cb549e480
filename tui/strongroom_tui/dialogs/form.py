"""Paths that a person types, and the folder that is suggested for them: the working directory may have been removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

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


class Field(Struct, frozen=True):
    """One line. Its name is how the answer is found again."""

    name: str
    label: str
    value: str = ""
    hint: str = ""  # an example, shown while the line is empty
    secret: bool = False
    choices: tuple[str, ...] = ()  # all that may stand in it, where that is few words: checked while it is typed


class Form(VerticalScroll, can_focus=False):
    """The lines of a form."""

    def __init__(self, fields: Sequence[Field]) -> None:
        super().__init__()
        self._fields = fields

    def compose(self) -> ComposeResult:
        """Put each line under its label, and room for trouble at the end."""
        for field in self._fields:
            yield Static(Text(field.label, "bold"), markup=False)
            words = SuggestFromList(field.choices, case_sensitive=False) if field.choices else None
            name = f"field-{field.name}"
            yield Input(field.value, field.hint, password=field.secret, id=name, compact=True, suggester=words)
        yield Static(id="trouble", markup=False)

    @property
    def answers(self) -> Mapping[str, str]:
        """Return what is filled in, by name; a secret as it was typed, all else without spaces around it."""
        return {
            field.name: line if field.secret else line.strip()
            for field in self._fields
            for line in [self.query_one(f"#field-{field.name}", Input).value]
        }

    @on(Input.Changed)
    def _judge(self, event: Input.Changed) -> None:
        """Say at once where a line can be nothing that is offered; what may still become one is left alone."""
        field = next(each for each in self._fields if event.input.id == f"field-{each.name}")
        typed = event.value.strip().lower()
        if field.choices and not any(each.startswith(typed) for each in field.choices):
            self.trouble(f"{field.label}: {' or '.join(field.choices)}")
        elif field.choices:
            self.query_one("#trouble", Static).update("")

    def trouble(self, words: str) -> None:
        """Say what is wrong."""
        lines = "\n".join(clean(line) for line in words.split("\n"))
        self.query_one("#trouble", Static).update(Text(lines, "bold red"))
        self.scroll_end(animate=False)

    def begin(self) -> None:
        """Focus the first line."""
        self.query(Input).first().focus(scroll_visible=False)
        self.call_after_refresh(self.scroll_home, animate=False)  # or the label above would be out of sight
