"""The line in which a search is typed. It completes operators and the names that are known, and says what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from types import MappingProxyType
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from strongroom.model.errors import UsageError
from strongroom.search.query import LONGEST, parse_query
from strongroom.search.terms import Operator
from strongroom_tui.widgets.text import error_text

MEANINGS: Mapping[Operator, str] = MappingProxyType(
    {
        Operator.FROM: "from: a sender: a telephone number, or part of a name or address",
        Operator.TO: "to: a recipient: a telephone number, or part of a name or address",
        Operator.PARTY: "party: anyone in the record: a telephone number, or part of a name or address",
        Operator.STREAM: "stream: the name of a stream",
        Operator.SOURCE: "source: the name of an account",
        Operator.DATASET: "dataset: such as messages",
        Operator.CHANNEL: "channel: such as sms or email",
        Operator.STATUS: "status: as the provider writes it, such as delivered",
        Operator.ID: "id: the id of a record",
        Operator.AFTER: "after: from this time on, in UTC: 2026, 2026-03, 2026-03-31 or 2026-03-31T14:00",
        Operator.BEFORE: "before: earlier than this time, in UTC: 2026, 2026-03, 2026-03-31 or 2026-03-31T14:00",
        Operator.ON: "on: in this year, month or day, in UTC: 2026, 2026-03 or 2026-03-31",
        Operator.REGEX: "regex: a regular expression, up to the next blank",
    }
)
"""What may follow each operator."""

Known = Mapping[Operator, Sequence[str]]
"""The names that an operator may be followed by, where they are known."""


def complete(text: str, known: Known) -> str | None:
    """Return the text with its last word completed: an operator, or a name after one; None where nothing fits."""
    if text.count('"') % 2 or not text or text[-1].isspace():
        return None
    word = text.rpartition(" ")[2]
    bare = word.lstrip("-(")
    name, colon, value = bare.partition(":")
    begun, choices = bare, [f"{each.value}:" for each in Operator]
    if colon:
        begun, choices = value, [*known.get(Operator(name.lower()), ())] if name.lower() in MEANINGS else []
    fits = (each for each in choices if begun and each.lower().startswith(begun.lower()) and len(each) > len(begun))
    found = next((each for each in fits if not any(sign in each for sign in ' ()"')), None)
    return text + found[len(begun) :] if found is not None else None


def query_note(text: str) -> tuple[str, bool]:
    """Return what to say of a query while it is typed, and whether that is a mistake."""
    bare = text.rpartition(" ")[2].lstrip("-(").lower()
    if bare.endswith(":") and bare[:-1] in MEANINGS:
        return MEANINGS[Operator(bare[:-1])], False
    if not text.strip():
        return "", False
    try:
        parse_query(text, UTC)
    except UsageError as error:
        return error_text(error), True
    return "Enter searches; dates are in UTC.", False


class _Completion(Suggester):
    def __init__(self, line: QueryLine) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._line = line

    async def get_suggestion(self, value: str) -> str | None:
        return complete(value, self._line.known)


class QueryLine(Input):
    """One line; Input.Submitted says that it is to be searched for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "search", tooltip="Search for what is written"),
        Binding("right", "cursor_right", "complete", show=False, tooltip="Take the completion that is shown"),
        Binding("down", "app.focus_next", "to the results", show=False),
    ]

    def __init__(self) -> None:
        self.known: Known = {}
        super().__init__(
            placeholder='word  "a phrase"  from:  on:2026-03  -exclude', compact=True, max_length=LONGEST, id="query"
        )
        self.suggester = _Completion(self)
        self.cursor_blink = False
