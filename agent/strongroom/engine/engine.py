"""The engine's parts, held together: what a step needs in order to touch the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from strongroom.engine.airlock.anteroom import Anteroom
from strongroom.engine.jobs.observations import Observations
from strongroom.model.archive import Archive
from strongroom.model.inspection import Caps
from strongroom.model.instants import Chance, Clock
from strongroom.model.job import Event, Job
from strongroom.model.patience import Patience
from strongroom.model.secondlook import DELAY
from strongroom.model.table import Facts
from strongroom.model.urgency import Rules
from strongroom.providers.port import Provider
from strongroom.vault.vault import Vault

if TYPE_CHECKING:
    from strongroom.engine.airlock.airlock import Airlock


@dataclass(frozen=True, slots=True)
class Source:
    """A configured account, ready to be asked."""

    name: str
    kind: str  # which provider: zavu, hookbridge, qlara
    provider: Provider
    deletes: bool = False  # its exports are deleted there once their archives are proven
    address: str = ""  # where it is asked, for the log; empty: where its adapter says
    second_look: timedelta | None = DELAY  # after which an unusually empty window is exported again; None: never


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything a step may use. Shared between workers; what belongs to one job under way is its `Hand`."""

    vault: Vault
    sources: Mapping[str, Source]
    recipients: tuple[str, ...]  # public keys that new archives are sealed to
    clock: Clock
    chance: Chance
    patience: Patience = field(default_factory=Patience)
    rules: Rules = field(default_factory=Rules)
    caps: Caps = field(default_factory=Caps)
    min_free: int = 1 << 30  # bytes of disk that stay free
    anteroom: Anteroom = field(default_factory=Anteroom)
    observations: Observations = field(default_factory=Observations)
    clock_tolerance: timedelta = timedelta(days=1)  # how far the clock may leap for the vault's time to follow it
    settles: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))  # of configured streams
    zones: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # IANA names, of configured streams
    stop: Callable[[], bool] = lambda: False  # asked between chunks and steps
    witness: Callable[[str], None] = lambda _where: None  # told each place where a crash would matter

    def jitter(self) -> float:
        """Return a number from 0 to 1."""
        return self.chance(1)[0] / 255

    listen: Callable[[Job, Job, Happening], None] = lambda _before, _after, _happening: None  # told each transition


@dataclass(slots=True)
class Hand:
    """What a worker holds for the job it is at; gone with the process."""

    intent: bool = False  # the intent was written by this worker and nothing has been sent
    listed: bool = False  # the provider's list was read by this worker, and nothing was waited for since
    airlock: Airlock | None = None
    archive: Archive | None = None  # built when the seal is known; completed by the inspection

    def release(self) -> None:
        """Let go of everything; an unfinished sealer is ended."""
        if self.airlock is not None:
            self.airlock.close()
        self.intent, self.listed, self.airlock, self.archive = False, False, None, None


@dataclass(frozen=True, slots=True)
class Happening:
    """What performing a step came to: an event for the table, and what is written down with it."""

    event: Event
    facts: Facts = field(default_factory=Facts)
    archive: Archive | None = None  # published, or quarantined
    successor: Job | None = None
    pause: str = ""  # the source is to pause, and why
    refused_until: datetime | None = None  # the provider's "not before" for the whole source
    told: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))  # more facts for the log
