"""Accepting a time that no provider confirms: it takes as many people as a destruction."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.core.sources import Dependencies, build_sources
from strongroom.engine.core.trusted_clock import (
    acceptance_text,
    clock_votes,
    read_time,
    remember_confirmed,
    remember_time,
    require_uncontradicted,
)
from strongroom.engine.destruction.context import note_rules, rules_of
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.destruction import Person, StepRefused
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.time_log import Acceptance, TimeLog, is_same
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault


class ClockAcceptance(Struct, frozen=True):
    """The result of one person's acceptance."""

    since: datetime | None  # the last confirmed time; None if there never was one
    now: datetime  # the time that was accepted
    given: int  # people who have accepted it, including this one
    people: int  # required

    @property
    def enough(self) -> bool:
        """Return whether the time now counts as confirmed."""
        return self.given >= self.people


def accept_time(
    config: Config, vault: Vault, dependencies: Dependencies, by: Person, reason: str, key: Signer | None
) -> ClockAcceptance:
    """Record that a person confirms the clock of this machine, although no provider does.

    Raises WorldError where a provider or the log contradicts the clock, UsageError where nothing needs to be accepted
    or a signature is missing, StepRefused for a person who has accepted it already.
    """
    rules, now = config.destruction, dependencies.clock()
    voices = clock_votes(build_sources(config, dependencies))
    time_log = read_time(vault.catalogue, config.vault.clock_tolerance, rules.approvers, rules.people)
    require_uncontradicted(now, time_log, voices, config.vault.clock_tolerance)
    _require_open(time_log, now)
    signer = _signer(rules.approvers, key)
    _require_other(time_log, Acceptance(now, by, signer), rules.people)
    before = time_log.vouched
    note_rules(vault, rules_of(config), now)
    facts: dict[str, Fact] = {"from": time_log.subject, "by": by.token, "people": rules.people}
    if key is not None:
        facts |= {"signer": str(key.verifier), "note": key.sign(acceptance_text(time_log.subject, now, by.token))}
    given = 1 + len([each for each in time_log.pending if abs(now - each.at) <= time_log.tolerance])
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(EntryKind.CLOCK_ACCEPTED, now, facts=facts, words=reason))
    vault.write_log()
    if given >= rules.people:
        remember_time(vault, now)
        remember_confirmed(vault, now)
    return ClockAcceptance(before, now, given, rules.people)


def _require_open(time_log: TimeLog, now: datetime) -> None:
    if time_log.vouched is not None and not time_log.leaps and now - time_log.vouched <= time_log.tolerance:
        raise UsageError("there is nothing to accept: the time is already confirmed", hint="see: strongroom doctor")


def _signer(approvers: tuple[str, ...], key: Signer | None) -> str:
    """Return the approver whose key it is; empty where none is required."""
    if not approvers:
        return ""
    if key is None:
        raise UsageError("accepting a time requires a signature here", hint="add --sign-with KEYFILE")
    if str(key.verifier) not in approvers:
        raise UsageError(
            "this key is not listed in [destruction] approvers", hint="sign with one of the keys listed there"
        )
    return str(key.verifier)


def _require_other(time_log: TimeLog, fresh: Acceptance, people: int) -> None:
    near = [each for each in time_log.pending if abs(fresh.at - each.at) <= time_log.tolerance]
    if people > 1 and fresh.by.mapped and not fresh.signer:
        raise StepRefused(
            "you are in a user namespace, where a user number proves nothing: two people cannot be told apart",
            hint="accept the time outside the namespace, or with a signature: [destruction] approvers",
        )
    if any(is_same(each, fresh) for each in near):
        raise StepRefused("you have already accepted this time", hint="another person must accept it as well")
