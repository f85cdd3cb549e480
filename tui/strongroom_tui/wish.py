"""What a person wants to see: a filter and a place in each list. Filtering is the catalogue's work, never the screen's.

The catalogue compares names exactly, so a part of a name is settled here, against the names that are known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import UsageError
from strongroom.model.job import Job, State
from strongroom_tui.plain import clip

Noun = TypeVar("Noun", Job, Archive)
"""What a list is a list of."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty fields let everything through."""

    stream: str = ""
    state: str = ""  # of jobs
    holding: str = ""  # of archives

    def __str__(self) -> str:
        return " ".join(word for word in (self.stream, self.state, self.holding) if word)


@dataclass(frozen=True, slots=True)
class Wish:
    """One question to the catalogue."""

    filter: Filter = field(default_factory=Filter)
    jobs_before: Job | None = None  # the last job of the page before, None for the first page
    archives_before: Archive | None = None


def parse_filter(text: str, streams: Iterable[str]) -> Filter:
    """Read words such as `messages failed`: one part of a stream's name, one state, one holding.

    Raises UsageError where a word fits nothing or more than one stream.
    """
    stream = state = holding = ""
    known = sorted(set(streams))
    for word in text.split():
        if word.lower() in set(State):
            state = word.lower()
        elif word.lower() in set(Holding):
            holding = word.lower()
        else:
            stream = _stream(word, known)
    return Filter(stream, state, holding)


def _stream(word: str, known: list[str]) -> str:
    if word in known:
        return word
    found = [name for name in known if word.lower() in name.lower()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"no stream or state fits {clip(word, 40)!r}", hint=f"streams: {_list(known) or 'none yet'}")
    raise UsageError(f"{clip(word, 40)!r} fits several streams", hint=_list(found))


def _list(names: list[str]) -> str:
    shown = ", ".join(clip(name, 40) for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
