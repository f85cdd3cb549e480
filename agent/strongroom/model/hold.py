"""Legal holds: what must not be destroyed while a matter is open. A hold wins over every period and every request.

A hold is a rule that applies to existing and to later archives. In doubt it applies: an archive whose
records have no time is matched by any range of dates, since any record may be in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from strongroom.model.names import fold_name
from strongroom.model.window import Window


class Subject(Protocol):
    """What of an archive a hold looks at."""

    @property
    def id(self) -> str:
        """The archive."""

    @property
    def source(self) -> str:
        """Its source."""

    @property
    def stream(self) -> str:
        """Its stream."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Its datasets."""

    @property
    def earliest(self) -> datetime | None:
        """The first instant that its records may be of, or None where nothing bounds them."""

    @property
    def latest(self) -> datetime | None:
        """The last instant that its records may be of, or None where nothing bounds them."""


class HoldRule(Struct, frozen=True):
    """What is held. Whatever is empty restricts nothing; a rule without any restriction holds the whole vault."""

    source: str = ""
    stream: str = ""
    dataset: str = ""
    start: datetime | None = None  # records from this instant on
    end: datetime | None = None  # and before this one
    archives: tuple[str, ...] = ()  # whole ids

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("a hold's range must end after it begins")

    @property
    def everything(self) -> bool:
        """Say whether the rule holds the whole vault."""
        return self == HoldRule()


class Hold(Struct, frozen=True):
    """One hold, active or released."""

    id: str
    matter: str  # a name for people, which may be a person's: it is never written to the log
    rule: HoldRule
    placed_at: datetime
    placed_by: str  # for people; the log has the number of the user alone
    reason: str
    released_at: datetime | None = None
    released_by: str = ""
    release_reason: str = ""
    also_streams: frozenset[str] = frozenset()  # other names of its stream, folded
    also_sources: frozenset[str] = frozenset()  # other names of its source, folded

    @property
    def stands(self) -> bool:
        """Say whether it has not been released."""
        return self.released_at is None


class Matter(Struct, frozen=True):
    """The holds of one matter."""

    name: str
    holds: tuple[Hold, ...]

    @property
    def open(self) -> bool:
        """Return whether any of its holds is active."""
        return any(hold.stands for hold in self.holds)


def may_touch(subject: Subject, window: Window) -> bool:
    """Say whether an archive may have records of this time."""
    before = subject.earliest is not None and subject.earliest >= window.end
    after = subject.latest is not None and subject.latest < window.start
    return not before and not after


def catches(hold: Hold, subject: Subject) -> bool:
    """Return whether an active hold retains this archive; a released one retains nothing.

    Names are compared folded. A stream or source that was renamed is caught under each of its names.
    """
    rule = hold.rule
    return (
        hold.stands
        and _is_named(rule.source, hold.also_sources, subject.source)
        and _is_named(rule.stream, hold.also_streams, subject.stream)
        and (not rule.dataset or fold_name(rule.dataset) in map(fold_name, subject.datasets))
        and (not rule.archives or subject.id in rule.archives)
        and (rule.end is None or subject.earliest is None or subject.earliest < rule.end)
        and (rule.start is None or subject.latest is None or subject.latest >= rule.start)
    )


def _is_named(name: str, also: frozenset[str], subject: str) -> bool:
    return not name or fold_name(subject) == fold_name(name) or fold_name(subject) in also


def matters(holds: Iterable[Hold]) -> list[Matter]:
    """Gather holds by their matter, in the order of their first hold."""
    found: dict[str, list[Hold]] = {}
    for hold in holds:
        found.setdefault(hold.matter, []).append(hold)
    return [Matter(name, tuple(each)) for name, each in found.items()]
