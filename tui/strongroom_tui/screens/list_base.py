"""What a list is: its columns, its page, its order, and what subclasses say of their rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Generic

from rich.text import Text
from textual.screen import Screen

from strongroom.text.units import number
from strongroom_tui.reader import Question, Seen
from strongroom_tui.screens.pages import Noun, Order, Page, PageQuestion, Trail
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.filter_line import Filter
from strongroom_tui.widgets.list_lines import Chip
from strongroom_tui.widgets.table import Anchor, Columns, Pane, TableRow


class ListBase(TabScreen, Generic[Noun]):
    """One list. Subclasses say what to ask, how rows look, and what opens."""

    KINDS: ClassVar[tuple[str, ...]] = ()
    """The words that tell rows apart and may be used in a filter, besides the names of streams."""

    EMPTY: ClassVar[str] = ""
    HEADING: ClassVar[str] = ""
    NOUN: ClassVar[str] = "row"
    QUESTION: ClassVar[PageQuestion]
    COLUMNS: ClassVar[Columns] = ()
    """All columns; those with the highest rank are hidden first."""

    SORTABLE: ClassVar[Sequence[str]] = ()
    """The columns that the list can be sorted by, the usual one first. Of long lists only those that have an index."""

    BOTH_WAYS: ClassVar[bool] = False
    """Whether the order can be turned round: only of lists that are read whole."""

    UPWARD: ClassVar[frozenset[str]] = frozenset()
    """The columns of which the smallest or earliest comes first where nobody has turned that round."""

    BULK: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """The actions that act on all that is selected, by the key that does them: what the bar says of them."""

    def __init__(self) -> None:
        super().__init__()
        self.filter = Filter()
        self.trail: Trail[Noun] = Trail()
        self.sorting = self.usual_order()
        self.selection: dict[str, Noun] = {}
        self.nouns: dict[str, Noun] = {}  # what stands in the rows, by their keys
        self.landing = Anchor.KEEP  # where the cursor goes when the next answer comes

    def page_question(self, wanted: Filter, before: Noun | None) -> Question:
        """Return the query for the page after `before`."""
        return self.QUESTION(wanted, before)

    def rows(self, page: Page[Noun], seen: Seen, columns: Columns) -> list[TableRow]:  # noqa: ARG002 - for subclasses
        """Lay the rows of a page out."""
        return [self.row_of(each, columns) for each in page.rows]

    def row_of(self, noun: Noun, columns: Columns) -> TableRow:
        """Lay one row out, where it needs nothing else."""
        raise NotImplementedError

    @abstractmethod
    def opened(self, key: str) -> Screen[Any] | None:
        """Return the screen that shows one row in full, or None where it comes later."""
        ...

    def peek(self, noun: Noun) -> Question | Text:  # noqa: ARG002 - for subclasses
        """Return the question whose answer the preview shows, or the text itself where the row says everything."""
        return Text()

    def preview(self, answer: object) -> Text:  # noqa: ARG002 - for subclasses
        """Write the answer for the preview."""
        return Text()

    def amounts(self, nouns: Sequence[Noun]) -> list[str]:
        """Say how much some rows are, the count first."""
        return [number(len(nouns), self.NOUN)]

    def chips(self, seen: Seen) -> list[Chip]:  # noqa: ARG002 - for subclasses
        """Return the states to choose from, with their counts where nothing else is filtered by."""
        return [Chip("", None), *(Chip(kind) for kind in self.KINDS)] if self.KINDS else []

    @property
    def pane(self) -> Pane:
        """Return the list."""
        return self.query_one(f"#{self.MODE}", Pane)

    @property
    def chosen(self) -> str:
        """Return the key of the row under the cursor, or an empty string."""
        return self.pane.table.chosen

    @property
    def page(self) -> Page[Noun] | None:
        """Return the page that is shown, or None before the first answer to what is asked now."""
        seen = self.seen
        return seen.answer if seen is not None and isinstance(seen.answer, Page) else None

    @property
    def row(self) -> Noun | None:
        """Return what is under the cursor, or None before the first answer to what is asked now."""
        return self.nouns.get(self.chosen) if self.page is not None else None

    @property
    def heading(self) -> str:
        """Return what the list is called."""
        return self.HEADING or self.MODE.capitalize()

    @property
    def empty(self) -> str:
        """Return what to say where there are no rows and no filter."""
        return self.EMPTY

    def total(self, seen: Seen) -> int | None:  # noqa: ARG002 - of most lists the status counts nothing
        """Return how many rows the list has, or None where nobody has counted."""
        return None

    def amount(self, seen: Seen) -> str:  # noqa: ARG002 - of most lists nobody sums
        """Return the size of all that the list has, or nothing."""
        return ""

    def question(self) -> Question:
        """Ask for one page."""
        return self.page_question(self.filter, self.trail.before)

    def streams(self) -> Iterable[str]:
        """Return the names of streams that a filter may name."""
        known = set(self._last.status.coverage) if self._last else set[str]()
        return sorted(known | {str(getattr(row, "stream", "")) for row in (self.page.rows if self.page else ())} - {""})

    @property
    def order_shown(self) -> Order:
        """Return the order that the list is shown in."""
        return self.sorting

    def usual_order(self) -> Order:
        """Return the order that the list has where nobody chose another."""
        column = self.SORTABLE[0] if self.SORTABLE else ""
        return Order(column, column in self.UPWARD)

    def order_word(self) -> str:
        """Return the order as it is remembered, or an empty string for the usual one."""
        usual = self.usual_order()
        return "" if self.sorting == usual else f"{self.sorting.column}{' up' if self.sorting.upward else ''}"


def total_of(counts: dict[str, int], wanted: Filter) -> int | None:
    """Return how many rows a list has, from what the status counted anyway; a stream or a time alone is not counted."""
    if wanted.stream or wanted.when:
        return None
    return counts.get(wanted.kind, 0) if wanted.kind else sum(counts.values())


def state_chips(kinds: Sequence[str], counts: Mapping[str, int], wanted: Filter) -> list[Chip]:
    """Return chips with the counts of the whole list; without counts where a stream or a time is filtered by."""
    if wanted.stream or wanted.when:
        return [Chip(""), *(Chip(kind) for kind in kinds if counts.get(kind))]
    found = [Chip(kind, counts[kind]) for kind in kinds if counts.get(kind)]
    return [Chip("", sum(counts.values())), *found] if found else []
