"""What can be wrong with a vault, in words, each kind with the page that tells what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PAGES = "docs/recovery/"


class Kind(StrEnum):
    """What can be wrong; each is told on a page of its own."""

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
    FILE = "damaged-file"
    NO_MANIFEST = "lost-manifest"
    UNKNOWN = "unknown-archive"
    STRAY = "stray-files"


_PAGE = {
    Kind.UNFINISHED: "unfinished-init.md",
    Kind.NO_CATALOGUE: "lost-catalogue.md",
    Kind.BAD_CATALOGUE: "lost-catalogue.md",
    Kind.OLD_CATALOGUE: "half-restored.md",
    Kind.SHORT_LOG: "half-restored.md",
    Kind.FORKED_LOG: "half-restored.md",
    Kind.UNKNOWN: "half-restored.md",
    Kind.STRAY: "half-restored.md",
    Kind.NO_LOG: "torn-log.md",
    Kind.TORN_LOG: "torn-log.md",
    Kind.UNREADABLE_LOG: "torn-log.md",
    Kind.BROKEN_LOG: "torn-log.md",
    Kind.NO_HISTORY: "torn-log.md",
    Kind.PAYLOAD: "damaged-payload.md",
    Kind.MANIFEST: "damaged-payload.md",
    Kind.FILE: "damaged-payload.md",
    Kind.NO_MANIFEST: "damaged-payload.md",
    Kind.KEY: "missing-key.md",
    Kind.HOLDS: "half-restored.md",
    Kind.ROWS: "half-restored.md",
    Kind.INTERRUPTED: "README.md",
    Kind.PLACE: "README.md",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, and what can be done about it."""

    kind: Kind
    words: str  # what is wrong: expected and got
    remedy: str  # what --apply does, or what a person has to do where `mendable` is False
    mendable: bool = True
    archive: str = ""
    files: tuple[str, ...] = ()  # relative to the vault

    @property
    def page(self) -> str:
        """Where it is told at length."""
        return PAGES + _PAGE[self.kind]
