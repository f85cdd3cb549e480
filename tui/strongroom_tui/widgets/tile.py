"""A tile of the overview: facts that answer one question, in a box, or on one line where there is little room."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Sparkline, Static

from strongroom.text.layout import cells, clip
from strongroom_tui.widgets.text import hang

_NAMED = 10  # columns of the name of a tile on one line

Facts = Callable[[int, int], Sequence[Text]]
"""Makes facts for a number of columns and lines."""


class Tile(Vertical):
    """Facts under a title. A click goes to the tab that has more of them."""

    class Chosen(Message):
        """A person clicked a tile."""

        def __init__(self, mode: str) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self, name: str, mode: str, *, graphs: Sequence[str] = ()) -> None:
        super().__init__(id=f"tile-{name.lower()}")
        self._title, self._mode, self._graphs = name, mode, graphs
        self._facts: Facts | None = None
        self._whole = False

    def compose(self) -> ComposeResult:
        """Put the graphs under the facts, each with its name."""
        yield Static(classes="facts", markup=False)
        for each in self._graphs:
            with Vertical(classes="graph"):
                yield Static(each, markup=False, classes="graph-name")
                yield Sparkline(id=f"graph-{each.partition(' ')[0]}")

    @property
    def boxed(self) -> bool:
        """Return whether it has a border, and its facts a line each."""
        return bool(self.styles.border_top[0])

    @property
    def room(self) -> tuple[int, int]:
        """Return the columns and lines there are for facts."""
        if not self.boxed:
            return max(1, self.size.width - _NAMED), max(1, self.size.height)
        return max(1, self.size.width), max(
            1, self.size.height - sum(each.outer_size.height for each in self.query(".graph"))
        )

    def show(self, facts: Facts, values: Sequence[Sequence[float]] = (), *, whole: bool = False) -> None:
        """Show facts, the most important ones first, and what each graph draws; `whole` lines are shown as they are."""
        self._facts, self._whole = facts, whole
        for graph, each in zip(self.query(Sparkline), values, strict=False):
            graph.data = list(each)
        self._draw()

    def on_resize(self) -> None:
        """Draw again: the room for facts is known only after the layout, which may come after they were shown."""
        self._draw()

    def _draw(self) -> None:
        if self._facts is None:
            return
        self.border_title = Content(self._title)
        columns, lines = self.room
        facts = self._facts(columns, lines)
        if self.boxed:
            text = Text("\n", no_wrap=True).join(facts) if self._whole else _stacked(facts, columns, lines)
        else:
            text = _named(self._title, facts) if self._whole else _joined(self._title, facts, columns)
        self.query_one(".facts", Static).update(text)

    def on_click(self, _event: events.Click) -> None:
        """Go to where there is more."""
        self.post_message(self.Chosen(self._mode))


def _stacked(facts: Sequence[Text], columns: int, lines: int) -> Text:
    """Put facts under each other. What is too long goes on in lines that would stay empty."""
    spare = max(0, lines - len(facts))
    shown: list[Text] = []
    for fact in facts[:lines]:
        whole = hang(Text(fact.plain), columns).plain.split("\n")
        parts = whole[: 1 + spare]
        parts[-1] += " ".join(["", *(part.strip() for part in whole[len(parts) :])])  # what has no room is cut
        shown += [Text(clip(part, columns), fact.style) for part in parts]
        spare -= len(parts) - 1
    return Text("\n", no_wrap=True).join(shown)


def _named(name: str, lines: Sequence[Text]) -> Text:
    """Put the name before the first of several lines."""
    rest = Text("\n" + " " * _NAMED).join(lines)
    return Text.assemble((f"{name:<{_NAMED}}", "bold"), rest, no_wrap=True)


def _joined(name: str, facts: Sequence[Text], columns: int) -> Text:
    """Put as many facts on one line as fit whole; one at least."""
    text = Text.assemble((f"{name:<{_NAMED}}", "bold"), no_wrap=True)
    rest = columns
    for place, fact in enumerate(facts):
        taken = cells(fact.plain) + (3 if place else 0)
        if place and taken > rest:
            break
        text.append_text(Text(" · ") if place else Text())
        text.append_text(_clipped(fact, rest))
        rest -= taken
    return text


def _clipped(fact: Text, columns: int) -> Text:
    return Text(clip(fact.plain, columns), fact.style)
