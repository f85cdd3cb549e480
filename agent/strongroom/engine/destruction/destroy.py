"""The last step: what is approved and past its cooling-off is judged once more, and destroyed if that is still allowed.

Judgement and intent are one transaction: a hold placed before it wins, a later one comes too late. The rows are first
compared with the chained log; where they differ nothing begins. An archive that may not be destroyed leaves its plan,
with the reason, and the rest continues. On a plan for a request for erasure it waits instead, and is destroyed
automatically when nothing prevents it any more.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.core.old_catalogues import is_owed, owe, settle
from strongroom.engine.destruction.approve import require_same_plan, sound_approvals
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.erasure import complete_erasures
from strongroom.engine.destruction.execute import CopiesAway, end, settle_begun
from strongroom.engine.destruction.log_consistency import (
    Contradiction,
    LastLogState,
    contradictions_reported,
    follow_log_state,
    read_on,
    require_archive,
    require_plan,
)
from strongroom.engine.destruction.log_state import LogState
from strongroom.engine.retention.rules import Fate, is_locked
from strongroom.engine.retention.verdicts import Judgement
from strongroom.model.archive import Archive, Tombstone
from strongroom.model.destruction import (
    Approval,
    DestructionStep,
    Ground,
    PlanItem,
    Proposal,
    Stage,
    is_approved,
    move,
    ripe_at,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, VaultError
from strongroom.vault.archives import get_archive, key_digest
from strongroom.vault.destructions import (
    approved_proposals,
    items_of_plan,
    live_plan_items,
    put_plan_item,
    reduce_rows,
)
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.manifest import write_manifest
from strongroom.vault.tombstones import carve, put_tombstone, write_tombstone

BATCH = 50


class ExecutionReport(Struct):
    """What was carried out, and what was not."""

    destroyed: list[Tombstone] = field(default_factory=list)
    excluded: list[PlanItem] = field(default_factory=list)  # removed from their plans, each with the reason
    waiting: list[PlanItem] = field(default_factory=list)  # approved, and something prevents it for now
    broken: list[str] = field(default_factory=list)  # plans that are not what was approved, in words
    incomplete: list[CopiesAway] = field(default_factory=list)  # destroyed here, but not in every copy
    more: bool = False  # the limit was reached, and others may follow
    compacted: bool = True  # nothing deleted is left in the catalogue's pages


def carry_out(context: DestructionContext, most: int = BATCH, last: LastLogState | None = None) -> ExecutionReport:
    """Destroy up to `most` archives that are approved, have cooled off and may still be destroyed.

    The caller holds the vault's lock. Raises WorldError, having begun nothing new, while the time cannot be trusted;
    what had begun before is completed in any case. Raises Contradiction where catalogue and log differ.

    Pass the same `last` to consecutive batches, and the whole log is read only once. The catalogue is compacted after
    the last batch, or when one fails; until then `is_owed` is True.
    """
    execution = ExecutionReport()
    execution.destroyed += settle_begun(context, execution.incomplete)
    try:
        with contradictions_reported(context):
            _carry_on(context, execution, most, last or LastLogState())
    except StrongroomError:
        with suppress(StrongroomError):  # the first error matters, and compacting stays pending
            _compact(context)
        raise
    if execution.excluded:
        context.vault.write_log()
    complete_erasures(context)
    execution.compacted = not is_owed(context.vault.catalogue) if execution.more else _compact(context)
    return execution


def _carry_on(context: DestructionContext, execution: ExecutionReport, most: int, last: LastLogState) -> None:
    remaining, log_state = _take_remaining(context, execution, last), None
    while remaining:
        if len(execution.destroyed) >= most:
            execution.more = True
            break
        proposal, item = remaining[0]
        if log_state is None and _seems_ready(context, proposal, item):
            context.require_time()  # asks the providers, so only if something would be destroyed
            log_state = follow_log_state(context.vault, last, remaining)
        remaining.popleft()
        with keys_alone(context.vault.layout):
            _destroy(context, proposal, item, execution, log_state)
    last.log_state, last.remaining = log_state, remaining


def _take_remaining(
    context: DestructionContext, execution: ExecutionReport, last: LastLogState
) -> deque[tuple[Proposal, PlanItem]]:
    """Return what the previous batch left, if nobody else wrote to the catalogue since; otherwise read all plans."""
    changes = context.vault.catalogue.change_count()
    remaining, last.remaining = last.remaining, deque()
    if not remaining or changes != last.changes:
        last.log_state, last.changes, last.broken = None, changes, []
        remaining = deque(_ripe(context, last.broken))
    execution.broken += last.broken
    return remaining


def _ripe(context: DestructionContext, broken: list[str]) -> Iterator[tuple[Proposal, PlanItem]]:
    """Yield what has cooled off, from plans that are what was approved; add to `broken` a message for each other."""
    for proposal in approved_proposals(context.vault.catalogue):
        if not _has_cooled(context, proposal, sound_approvals(context, proposal)):
            continue
        items = items_of_plan(context.vault.catalogue, proposal.id)
        try:
            require_same_plan(proposal, items)
        except VaultError as error:
            broken.append(error.message)
            continue
        yield from ((proposal, each) for each in items if each.stage is Stage.APPROVED)


def _has_cooled(context: DestructionContext, proposal: Proposal, given: Sequence[Approval]) -> bool:
    ripe = ripe_at(proposal, given, context.rules.cooling_off)
    return ripe is not None and ripe <= context.clock()


def _seems_ready(context: DestructionContext, proposal: Proposal, item: PlanItem) -> bool:
    archive = get_archive(context.vault.catalogue, item.archive)
    return archive is not None and may_go(context.judge(context.vault, archive, context.clock()), proposal)


def _destroy(
    context: DestructionContext,
    proposal: Proposal,
    item: PlanItem,
    execution: ExecutionReport,
    log_state: LogState | None,
) -> None:
    begun = _begin(context, proposal, item, log_state)
    if isinstance(begun, Tombstone):
        context.crash_point("committed begun")
        context.vault.write_log()
        context.crash_point("logged begun")
        try:
            execution.destroyed.append(end(context, begun))
        except CopiesAway as error:
            execution.incomplete.append(error)
    elif begun is not None:
        (execution.excluded if begun.stage is Stage.SPARED else execution.waiting).append(begun)


def _begin(
    context: DestructionContext, proposal: Proposal, item: PlanItem, log_state: LogState | None
) -> Tombstone | PlanItem | None:
    """Judge once more, and record the intent; return the tombstone, or the item that stays, or None.

    With the intent the archive leaves the catalogue: nothing reads, seals or counts it any more.
    """
    catalogue, at = context.vault.catalogue, context.clock()
    with catalogue.transaction():
        now = live_plan_items(catalogue, item.archive)
        if now is None or now.stage is not Stage.APPROVED or now.proposal != proposal.id:
            return None  # undone in the meantime
        given = sound_approvals(context, proposal)
        if (now.rule, now.citation) != (item.rule, item.citation) or not _has_cooled(context, proposal, given):
            return None  # changed since it was compared with the approvals: the whole plan is read again next time
        if not is_approved(proposal, given, context.rules.people):
            return _wait(context, now, "more approvals are needed now: [destruction] became stricter")
        archive = get_archive(catalogue, item.archive)
        if archive is None:
            return _exclude(context, now, at, "the catalogue has no such archive", "unknown")
        judgement = context.judge(context.vault, archive, at)
        if not may_go(judgement, proposal):
            if proposal.ground is Ground.ERASURE and judgement.fate in (Fate.HELD, Fate.KEEP):
                return _wait(context, now, judgement.words)
            return _exclude(context, now, at, judgement.words, judgement.fate.value)
        if log_state is None:
            return None  # it became ready just now: next time
        _require_logged(context, log_state, proposal, archive)
        return _intend(context, proposal, now, archive, at)


def _require_logged(context: DestructionContext, log_state: LogState, proposal: Proposal, archive: Archive) -> None:
    """Raise Contradiction unless everything this depends on agrees with the log, up to its newest entry."""
    catalogue = context.vault.catalogue
    read_on(catalogue, log_state)
    if proposal.overrides and log_state.locked and not is_locked(context.vault):
        raise Contradiction("lock", "the log records lock mode, but the catalogue does not", archive=archive.id)
    require_plan(catalogue, log_state, proposal, archive.id)
    require_archive(catalogue, log_state, archive.id)


def may_go(judgement: Judgement, proposal: Proposal) -> bool:
    """Return whether this judgement allows the destruction. Holds and locked rules are never overridden."""
    overridden = proposal.overrides and judgement.fate is Fate.KEEP and not judgement.locked
    return judgement.fate is Fate.DUE or overridden


def _intend(
    context: DestructionContext, proposal: Proposal, item: PlanItem, archive: Archive, at: datetime
) -> Tombstone:
    catalogue = context.vault.catalogue
    manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
    tombstone = carve(archive, item, proposal, (manifest, key_digest(catalogue, archive.id)), at)
    put_plan_item(catalogue, move(item, DestructionStep.BEGUN, at, item.reason))
    put_tombstone(catalogue, tombstone)
    reduce_rows(catalogue, tombstone)
    owe(catalogue)
    context.log(
        EntryKind.DESTRUCTION_BEGUN,
        at,
        archive=archive.id,
        stream=archive.stream,
        proposal=proposal.id,
        tombstone_sha256=hashlib.sha256(write_tombstone(tombstone)).hexdigest(),
    )
    return tombstone


def _exclude(context: DestructionContext, item: PlanItem, at: datetime, reason: str, fate: str) -> PlanItem:
    excluded = move(item, DestructionStep.SPARED, at, reason)
    put_plan_item(context.vault.catalogue, excluded)
    context.log(
        EntryKind.DESTRUCTION_SPARED,
        at,
        archive=item.archive,
        words=reason,
        proposal=item.proposal,
        fate=fate,
    )
    return excluded


def _wait(context: DestructionContext, item: PlanItem, reason: str) -> PlanItem:
    """Keep an approved archive on its plan; the reason is for display, and is not logged."""
    waiting = replace(item, reason=reason)
    if waiting != item:
        put_plan_item(context.vault.catalogue, waiting)
    return waiting


def _compact(context: DestructionContext) -> bool:
    owed = is_owed(context.vault.catalogue)
    settled = settle(context.vault.catalogue)
    if owed and settled:
        context.crash_point("compacted")
    return settled
