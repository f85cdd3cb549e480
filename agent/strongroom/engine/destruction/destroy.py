"""The last step: what was approved and has cooled off is judged once more, and destroyed if it still may be.

The judgement and the intent are one transaction: a hold that was placed before it wins, one that comes after it comes
after the destruction. What it goes by is compared with the chained log first: where they differ nothing begins. What
may not be destroyed drops out of its plan with the reason and the rest goes on; on a plan that answers a request for
erasure it waits instead, and is destroyed by itself when nothing stands against it any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from strongroom.engine.destruction.approve import require_whole, sound_approvals
from strongroom.engine.destruction.compaction import is_owed, owe, settle
from strongroom.engine.destruction.crosscheck import (
    Contradiction,
    LastDocket,
    follow_docket,
    read_on,
    require_archive,
    require_plan,
    told_aloud,
)
from strongroom.engine.destruction.desk import Desk
from strongroom.engine.destruction.docket import Docket
from strongroom.engine.destruction.erase import complete_erasures
from strongroom.engine.destruction.grave import end, settle_begun
from strongroom.engine.retention.judgement import Fate, Judgement
from strongroom.engine.retention.retain import is_locked
from strongroom.model.archive import Archive
from strongroom.model.destruction import Condemned, Ground, Proposal, Stage, Step, is_approved, move, ripe_at
from strongroom.model.errors import StrongroomError, VaultError
from strongroom.model.tombstone import Tombstone
from strongroom.vault.archives import get_archive, key_digest
from strongroom.vault.destructions import (
    approved_proposals,
    condemned_on,
    live_condemned,
    put_condemned,
    reduce_rows,
)
from strongroom.vault.manifest import write_manifest
from strongroom.vault.rekeying import keys_alone
from strongroom.vault.tombstones import carve, put_tombstone, write_tombstone

BATCH = 50


@dataclass(slots=True)
class Carried:
    """What carrying out came to."""

    destroyed: list[Tombstone] = field(default_factory=list)
    spared: list[Condemned] = field(default_factory=list)  # dropped out of their plans, each with the reason
    waiting: list[Condemned] = field(default_factory=list)  # approved, and something stands against it for now
    broken: list[str] = field(default_factory=list)  # plans that are not what was approved, in words
    more: bool = False  # it was as many as were asked for, and others may follow
    compacted: bool = True  # nothing deleted is left in the catalogue's pages


def carry_out(desk: Desk, most: int = BATCH, last: LastDocket | None = None) -> Carried:
    """Destroy up to `most` archives that are approved, have cooled off and may still be destroyed.

    The caller holds the vault's lock. Raises WorldError, having begun nothing new, while the time cannot be trusted;
    what had begun before is brought to its end all the same. Raises Contradiction where catalogue and log differ.

    The same `last` for one batch after the other spares reading the whole log for each. The catalogue is written anew
    after the last batch, or by the first that fails: until then `is_owed` says that it must be.
    """
    carried = Carried()
    carried.destroyed += settle_begun(desk)
    try:
        with told_aloud(desk):
            _carry_on(desk, carried, most, last or LastDocket())
    except StrongroomError:
        with suppress(StrongroomError):  # why it failed is what counts, and it stays owed
            _compact(desk)
        raise
    if carried.spared:
        desk.vault.write_log()
    complete_erasures(desk)
    carried.compacted = not is_owed(desk.vault.catalogue) if carried.more else _compact(desk)
    return carried


def _carry_on(desk: Desk, carried: Carried, most: int, last: LastDocket) -> None:
    docket: Docket | None = None
    for proposal, condemned in _ripe(desk, carried):
        if len(carried.destroyed) >= most:
            carried.more = True
            break
        if docket is None and _seems_ready(desk, proposal, condemned):
            desk.require_time()  # asks the providers: only where something would be destroyed by the answer
            docket = _docket(desk, last)
        with keys_alone(desk.vault.layout):
            _destroy(desk, proposal, condemned, carried, docket)
    last.docket = docket


def _docket(desk: Desk, last: LastDocket) -> Docket:
    """Read what the log records every plan that is approved, and of the archives that may go."""
    catalogue = desk.vault.catalogue
    plans = [proposal.id for proposal in approved_proposals(catalogue)]
    condemned = (each for plan in plans for each in condemned_on(catalogue, plan))
    approved = [each.archive for each in condemned if each.stage is Stage.APPROVED]
    return follow_docket(desk.vault, last, plans, approved)


def _ripe(desk: Desk, carried: Carried) -> Iterator[tuple[Proposal, Condemned]]:
    """Yield what has cooled off, from plans that are what was approved by people enough."""
    now = desk.clock()
    for proposal in approved_proposals(desk.vault.catalogue):
        given = sound_approvals(desk, proposal)
        ripe = ripe_at(proposal, given, desk.rules.cooling_off)
        if ripe is None or ripe > now:
            continue
        try:
            require_whole(desk, proposal)
        except VaultError as error:
            carried.broken.append(error.message)
            continue
        for condemned in condemned_on(desk.vault.catalogue, proposal.id):
            if condemned.stage is Stage.APPROVED:
                yield proposal, condemned


def _seems_ready(desk: Desk, proposal: Proposal, condemned: Condemned) -> bool:
    archive = get_archive(desk.vault.catalogue, condemned.archive)
    return archive is not None and may_go(desk.judge(desk.vault, archive, desk.clock()), proposal)


def _destroy(desk: Desk, proposal: Proposal, condemned: Condemned, carried: Carried, docket: Docket | None) -> None:
    begun = _begin(desk, proposal, condemned, docket)
    if isinstance(begun, Tombstone):
        desk.witness("committed begun")
        desk.vault.write_log()
        desk.witness("logged begun")
        carried.destroyed.append(end(desk, begun))
    elif begun is not None:
        (carried.spared if begun.stage is Stage.SPARED else carried.waiting).append(begun)


def _begin(desk: Desk, proposal: Proposal, condemned: Condemned, docket: Docket | None) -> Tombstone | Condemned | None:
    """Judge once more, and write down the intent; return the tombstone, or what keeps the archive, or None.

    With the intent the archive leaves the catalogue: nothing in the house reads, seals or counts it any more.
    """
    catalogue, at = desk.vault.catalogue, desk.clock()
    with catalogue.transaction():
        now = live_condemned(catalogue, condemned.archive)
        if now is None or now.stage is not Stage.APPROVED or now.proposal != proposal.id:
            return None  # undone meanwhile
        if not is_approved(proposal, sound_approvals(desk, proposal), desk.rules.people):
            return _wait(desk, now, "it takes more approvals by now: [destruction] became stricter")
        archive = get_archive(catalogue, condemned.archive)
        if archive is None:
            return _spare(desk, now, at, "the catalogue has no such archive", "unknown")
        judgement = desk.judge(desk.vault, archive, at)
        if not may_go(judgement, proposal):
            if proposal.ground is Ground.ERASURE and judgement.fate in (Fate.HELD, Fate.KEEP):
                return _wait(desk, now, judgement.words)
            return _spare(desk, now, at, judgement.words, judgement.fate.value)
        if docket is None:
            return None  # it became ready just now: next time
        _require_told(desk, docket, proposal, archive)
        return _intend(desk, proposal, now, archive, at)


def _require_told(desk: Desk, docket: Docket, proposal: Proposal, archive: Archive) -> None:
    """Raise Contradiction unless all that this goes by is what the log tells, to its newest entry."""
    catalogue = desk.vault.catalogue
    read_on(catalogue, docket)
    if proposal.overrides and docket.locked and not is_locked(desk.vault):
        raise Contradiction("lock", "the log records lock mode, and the catalogue does not", archive=archive.id)
    require_plan(catalogue, docket, proposal, archive.id)
    require_archive(catalogue, docket, archive.id)


def may_go(judgement: Judgement, proposal: Proposal) -> bool:
    """Say whether an archive so judged may be destroyed on this plan. A hold is never overridden, nor a locked rule."""
    overridden = proposal.overrides and judgement.fate is Fate.KEEP and not judgement.locked
    return judgement.fate is Fate.DUE or overridden


def _intend(desk: Desk, proposal: Proposal, condemned: Condemned, archive: Archive, at: datetime) -> Tombstone:
    catalogue = desk.vault.catalogue
    manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
    tombstone = carve(archive, condemned, proposal, (manifest, key_digest(catalogue, archive.id)), at)
    put_condemned(catalogue, move(condemned, Step.BEGUN, at, condemned.reason))
    put_tombstone(catalogue, tombstone)
    reduce_rows(catalogue, tombstone)
    owe(catalogue)
    desk.log(
        "destruction.begun",
        at,
        archive=archive.id,
        stream=archive.stream,
        proposal=proposal.id,
        tombstone_sha256=hashlib.sha256(write_tombstone(tombstone)).hexdigest(),
    )
    return tombstone


def _spare(desk: Desk, condemned: Condemned, at: datetime, reason: str, fate: str) -> Condemned:
    spared = move(condemned, Step.SPARED, at, reason)
    put_condemned(desk.vault.catalogue, spared)
    desk.log(
        "destruction.spared",
        at,
        archive=condemned.archive,
        words=reason,
        proposal=condemned.proposal,
        fate=fate,
    )
    return spared


def _wait(desk: Desk, condemned: Condemned, reason: str) -> Condemned:
    """Keep an approved archive on its plan; the reason is for whoever looks, and is no new act."""
    waiting = Condemned(
        condemned.archive,
        condemned.proposal,
        condemned.stage,
        condemned.changed_at,
        condemned.rule,
        condemned.citation,
        reason,
    )
    if waiting != condemned:
        put_condemned(desk.vault.catalogue, waiting)
    return waiting


def _compact(desk: Desk) -> bool:
    owed = is_owed(desk.vault.catalogue)
    settled = settle(desk.vault.catalogue)
    if owed and settled:
        desk.witness("compacted")
    return settled
