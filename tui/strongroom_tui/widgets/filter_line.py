"""What a person wants to see of a list. Filtering is the catalogue's work, never the screen's.

The catalogue compares names exactly, so a part of a name is settled here, against the names that are known.

The line in which a filter is typed. It is hidden until it is wanted, and completes the words that are known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from msgspec import Struct
from textual.binding import Binding, BindingType
from textual.suggester import SuggestFromList
from textual.widgets import Input

from strongroom.model.errors import UsageError
from strongroom.model.window import Window, read_stretch
from strongroom.text.layout import clip


class Filter(Struct, frozen=True):
    """Empty fields let everything through."""

    stream: str = ""
    kind: str = ""  # the state of a job, the holding of an archive, whatever tells the rows of a list apart
    when: str = ""  # a stretch of time that windows must touch: 2026-03, 2026-03-14, 2026-03-01..2026-04-15; in UTC

    def __str__(self) -> str:
        return " ".join(word for word in (self.stream, self.kind, self.when) if word)

    @property
    def period(self) -> Window | None:
        """Return the stretch of time, or None where all time is wanted."""
        return read_stretch(self.when)


def parse_filter(text: str, streams: Iterable[str], kinds: Iterable[str]) -> Filter:
    """Read words such as `messages failed 2026-03`: one part of a stream's name, one kind, one stretch of time.

    Raises UsageError where a word fits nothing or more than one stream.
    """
    stream = kind = when = ""
    known, words = sorted(set(streams)), set(kinds)
    for word in text.split():
        if word.lower() in words:
            kind = word.lower()
        elif word not in known and _is_time(word):
            when = word
        else:
            stream = _stream(word, known, words)
    return Filter(stream, kind, when)


def is_stretch(when: str) -> bool:
    """Return whether words are a stretch of time that a filter may hold."""
    try:
        return read_stretch(when) is not None
    except ValueError:
        return False


def _is_time(word: str) -> bool:
    try:
        return read_stretch(word) is not None
    except ValueError as error:
        raise UsageError(f"{clip(word, 40)!r} is not a period: {error}", hint="such as 2026-03") from error


def _stream(word: str, known: list[str], kinds: set[str]) -> str:
    if word in known:
        return word
    found = [name for name in known if word.lower() in name.lower()]
    if len(found) == 1:
        return found[0]
    if not found:
        hint = f"streams: {_list(known) or 'none yet'}" + (f"; or one of {', '.join(sorted(kinds))}" if kinds else "")
        raise UsageError(f"no stream or state matches {clip(word, 40)!r}", hint=hint)
    raise UsageError(f"{clip(word, 40)!r} matches several streams", hint=_list(found))


def _list(names: list[str]) -> str:
    shown = ", ".join(clip(name, 40) for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


_HINT = "part of a stream's name, a state, 2026-03 or 2026-03-01..2026-04-15"


class FilterLine(Input):
    """One line of text; Input.Submitted says that it is to be applied."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "apply")]

    def __init__(self, hint: str = _HINT) -> None:
        super().__init__(placeholder=hint, compact=True)
        self.cursor_blink = False
        self.display = False

    def open(self, text: str, words: Iterable[str]) -> None:
        """Appear with the filter that stands, and take the keys."""
        self.suggester = SuggestFromList(list(words), case_sensitive=False)
        self.value = text
        self.display = True
        self.focus()

    def close(self) -> None:
        """Disappear."""
        self.display = False
