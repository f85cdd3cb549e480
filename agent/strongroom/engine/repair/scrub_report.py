"""The state of the scrub, for people and for alerts: its progress, whether it is late, what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby

from msgspec import Struct, field

from strongroom.config.schema import Config
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.scrub import Lap, ScrubPace, is_behind
from strongroom.model.text import counted
from strongroom.vault.scrubs import ScrubFinding as ScrubFinding  # the command line names it from here
from strongroom.vault.scrubs import count_findings, last_lap, open_findings, put_aside, scrubbed_at, scrubbed_files
from strongroom.vault.vault import Vault

LOG_FILE = "log/log.jsonl"
NAMED = 20
"""How many archives have an alert of their own; the rest share one."""


class ScrubState(Struct, frozen=True):
    """The scrub, as of now."""

    lap: Lap | None  # the current or the last one
    scrubbed_at: datetime | None  # when the last lap ended
    findings: int  # open findings
    behind: bool
    files: Mapping[str, int] = field(default_factory=dict)  # beside the archives, in the last complete lap


def pace_of(config: Config) -> ScrubPace:
    """Return how often and how fast to scrub, by the configuration."""
    return ScrubPace(config.vault.scrub_every, config.vault.scrub_rate)


def scrub_state(vault: Vault, now: datetime, pace: ScrubPace | None = None) -> ScrubState:
    """Return the state of the scrub."""
    lap = last_lap(vault.catalogue)
    behind = is_behind(lap, pace or ScrubPace(), now)
    return ScrubState(
        lap, scrubbed_at(vault.catalogue), count_findings(vault.catalogue), behind, scrubbed_files(vault.catalogue)
    )


def list_findings(vault: Vault, most: int = 1000) -> list[ScrubFinding]:
    """Return the open findings, in the order of ids."""
    return open_findings(vault.catalogue, most)


def set_aside(vault: Vault) -> tuple[str, ...]:
    """Return each archive that was moved to quarantine because it was found damaged, in the order of ids."""
    return put_aside(vault.catalogue)


def scrub_alarms(vault: Vault, now: datetime, pace: ScrubPace) -> Iterator[Alert]:
    """Yield the alerts of the scrub: each damaged archive, and a late scrub."""
    standing = groupby(open_findings(vault.catalogue, 10_000), key=lambda each: each.archive)
    by_archive = {archive: list(found) for archive, found in standing}
    for archive, found in list(by_archive.items())[:NAMED]:
        yield _damaged(archive, found)
    if len(by_archive) > NAMED:
        title = f"{len(by_archive) - NAMED} more archives are damaged"
        yield Alert(AlertKind.FIXITY, Level.CRITICAL, title, "all of them: strongroom scrub status")
    if is_behind(last_lap(vault.catalogue), pace, now):
        title = f"the scrub is late: the vault should be read again within {counted(pace.every.days, 'day')}"
        yield Alert(AlertKind.SCRUB, Level.WARNING, title, "its progress: strongroom scrub status")


def _damaged(archive: str, found: list[ScrubFinding]) -> Alert:
    log = any(each.file == LOG_FILE for each in found)
    other = "the evidence log is damaged" if log else "a file of the vault is damaged"
    title = "an archive is damaged" if archive else other
    words = "; ".join(f"{each.file}: {each.message}" for each in found[:5])
    body = f"{words}; to see what can be done: strongroom recover"
    return Alert(f"{AlertKind.FIXITY} {archive or 'log'}", Level.CRITICAL, title, body)
