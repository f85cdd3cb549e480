"""The state of the copies of the vault: for people, for metrics and for alerts. Looks at the catalogue alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.model.alert import Alert, AlertKind, Level
from strongroom.model.copies import LATE, CopyBacklog, backlog_since, backlog_words, is_rehearsal_overdue
from strongroom.model.text import counted
from strongroom.model.times import rough_duration
from strongroom.vault.copies import CopyFinding as CopyFinding  # the command line names it from here
from strongroom.vault.copies import (
    CopyState,
    backlog_after,
    copies_begun_at,
    copy_findings,
    copy_state,
    count_copy_findings,
    known_copies,
    named_copies,
)
from strongroom.vault.vault import Vault


class CopyStatus(Struct, frozen=True):
    """One copy, as of now."""

    state: CopyState
    backlog: CopyBacklog
    findings: int  # objects that are not what they must be
    place: str = ""  # where the configuration has it; empty where it has none
    begun: bool = True  # whether the log has it
    configured: bool = True

    @property
    def name(self) -> str:
        """What the configuration calls it."""
        return self.state.name

    def is_late(self, now: datetime) -> bool:
        """Return whether it has lacked something for longer than it should."""
        since = self.backlog.since
        if not self.begun and not self.state.failure:
            return False  # it is new: nobody has tried yet
        return since is not None and not self.backlog.complete and now - since >= LATE

    def words(self, now: datetime) -> str:
        """Return its state, in words."""
        if not self.configured:
            return "not in the configuration"
        if not self.begun:
            return f"not begun: {self.state.failure}" if self.state.failure else "not begun"
        parts = [backlog_words(self.backlog, now)]
        parts += [f"{counted(self.findings, 'object')} damaged or missing"] if self.findings else []
        parts += [self.state.failure] if self.state.failure else []
        return "; ".join(parts)


def copy_statuses(vault: Vault, config: Config) -> list[CopyStatus]:
    """Return the state of every copy: those of the configuration, then others that the log has."""
    known = known_copies(vault.catalogue)
    configured = {each.name: each.place for each in config.copies}
    names = [*configured, *(name for name in known if name not in configured)]
    return [
        _status(vault, name, configured.get(name, ""), begun=name in known, configured=name in configured)
        for name in names
    ]


def _status(vault: Vault, name: str, place: str, *, begun: bool, configured: bool) -> CopyStatus:
    catalogue, state = vault.catalogue, copy_state(vault.catalogue, name)
    backlog = backlog_since(backlog_after(catalogue, state.entries), copies_begun_at(catalogue).get(name))
    return CopyStatus(state, backlog, count_copy_findings(catalogue, name), place, begun, configured)


def known_statuses(vault: Vault) -> dict[str, CopyStatus]:
    """Return the state of each copy that log or catalogue know, by its name."""
    known = known_copies(vault.catalogue)
    names = sorted({*known, *named_copies(vault.catalogue)})
    return {name: _status(vault, name, "", begun=name in known, configured=True) for name in names}


def copy_state_of(vault: Vault, name: str) -> CopyState:
    """Return what is recorded of a copy."""
    return copy_state(vault.catalogue, name)


def list_copy_findings(vault: Vault, name: str, most: int = 1000) -> list[CopyFinding]:
    """Return what was found in a copy."""
    return copy_findings(vault.catalogue, name, most)


NO_PERIODS: Mapping[str, timedelta] = {}


def rehearsal_periods(config: Config) -> dict[str, timedelta]:
    """Return how often a restore from each copy is rehearsed, for those where the daemon does it."""
    return {each.name: each.rehearse for each in config.copies if each.rehearse is not None}


def rehearsal_words(state: CopyState, now: datetime) -> str:
    """Return when a restore from a copy was rehearsed last, and what is wrong with a later try."""
    if state.rehearsed_at is None:
        words = "a restore was never rehearsed"
    else:
        words = f"a restore was rehearsed {rough_duration(max(now - state.rehearsed_at, timedelta(0)))} ago"
    return f"{words}; the last try: {state.rehearsal_problem}" if state.rehearsal_problem else words


def copy_alarms(vault: Vault, now: datetime, rehearse: Mapping[str, timedelta] = NO_PERIODS) -> Iterator[Alert]:
    """Yield the alerts: a copy that is behind, one with damaged objects, and one whose restore was not rehearsed.

    `rehearse` says how often that is to be done, by the names of the copies.
    """
    begun = copies_begun_at(vault.catalogue)
    for name, each in known_statuses(vault).items():
        every = rehearse.get(name)
        if every is not None and is_rehearsal_overdue(every, each.state.rehearsed_at, begun.get(name), now):
            title = "no restore from a copy of the vault was rehearsed in time"
            body = f"copy {name}: {rehearsal_words(each.state, now)}; to see why: strongroom copy rehearse {name}"
            yield Alert(f"{AlertKind.COPY_REHEARSAL} {name}", Level.WARNING, title, body)
        see = f"copy {name}: {each.words(now)}; see: strongroom copy status"
        if each.is_late(now):
            title = f"a copy of the vault is {backlog_words(each.backlog, now)}"
            yield Alert(f"{AlertKind.COPY} {name}", Level.WARNING, title, see)
        if each.findings:
            title = (
                f"{counted(each.findings, 'object')} of a copy of the vault {_are(each.findings)} damaged or missing"
            )
            body = f"copy {name}; to see what can be done: strongroom repair"
            yield Alert(f"{AlertKind.COPY_DAMAGED} {name}", Level.CRITICAL, title, body)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
