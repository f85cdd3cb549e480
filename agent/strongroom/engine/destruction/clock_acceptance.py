"""People accept a time that no provider vouches for: a plan of its own, and as many people as a destruction takes."""

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
from strongroom.model.errors import UsageError
from strongroom.model.time_log import ACCEPTED, Acceptance, TimeLog, is_same
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault


class ClockAcceptance(Struct, frozen=True):
    """What one person's word came to."""

    since: datetime | None  # the time that was vouched for before; None where none ever was
    now: datetime  # the time that was accepted
    given: int  # people who have accepted it, this one among them
    people: int  # that it takes

    @property
    def enough(self) -> bool:
        """Say whether the time counts as vouched for."""
        return self.given >= self.people


def accept_time(
    config: Config, vault: Vault, dependencies: Dependencies, by: Person, reason: str, key: Signer | None
) -> ClockAcceptance:
    """Enter a person's word that the clock of this machine is right, although no provider vouches for that.

    Raises WorldError where a provider or the log contradicts the clock, UsageError where nothing needs to be accepted
    or a signature is lacking, StepRefused for a person who has accepted it already.
    """
    rules, now = config.destruction, dependencies.clock()
    voices = clock_votes(build_sources(config, dependencies))
    told = read_time(vault.catalogue, config.vault.clock_tolerance, rules.approvers, rules.people)
    require_uncontradicted(now, told, voices, config.vault.clock_tolerance)
    _require_open(told, now)
    signer = _signer(rules.approvers, key)
    _require_other(told, Acceptance(now, by, signer), rules.people)
    before = told.vouched
    note_rules(vault, rules_of(config), now)
    facts: dict[str, Fact] = {"from": told.subject, "by": by.token, "people": rules.people}
    if key is not None:
        facts |= {"signer": str(key.verifier), "note": key.sign(acceptance_text(told.subject, now, by.token))}
    given = 1 + len([each for each in told.pending if abs(now - each.at) <= told.tolerance])
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(ACCEPTED, now, facts=facts, words=reason))
    vault.write_log()
    if given >= rules.people:
        remember_time(vault, now)
        remember_confirmed(vault, now)
    return ClockAcceptance(before, now, given, rules.people)


def _require_open(told: TimeLog, now: datetime) -> None:
    if told.vouched is not None and not told.leaps and now - told.vouched <= told.tolerance:
        raise UsageError("there is nothing to accept: the time is already confirmed", hint="see: strongroom doctor")


def _signer(approvers: tuple[str, ...], key: Signer | None) -> str:
    """Return the approver whose key it is; empty where none is asked for."""
    if not approvers:
        return ""
    if key is None:
        raise UsageError("a time must be accepted with a signature here", hint="add --sign-with KEYFILE")
    if str(key.verifier) not in approvers:
        raise UsageError("this key is none of [destruction] approvers", hint="sign with a key that is listed there")
    return str(key.verifier)


def _require_other(told: TimeLog, fresh: Acceptance, people: int) -> None:
    near = [each for each in told.pending if abs(fresh.at - each.at) <= told.tolerance]
    if people > 1 and fresh.by.mapped and not fresh.signer:
        raise StepRefused(
            "you are in a user namespace, where a user number proves nothing: two people cannot be told apart",
            hint="accept the time outside of it, or with a signature: [destruction] approvers",
        )
    if any(is_same(each, fresh) for each in near):
        raise StepRefused("you have accepted this time already", hint="somebody else must accept it, too")
