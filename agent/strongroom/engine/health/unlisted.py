"""Archives that the chained log knows and the catalogue does not: nothing else would say that they are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.health.fixity import Fault
from strongroom.model.instants import parse_instant
from strongroom.vault import scrubqueries as queries
from strongroom.vault.log import Logged, entries_of_archive
from strongroom.vault.vault import Vault
from strongroom.vault.vaultfiles import is_there

_PUBLISHED = ("job.proven", "job.rejected", "archive.adopted")
_SETTLED = ("archive.destroyed", "files.moved")
CODE = "unlisted"


@dataclass(frozen=True, slots=True)
class Unlisted:
    """An archive by what the log records it."""

    archive: str
    stream: str
    at: datetime  # of the entry that tells of it as archived
    files: bool  # whether any of its files is there

    @property
    def fault(self) -> Fault:
        """What is wrong, and what to do about it."""
        told = f"the log says that it was archived on {self.at:%Y-%m-%d %H:%M} UTC, and the catalogue does not have it"
        if self.files:
            words = f"{told}; see what of it is here: strongroom recover"
        else:
            words = f"{told}, nor is any file of it here; put its files back from a copy, then: strongroom recover"
        return Fault(self.archive, f"manifests/{self.archive[-2:]}/{self.archive}.json", CODE, words)


def unlisted_archives(vault: Vault) -> Iterator[Unlisted]:
    """Yield each archive that was published by the chained log, is not in the catalogue, and was not destroyed.

    One whose files a recovery moved to quarantine, which is an entry of its own, is left out.
    """
    for row in vault.catalogue.read(queries.PUBLISHED_UNKNOWN):
        entries = entries_of_archive(vault.catalogue, row["archive"])
        kinds = [str(entry.body.get("kind")) for entry in entries]
        told = next((entry for entry in entries if entry.body.get("kind") in _PUBLISHED), None)
        if told is not None and not any(kind in _SETTLED for kind in kinds):
            yield _unlisted(vault, row["archive"], told)


def _unlisted(vault: Vault, archive_id: str, told: Logged) -> Unlisted:
    layout = vault.layout
    try:
        places = [layout.manifest(archive_id), layout.archive(archive_id), layout.key(archive_id)]
        places += [layout.quarantined(archive_id, suffix) for suffix in (".json", ".age", ".key.age")]
    except ValueError:  # a line of the chain may name what is no id of ours
        places = []
    at = parse_instant(str(told.body["at"]))
    return Unlisted(archive_id, str(told.body.get("stream", "")), at, any(is_there(path) for path in places))
