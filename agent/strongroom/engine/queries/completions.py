"""What a shell may complete a word to: the names and ids that configuration and catalogue have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum, auto

from strongroom.config.schema import Config
from strongroom.engine.access.subject_requests import read_requests
from strongroom.engine.core.sources import open_reading
from strongroom.search.terms import Operator
from strongroom.vault.archives import all_archive_ids
from strongroom.vault.destructions import newest_erasures, newest_proposals
from strongroom.vault.holds import listed_holds
from strongroom.vault.listing import list_jobs
from strongroom.vault.vault import Vault

MOST = 60
"""Ids that are offered at once: more than that nobody reads."""


class Completed(Enum):
    """What kind of word is completed."""

    STREAM = auto()
    SOURCE = auto()
    STREAM_OR_SOURCE = auto()
    ARCHIVE = auto()
    JOB = auto()
    MATTER = auto()
    HOLD = auto()
    OPERATOR = auto()
    SUBJECT = auto()
    PROPOSAL = auto()
    ERASURE = auto()
    DATASET = auto()
    COPY = auto()
    CLASS = auto()


def complete_word(kind: Completed, beginning: str, find: Callable[[], Config]) -> list[str]:
    """Return what begins so, the newest ids first. `find` reads the configuration, and is called where it is needed.

    Raises StrongroomError where configuration or catalogue cannot be read.
    """
    if kind is Completed.OPERATOR:
        return [f"{each}:" for each in Operator if each.startswith(beginning.lower())]
    config = find()
    names = _CONFIGURED[kind](config) if kind in _CONFIGURED else _stored(kind, config)
    found: list[str] = []
    for name in names:
        if name.casefold().startswith(beginning.casefold()) and len(found) < MOST:
            found.append(name)
    return found


_CONFIGURED: dict[Completed, Callable[[Config], Iterable[str]]] = {
    Completed.STREAM: lambda config: (each.name for each in config.streams),
    Completed.SOURCE: lambda config: (each.name for each in config.sources),
    Completed.STREAM_OR_SOURCE: lambda config: [
        *(each.name for each in config.streams),
        *(each.name for each in config.sources),
    ],
    Completed.DATASET: lambda config: dict.fromkeys(name for each in config.streams for name in each.datasets),
    Completed.COPY: lambda config: (each.name for each in config.copies),
    Completed.CLASS: lambda config: (each.name for each in config.retention),
}


def _stored(kind: Completed, config: Config) -> list[str]:
    with open_reading(config) as vault:
        return _READ[kind](vault)


def _matters(vault: Vault) -> list[str]:
    return list(dict.fromkeys(each.matter for each in listed_holds(vault.catalogue)))


_READ: dict[Completed, Callable[[Vault], list[str]]] = {
    Completed.ARCHIVE: lambda vault: all_archive_ids(vault.catalogue)[::-1],
    Completed.JOB: lambda vault: [each.id for each in list_jobs(vault.catalogue, most=1000)],
    Completed.MATTER: _matters,
    Completed.HOLD: lambda vault: [each.id for each in listed_holds(vault.catalogue)],
    Completed.PROPOSAL: lambda vault: [each.id for each in newest_proposals(vault.catalogue, MOST)],
    Completed.ERASURE: lambda vault: [each.id for each in newest_erasures(vault.catalogue, MOST)],
    Completed.SUBJECT: lambda vault: [each.id for each in read_requests(vault)][::-1],
}
