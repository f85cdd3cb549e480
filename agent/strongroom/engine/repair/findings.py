"""The kinds of problems of a vault, each with the page that says what to do, and what a repair needs.

A part of a diagnosis that cannot be finished keeps what it found, and reports what was not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field

from strongroom.engine.core.check import UNFINISHED, unread_words
from strongroom.model.plan import Stream
from strongroom.model.times import Chance, Clock

PAGES = "docs/recovery/"


class ProblemKind(StrEnum):
    """What can be wrong; each has a page of the documentation."""

    UNFINISHED = "unfinished-init"
    PLACE = "wrong-file-type"
    NO_CATALOGUE = "lost-catalogue"
    BAD_CATALOGUE = "damaged-catalogue"
    OLD_CATALOGUE = "old-catalogue"
    NO_LOG = "lost-log"
    TORN_LOG = "torn-log"
    SHORT_LOG = "short-log"
    UNREADABLE_LOG = "unreadable-log"
    BROKEN_LOG = "broken-log"
    FORKED_LOG = "forked-log"
    NO_HISTORY = "no-history"
    HOLDS = "changed-holds"
    ROWS = "changed-rows"
    INTERRUPTED = "interrupted-jobs"
    PAYLOAD = "damaged-payload"
    KEY = "missing-key"
    MANIFEST = "damaged-manifest"
    SEGMENT = "damaged-segment"
    FILE = "damaged-file"
    NO_MANIFEST = "lost-manifest"
    UNKNOWN = "unknown-archive"
    STRAY = "stray-files"


_PAGE = {
    ProblemKind.UNFINISHED: "unfinished-init.md",
    ProblemKind.NO_CATALOGUE: "lost-catalogue.md",
    ProblemKind.BAD_CATALOGUE: "lost-catalogue.md",
    ProblemKind.OLD_CATALOGUE: "half-restored.md",
    ProblemKind.SHORT_LOG: "half-restored.md",
    ProblemKind.FORKED_LOG: "half-restored.md",
    ProblemKind.UNKNOWN: "half-restored.md",
    ProblemKind.STRAY: "half-restored.md",
    ProblemKind.NO_LOG: "torn-log.md",
    ProblemKind.TORN_LOG: "torn-log.md",
    ProblemKind.UNREADABLE_LOG: "torn-log.md",
    ProblemKind.BROKEN_LOG: "torn-log.md",
    ProblemKind.NO_HISTORY: "torn-log.md",
    ProblemKind.PAYLOAD: "damaged-payload.md",
    ProblemKind.MANIFEST: "damaged-payload.md",
    ProblemKind.SEGMENT: "damaged-payload.md",
    ProblemKind.FILE: "damaged-payload.md",
    ProblemKind.NO_MANIFEST: "damaged-payload.md",
    ProblemKind.KEY: "missing-key.md",
    ProblemKind.HOLDS: "half-restored.md",
    ProblemKind.ROWS: "half-restored.md",
    ProblemKind.INTERRUPTED: "README.md",
    ProblemKind.PLACE: "README.md",
}


class VaultProblem(Struct, frozen=True):
    """One thing that is wrong, and what can be done about it."""

    kind: ProblemKind
    words: str  # what is wrong
    remedy: str  # what --apply does, or what a person must do where `mendable` is False
    mendable: bool = True
    archive: str = ""
    files: tuple[str, ...] = ()  # relative to the vault

    @property
    def page(self) -> str:
        """The page that describes it."""
        return PAGES + _PAGE[self.kind]


REMEDY = "to see which rows the log does not confirm: strongroom audit verify; then run: strongroom rebuild"


def keep_found(
    what: str, kind: ProblemKind, files: tuple[str, ...], look: Callable[[], Iterable[VaultProblem]]
) -> Iterator[VaultProblem]:
    """Yield what a part of the diagnosis finds, and the error if it cannot be finished."""
    try:
        yield from look()
    except UNFINISHED as error:
        yield VaultProblem(kind, f"{what}: {unread_words(error)}", REMEDY, mendable=False, files=files)


class Recovery(Struct, frozen=True):
    """What a repair needs."""

    root: Path
    clock: Clock
    random_bytes: Chance
    streams: Mapping[str, Stream] = field(default_factory=dict)  # as configured, by name
    deep: bool = False
    configured: bool = True
