"""What a person wants to see of a list. Filtering is the catalogue's work, never the screen's.

The catalogue compares names exactly, so a part of a name is settled here, against the names that are known.

The line in which a filter is typed. It is hidden until it is wanted, and completes the words that are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
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
    when: str = ""
    """A stretch of time in UTC that windows must touch: 2026-03, 2026-03-14, 2026-03-01..2026-04-15, or words such as
    after:2026-03-01 before:2026-04-16."""

    def __str__(self) -> str:
        return " ".join(word for word in (self.stream, self.kind, self.when) if word)

    @property
    def period(self) -> Window | None:
        """Return the stretch of time, or None where all time is wanted."""
        return _read_time(self.when)


_SAME: Mapping[str, str] = MappingProxyType(
    {"state": "kind", "holding": "kind", "window": "when", "from": "after", "since": "after", "to": "before"}
)
_OPERATORS = ("stream", "kind", "when", "after", "before")
ALL_TIME = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


def parse_filter(text: str, streams: Iterable[str], kinds: Iterable[str]) -> Filter:
    """Read words such as `messages failed 2026-03`: one part of a stream's name, one kind, one stretch of time.

    Each may say what it is: `stream:messages state:failed after:2026-03-01 before:2026-04`. Raises UsageError where a
    word fits nothing or more than one stream.
    """
    found: dict[str, str] = {}
    known, words = sorted(set(streams)), set(kinds)
    for word in text.split():
        name, value = _split(word, known, words)
        if name == "stream":
            value = _stream(value, known, words)
        elif name == "kind" and value not in words:
            raise UsageError(f"no state {clip(value, 40)!r} here", hint=f"one of {', '.join(sorted(words)) or 'none'}")
        found[name] = value
    edges = [f"{name}:{found[name]}" for name in ("after", "before") if name in found]
    when = " ".join(edges) or found.get("when", "")
    _check_time(when)
    return Filter(found.get("stream", ""), found.get("kind", ""), when)


def is_stretch(when: str) -> bool:
    """Return whether words are a stretch of time that a filter may hold."""
    try:
        return _read_time(when) is not None
    except ValueError:
        return False


def _split(word: str, known: list[str], kinds: set[str]) -> tuple[str, str]:
    """Return what a word says, by the name of its operator or by what it looks like."""
    name, colon, value = word.partition(":")
    name = _SAME.get(name.lower(), name.lower())
    if colon and name in _OPERATORS and word not in known:
        if name in ("when", "after", "before"):
            _check_time(value)
        return name, value.lower() if name == "kind" else value
    if word.lower() in kinds:
        return "kind", word.lower()
    return ("when" if word not in known and _is_time(word) else "stream"), word


def _read_time(when: str) -> Window | None:
    """Read a stretch of time, open at an end where only the other is named. Raises ValueError for an impossible one."""
    words = when.split()
    edges = {name: read_stretch(value) for name, _, value in (word.partition(":") for word in words) if value}
    if not edges:
        return read_stretch(when)
    if len(edges) != len(words) or None in edges.values() or not edges.keys() <= {"after", "before"}:
        return None
    after, before = edges.get("after"), edges.get("before")
    start, end = after.start if after else ALL_TIME.start, before.start if before else ALL_TIME.end
    if start >= end:
        raise ValueError("a stretch of time ends after it begins")
    return Window(start, end)


def _check_time(when: str) -> None:
    if when and not _is_time(when):
        raise UsageError(f"{clip(when, 40)!r} is not a period", hint="such as 2026-03 or 2026-03-14")


def _is_time(word: str) -> bool:
    try:
        return _read_time(word) is not None
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


_HINT = "part of a stream's name, a state, 2026-03, after:2026-03-01 before:2026-04-16"


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
