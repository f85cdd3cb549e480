"""Questions to the person: a choice of which the safe one has the focus, a line of text, a name to be typed.

A dialog returns what was answered, or None where a person went back. Whatever destroys something says what and how
many, and wants the name typed: Enter alone never destroys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from strongroom.model.text import clean
from strongroom_tui.dismissal import DismissibleScreen
from strongroom_tui.widgets.footer import KeyFooter
from strongroom_tui.widgets.text import hang

_MOST_WORDS = 14  # lines of words that are shown before they have to be scrolled


class Answer(Button):
    """A button whose key is shown in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "press", "choose", tooltip="Take this answer")]


class InputLine(Input):
    """A line whose key is shown in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "continue", tooltip="Take what is written")]


class Dialog(ModalScreen[str], DismissibleScreen[str]):
    """A question in a box over the tab that it is about. Esc goes back with nothing done.

    Where it is low the words give way and are scrolled; fields and buttons stay in sight.
    """

    # The base class declares both as they are here.
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (60, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-tight"), (20, "-roomy")]  # noqa: RUF012

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Go back and change nothing"),
        Binding("tab", "app.focus_next", "next", priority=True, tooltip="Go to the next line or button"),
        Binding("shift+tab", "app.focus_previous", "previous", show=False, priority=True),
        Binding("left", "app.focus_previous", "previous", show=False),
        Binding("right", "app.focus_next", "next", show=False),
    ]

    def __init__(self, title: str, words: str) -> None:
        super().__init__()
        self._title = clean(title)
        self._words = "\n".join(clean(line) for line in words.split("\n"))

    def compose(self) -> ComposeResult:
        """Put title, words, fields and buttons under each other."""
        with Vertical(classes="box"):
            yield Static(Text(self._title, "bold"), markup=False)
            with VerticalScroll(classes="words", can_focus=False):
                yield Static(Text(self._words), id="said", markup=False)
            yield from self.fields()
            with Horizontal(classes="buttons"):
                yield from self.buttons()
        yield KeyFooter()

    def on_resize(self) -> None:
        """Fit the words into what the fields and buttons leave."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        width = self.query_one(".words").scrollable_content_region.width
        self.query_one("#said", Static).update(hang(Text(self._words), width))
        box, words = self.query_one(".box"), self.query_one(".words")
        others = sum(each.outer_size.height + each.styles.margin.height for each in box.children if each is not words)
        frame = box.gutter.height + words.styles.margin.height + 1  # and the last line of the screen
        words.styles.max_height = max(1, min(_MOST_WORDS, self.size.height - frame - others))

    def fields(self) -> ComposeResult:
        """Yield what can be filled in."""
        yield from ()

    def buttons(self) -> ComposeResult:
        """Yield the answers, the safe one first."""
        yield from ()

    def action_back(self) -> None:
        """Answer nothing."""
        self.dismiss(None)


class Confirm(Dialog):
    """Do it, or not: the button that does nothing has the focus. Returns "yes" or None.

    With `typed`, a person must type that very word before the other button works. What is typed goes into the line from
    the first key on, wherever the focus is: keys that went nowhere would act on the screen below once this one closes.
    """

    def __init__(self, title: str, words: str, act: str, *, typed: str = "", safe: str = "Go back") -> None:
        super().__init__(title, words)
        self._act = act
        self._typed = typed
        self._safe = safe

    def fields(self) -> ComposeResult:
        """Ask for the word, where one is wanted."""
        if self._typed:
            yield Static(Text(f"Type {self._typed} to {self._act.lower()}:"), markup=False)
            yield InputLine(id="typed", compact=True, select_on_focus=False)
            wrong = Static(id="wrong", markup=False)
            wrong.display = False
            yield wrong

    def buttons(self) -> ComposeResult:
        """Offer to go back, and to act."""
        yield Answer(self._safe, id="safe", compact=True)
        yield Answer(Text(self._act), id="act", compact=True, disabled=bool(self._typed))

    def on_mount(self) -> None:
        """Focus the safe answer."""
        self.query_one("#safe", Button).focus()

    def on_key(self, event: events.Key) -> None:
        """Begin the line with what is typed on a button."""
        if self._typed and event.is_printable and event.character and not isinstance(self.focused, Input):
            event.stop()
            line = self.query_one("#typed", Input)
            line.focus()
            line.insert_text_at_cursor(event.character)
            line.cursor_position = len(line.value)

    @on(Input.Changed, "#typed")
    def _compare(self, event: Input.Changed) -> None:
        self.query_one("#act", Button).disabled = event.value.strip() != self._typed

    @on(Input.Submitted, "#typed")
    def _go_on(self) -> None:
        if not self.query_one("#act", Button).disabled:
            self.query_one("#act", Button).focus()
        else:
            wrong = self.query_one("#wrong", Static)
            wrong.display = True
            wrong.update(Text(f"that is not {self._typed}; Esc goes back and changes nothing", "bold red"))
            self.call_after_refresh(self._fit)

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        self.dismiss("yes" if event.button.id == "act" else None)


class Choose(Dialog):
    """One of several answers, the first with the focus. Returns it, or None."""

    def __init__(self, title: str, words: str, answers: Sequence[str]) -> None:
        super().__init__(title, words)
        self._answers = tuple(answers)

    def buttons(self) -> ComposeResult:
        """Offer the answers, and to go back."""
        for place, answer in enumerate(self._answers):
            yield Answer(Text(answer), id=f"answer-{place}", compact=True)
        yield Answer("Go back", id="safe", compact=True)

    def on_mount(self) -> None:
        """Focus the first answer."""
        self.query(Button).first().focus()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        name = event.button.id or "safe"
        self.dismiss(None if name == "safe" else self._answers[int(name.removeprefix("answer-"))])


class AskLine(Dialog):
    """One line of text, hidden where it is a secret. Returns it, or None; an empty line only where that is allowed.

    `check` says in words what is wrong with a line, or nothing; what is wrong is shown beneath, and the line stays.
    `need` is what is shown where nothing was typed, `trouble` what is shown from the beginning. With `instead`, a third
    button has that label and returns that answer.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "continue")]

    def __init__(
        self,
        title: str,
        words: str,
        *,
        value: str = "",
        secret: bool = False,
        optional: bool = False,
        need: str = "this cannot be left empty",
        check: Callable[[str], str] = lambda _line: "",
        trouble: str = "",
        instead: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(title, words)
        self._value = value
        self._secret = secret
        self._optional = optional
        self._need = need
        self._check = check
        self._trouble = trouble
        self._instead = instead

    def fields(self) -> ComposeResult:
        """Ask for the line, over room for what is wrong with it."""
        yield InputLine(self._value, password=self._secret, id="line", compact=True)
        yield Static(id="wrong", markup=False)

    def buttons(self) -> ComposeResult:
        """Offer both ways."""
        yield Answer("Continue", id="act", compact=True)
        if self._instead is not None:
            yield Answer(Text(self._instead[0]), id="instead", compact=True)
        yield Answer("Go back", id="safe", compact=True)

    def on_mount(self) -> None:
        """Focus the line."""
        self._show_trouble(self._trouble)
        self.query_one("#line", Input).focus()

    @on(Input.Submitted, "#line")
    @on(Button.Pressed, "#act")
    def _answer(self) -> None:
        line = self.query_one("#line", Input).value
        empty = not line.strip() and not self._optional
        wrong = f"{self._need}; Esc goes back and changes nothing" if empty else self._check(line)
        if wrong:
            self._show_trouble(wrong)
            self.query_one("#line", Input).focus()
        else:
            self.dismiss(line)

    def _show_trouble(self, words: str) -> None:
        """Say what is wrong; without words the line of words takes no room."""
        wrong = self.query_one("#wrong", Static)
        wrong.display = bool(words)
        wrong.update(Text("\n".join(clean(line) for line in words.split("\n")), "bold red"))
        self.call_after_refresh(self._fit)

    @on(Button.Pressed, "#safe")
    def _leave(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#instead")
    def _turn_aside(self) -> None:
        self.dismiss(self._instead[1] if self._instead is not None else None)
