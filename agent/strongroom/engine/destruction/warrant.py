"""Whether the log allows an archive to be destroyed again: what destroying it needed, asked once more.

The chained log must tell of its plan, of enough approvals, of the cooling-off, of the beginning with the tombstone's
digest, and of the end; no hold may cover it, then or now; and where there are checkpoints, one must cover the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from strongroom.engine.destruction.crosscheck import Contradiction, surely_held
from strongroom.engine.destruction.docket import Begun, Body, Docket, ToldPlan
from strongroom.evidence.checkpoint import read_unchecked
from strongroom.evidence.line import read_chain
from strongroom.evidence.note import NoteRefused, Verifier, open_note
from strongroom.model.destruction import Stage, is_approved, ripe_at
from strongroom.model.errors import VaultError
from strongroom.model.hold import Hold
from strongroom.model.tombstone import Tombstone
from strongroom.vault.chainwalk import ChainWalk
from strongroom.vault.checkpoints import all_checkpoints
from strongroom.vault.tombstones import write_tombstone
from strongroom.vault.vault import Vault

Stones = Mapping[str, Tombstone | None]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the log tells of the end of a destruction."""

    seq: int
    facts: Body
    begun: Begun | None
    plan: ToldPlan | None


def find_warrants(
    vault: Vault, stones: Stones, *, thorough: bool, verifier: Verifier | None
) -> tuple[list[str], list[Contradiction]]:
    """Return which of these archives may be destroyed again, and why each other may not."""
    reasons = _judge(vault, ChainWalk().lines(vault.catalogue), stones, verifier)
    if thorough and any(reasons.values()):
        with suppress(OSError):
            lines = vault.layout.log.read_bytes().splitlines()
            by_file = _judge(vault, _chained(lines), stones, verifier)
            reasons = {each: reasons[each] and by_file[each] for each in reasons}
    refusals = [_refusal(archive, words) for archive, words in reasons.items() if words]
    return [archive for archive, words in reasons.items() if not words], refusals


def unapproved(begun: Begun | None, plan: ToldPlan | None) -> str:
    """Say what a destruction lacked when it began, if anything: a plan, approvals, its cooling-off."""
    if begun is None or plan is None or begun.proposal != plan.proposal.id:
        return "it was destroyed, and the log tells of no plan on which that was begun"
    if not is_approved(plan.proposal, begun.approvals):
        return f"it was destroyed without the approvals that {plan.proposal.id} takes"
    if begun.stage not in (Stage.APPROVED, Stage.DESTROYING):
        return f"it was destroyed, and was {begun.stage or 'not'} on the plan {plan.proposal.id}"
    ripe = ripe_at(plan.proposal, begun.approvals, timedelta(0))
    if ripe is None or begun.at < ripe:
        return f"it was destroyed before the cooling-off of {plan.proposal.id} was over"
    return ""


def _chained(lines: list[bytes]) -> Iterator[bytes]:
    """Yield lines that follow one another. Raises VaultError at the first that does not."""
    for line, _body in zip(lines, read_chain(lines), strict=True):
        yield line


def _judge(vault: Vault, lines: Iterable[bytes], stones: Stones, verifier: Verifier | None) -> dict[str, str]:
    """Return for each archive what is missing, or nothing."""
    docket, endings = Docket(None), dict[str, _Ending]()
    try:
        for seq, line in enumerate(lines, 1):
            body = json.loads(line)
            if body["kind"] == "archive.destroyed":
                name, facts = str(body.get("archive", "")), body["facts"]
                plan = docket.plans.get(str(facts.get("proposal")))
                endings[name] = _Ending(seq, facts, docket.begun.get(name), plan)
            docket.take(body)
    except (VaultError, ValueError, LookupError, TypeError, AttributeError):
        return dict.fromkeys(stones, "the evidence log cannot be read to its end")
    covered = _covered(vault, verifier)
    return {
        archive: _missing(endings.get(archive), stone, docket.standing, covered) for archive, stone in stones.items()
    }


def _missing(
    ending: _Ending | None, tombstone: Tombstone | None, standing: tuple[Hold, ...], covered: int | None
) -> str:
    if ending is None:
        return "no entry in the chain of the log says that it was destroyed"
    if words := unapproved(ending.begun, ending.plan):
        return words
    if tombstone is None:
        return "it has neither a tombstone nor a certificate"
    digest = hashlib.sha256(write_tombstone(tombstone)).hexdigest()
    begun = ending.begun
    if begun is None or not digest == begun.tombstone_sha256 == ending.facts.get("manifest_sha256"):
        return "its tombstone is not the one that the log tells of"
    held = [hold.id for hold in {*begun.holds, *standing} if surely_held(hold, tombstone)]
    if held:
        return f"it is on hold: {', '.join(sorted(held))}"
    if covered is not None and ending.seq > covered:
        return f"no checkpoint covers entry {ending.seq} of the log, which says that it was destroyed"
    return ""


def _covered(vault: Vault, verifier: Verifier | None) -> int | None:
    """Return how many entries the newest checkpoint covers; None where there never was one."""
    sizes, kept = [0], all_checkpoints(vault.catalogue)
    for each in kept:
        with suppress(NoteRefused, VaultError, ValueError):
            if verifier is not None:
                open_note(each.note, verifier)
            sizes.append(min(each.size, read_unchecked(each.note).size))
    return max(sizes) if kept else None


def _refusal(archive: str, words: str) -> Contradiction:
    said = f"archive {archive} is marked as destroyed and its files are here; they were kept: {words}"
    return Contradiction("redestroy", said, archive=archive)
