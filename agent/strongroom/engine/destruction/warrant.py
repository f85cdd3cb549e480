"""Whether the log allows an archive to be destroyed again: what destroying it needed, asked once more.

The chained log must tell of its plan, of enough approvals, of the cooling-off, of the beginning with the tombstone's
digest, and of the end; no hold may cover it, then or now; and where there are checkpoints, one must cover the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from strongroom.engine.destruction.crosscheck import Contradiction, surely_held
from strongroom.engine.destruction.docket import Begun, Body, Docket, ToldArchive, ToldPlan
from strongroom.engine.destruction.signed import that_count
from strongroom.engine.destruction.term import unexpired
from strongroom.engine.health.vaulttime import read_time
from strongroom.evidence.checkpoint import read_unchecked
from strongroom.evidence.line import read_chain
from strongroom.evidence.note import NoteRefused, Verifier, open_note
from strongroom.model.destruction import Stage, is_approved, ripe_at
from strongroom.model.errors import VaultError
from strongroom.model.hold import Hold
from strongroom.model.timelog import Leap
from strongroom.model.tombstone import Tombstone
from strongroom.vault.chainwalk import ChainWalk
from strongroom.vault.checkpoints import all_checkpoints, note_files
from strongroom.vault.tombstones import write_tombstone
from strongroom.vault.vault import Vault
from strongroom.vault.vaultfiles import read_file

Stones = Mapping[str, Tombstone | None]


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the log records the end of a destruction."""

    seq: int
    facts: Body
    begun: Begun | None
    plan: ToldPlan | None
    told: ToldArchive  # of the archive, as long as it was one


@dataclass(frozen=True, slots=True)
class Terms:
    """By which keys and by what time a warrant is judged."""

    now: datetime
    verifier: Verifier | None = None  # the agent's key: only checkpoints that it signed count
    approvers: Collection[str] = ()  # of the configuration: where there are any, one of them signed each approval


def find_warrants(
    vault: Vault, stones: Stones, terms: Terms, *, thorough: bool
) -> tuple[list[str], list[Contradiction]]:
    """Return which of these archives may be destroyed again, and why each other may not."""
    reasons = _judge(vault, ChainWalk().lines(vault.catalogue), stones, terms)
    if thorough and any(reasons.values()):
        with suppress(OSError):
            lines = read_file(vault.layout.log, most=None).splitlines()
            by_file = _judge(vault, _chained(lines), stones, terms)
            reasons = {each: reasons[each] and by_file[each] for each in reasons}
    refusals = [_refusal(archive, words) for archive, words in reasons.items() if words]
    return [archive for archive, words in reasons.items() if not words], refusals


def unapproved(begun: Begun | None, plan: ToldPlan | None, approvers: Collection[str] = ()) -> str:
    """Say what a destruction lacked when it began, if anything: a plan, approvals, its cooling-off.

    Where there are `approvers`, only what one of these keys signed is an approval.
    """
    if begun is None or plan is None or begun.proposal != plan.proposal.id:
        return "it was destroyed, and the log records no plan on which that was begun"
    approvals = that_count(begun.approvals, approvers)
    if not is_approved(plan.proposal, approvals):
        signed = " signed by a key of [destruction] approvers" if approvers else ""
        return f"it was destroyed without the approvals{signed} that {plan.proposal.id} takes"
    if begun.stage not in (Stage.APPROVED, Stage.DESTROYING):
        return f"it was destroyed, and was {begun.stage or 'not'} on the plan {plan.proposal.id}"
    ripe = ripe_at(plan.proposal, approvals, timedelta(0))
    if ripe is None or begun.at < ripe:
        return f"it was destroyed before the cooling-off of {plan.proposal.id} was over"
    return ""


def _chained(lines: list[bytes]) -> Iterator[bytes]:
    """Yield lines that follow one another. Raises VaultError at the first that does not."""
    for line, _body in zip(lines, read_chain(lines), strict=True):
        yield line


def _judge(vault: Vault, lines: Iterable[bytes], stones: Stones, terms: Terms) -> dict[str, str]:
    """Return for each archive what is missing, or nothing."""
    docket, endings, signed = Docket(None, list(stones)), dict[str, _Ending](), False
    try:
        for seq, line in enumerate(lines, 1):
            body = json.loads(line)
            if body["kind"] == "archive.destroyed":
                name, facts = str(body.get("archive", "")), body["facts"]
                plan = docket.plans.get(str(facts.get("proposal")))
                told = replace(docket.archives.get(name, ToldArchive()))
                endings[name] = _Ending(seq, facts, docket.begun.get(name), plan, told)
            signed = signed or body["kind"] == "checkpoint.signed"
            docket.take(body)
    except (VaultError, ValueError, LookupError, TypeError, AttributeError):
        return dict.fromkeys(stones, "the evidence log cannot be read to its end")
    covered, leap = _covered(vault, terms.verifier, signed=signed), _first_leap(vault)
    return {
        archive: _missing(endings.get(archive), stone, docket.standing, covered, terms.approvers)
        or _untimely(endings[archive], leap)
        or _early(vault, docket, archive, endings[archive], terms.now)
        for archive, stone in stones.items()
    }


def _missing(
    ending: _Ending | None,
    tombstone: Tombstone | None,
    standing: tuple[Hold, ...],
    covered: int | None,
    approvers: Collection[str],
) -> str:
    if ending is None:
        return "no entry in the chain of the log says that it was destroyed"
    if words := unapproved(ending.begun, ending.plan, approvers):
        return words
    if tombstone is None:
        return "it has neither a tombstone nor a certificate"
    digest = hashlib.sha256(write_tombstone(tombstone)).hexdigest()
    begun = ending.begun
    if begun is None or not digest == begun.tombstone_sha256 == ending.facts.get("manifest_sha256"):
        return "its tombstone is not the one recorded in the log"
    held = [hold.id for hold in {*begun.holds, *standing} if surely_held(hold, tombstone)]
    if held:
        return f"it is on hold: {', '.join(sorted(held))}"
    if covered is not None and ending.seq > covered:
        return f"no checkpoint covers entry {ending.seq} of the log, which says that it was destroyed"
    return ""


def _first_leap(vault: Vault) -> Leap | None:
    """Return the first leap of the log's time that nobody vouched for; logs of before 0.4 tell of nobody."""
    with suppress(VaultError):
        told = read_time(vault.catalogue)
        return told.leaps[0] if told.by_log and told.leaps else None
    return None


def _untimely(ending: _Ending, leap: Leap | None) -> str:
    if leap is None or ending.seq < leap.seq:
        return ""
    return f"the time of the log leapt ahead at entry {leap.seq}, before it was destroyed, and nobody vouched for that"


def _early(vault: Vault, docket: Docket, archive: str, ending: _Ending, now: datetime) -> str:
    """Say whether the period was not over when it began, or is not over yet, as far as its manifest is there."""
    begun, plan = ending.begun, ending.plan
    if begun is None or plan is None:
        return ""
    return unexpired(vault, archive, ending.told, plan, min(begun.at, now), locked=docket.locked)


def _covered(vault: Vault, verifier: Verifier | None, *, signed: bool) -> int | None:
    """Return how many entries the newest checkpoint covers; None where by log, rows and files there never was one."""
    notes = [each.note for each in all_checkpoints(vault.catalogue)]
    for path in note_files(vault.layout):
        with suppress(OSError, ValueError):
            notes.append(read_file(path).decode())
    sizes = [0]
    for note in notes:
        with suppress(NoteRefused, VaultError, ValueError):
            if verifier is not None:
                open_note(note, verifier)
            sizes.append(read_unchecked(note).size)
    return max(sizes) if notes or signed else None


def _refusal(archive: str, words: str) -> Contradiction:
    said = f"archive {archive} is marked as destroyed and its files are here; they were kept: {words}"
    return Contradiction("redestroy", said, archive=archive)
