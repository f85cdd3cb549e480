"""The last step: what was approved and has cooled off is judged once more, and destroyed if it still may be.

The judgement and the intent are one transaction: a hold that was placed before it wins, one that comes after it comes
after the destruction. What it goes by is compared with the chained log first: where they differ nothing begins. What
may not be destroyed drops out of its plan with the reason and the rest goes on; on a plan that answers a request for
erasure it waits instead, and is destroyed by itself when nothing stands against it any more.

Destructions that do not come to their end, seen from the catalogue alone.

How a try ended is not asked: what is left half done, or agreed upon and not begun, is what is watched.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec import Struct, field

from strongroom.engine.core.old_catalogues import is_owed, owe, settle
from strongroom.engine.destruction.approve import require_same_plan, sound_approvals
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.erasure import complete_erasures
from strongroom.engine.destruction.execute import end, settle_begun
from strongroom.engine.destruction.log_consistency import (
    Contradiction,
    LastLogState,
    follow_log_state,
    read_on,
    require_archive,
    require_plan,
    told_aloud,
)
from strongroom.engine.destruction.log_state import LogState
from strongroom.engine.retention.rules import Fate, is_locked
from strongroom.engine.retention.verdicts import Judgement, due
from strongroom.model.alert import Alert, AlertKind, Level
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
from strongroom.model.errors import StrongroomError, VaultError
from strongroom.model.text import counted
from strongroom.vault.archives import get_archive, key_digest
from strongroom.vault.destructions import (
    approvals_of,
    approved_proposals,
    items_of_plan,
    live_plan_items,
    put_plan_item,
    reduce_rows,
)
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.manifest import write_manifest
from strongroom.vault.tombstones import carve, is_told, put_tombstone, unfinished_tombstones, write_tombstone
from strongroom.vault.vault import Vault

BATCH = 50


class ExecutionReport(Struct):
    """What carrying out came to."""

    destroyed: list[Tombstone] = field(default_factory=list)
    excluded: list[PlanItem] = field(default_factory=list)  # dropped out of their plans, each with the reason
    waiting: list[PlanItem] = field(default_factory=list)  # approved, and something stands against it for now
    broken: list[str] = field(default_factory=list)  # plans that are not what was approved, in words
    more: bool = False  # it was as many as were asked for, and others may follow
    compacted: bool = True  # nothing deleted is left in the catalogue's pages


def carry_out(context: DestructionContext, most: int = BATCH, last: LastLogState | None = None) -> ExecutionReport:
    """Destroy up to `most` archives that are approved, have cooled off and may still be destroyed.

    The caller holds the vault's lock. Raises WorldError, having begun nothing new, while the time cannot be trusted;
    what had begun before is brought to its end all the same. Raises Contradiction where catalogue and log differ.

    The same `last` for one batch after the other spares reading the whole log for each. The catalogue is written anew
    after the last batch, or by the first that fails: until then `is_owed` says that it must be.
    """
    execution = ExecutionReport()
    execution.destroyed += settle_begun(context)
    try:
        with told_aloud(context):
            _carry_on(context, execution, most, last or LastLogState())
    except StrongroomError:
        with suppress(StrongroomError):  # why it failed is what counts, and it stays owed
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
        proposal, items = remaining[0]
        if log_state is None and _seems_ready(context, proposal, items):
            context.require_time()  # asks the providers: only where something would be destroyed by the answer
            log_state = follow_log_state(context.vault, last, remaining)
        remaining.popleft()
        with keys_alone(context.vault.layout):
            _destroy(context, proposal, items, execution, log_state)
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


def _seems_ready(context: DestructionContext, proposal: Proposal, items: PlanItem) -> bool:
    archive = get_archive(context.vault.catalogue, items.archive)
    return archive is not None and may_go(context.judge(context.vault, archive, context.clock()), proposal)


def _destroy(
    context: DestructionContext,
    proposal: Proposal,
    items: PlanItem,
    execution: ExecutionReport,
    log_state: LogState | None,
) -> None:
    begun = _begin(context, proposal, items, log_state)
    if isinstance(begun, Tombstone):
        context.crash_point("committed begun")
        context.vault.write_log()
        context.crash_point("logged begun")
        execution.destroyed.append(end(context, begun))
    elif begun is not None:
        (execution.excluded if begun.stage is Stage.SPARED else execution.waiting).append(begun)


def _begin(
    context: DestructionContext, proposal: Proposal, items: PlanItem, log_state: LogState | None
) -> Tombstone | PlanItem | None:
    """Judge once more, and write down the intent; return the tombstone, or what keeps the archive, or None.

    With the intent the archive leaves the catalogue: nothing in the house reads, seals or counts it any more.
    """
    catalogue, at = context.vault.catalogue, context.clock()
    with catalogue.transaction():
        now = live_plan_items(catalogue, items.archive)
        if now is None or now.stage is not Stage.APPROVED or now.proposal != proposal.id:
            return None  # undone meanwhile
        given = sound_approvals(context, proposal)
        if (now.rule, now.citation) != (items.rule, items.citation) or not _has_cooled(context, proposal, given):
            return None  # not what was read and compared with the approvals: the whole plan is read again next time
        if not is_approved(proposal, given, context.rules.people):
            return _wait(context, now, "more approvals are needed now: [destruction] became stricter")
        archive = get_archive(catalogue, items.archive)
        if archive is None:
            return _spare(context, now, at, "the catalogue has no such archive", "unknown")
        judgement = context.judge(context.vault, archive, at)
        if not may_go(judgement, proposal):
            if proposal.ground is Ground.ERASURE and judgement.fate in (Fate.HELD, Fate.KEEP):
                return _wait(context, now, judgement.words)
            return _spare(context, now, at, judgement.words, judgement.fate.value)
        if log_state is None:
            return None  # it became ready just now: next time
        _require_told(context, log_state, proposal, archive)
        return _intend(context, proposal, now, archive, at)


def _require_told(context: DestructionContext, log_state: LogState, proposal: Proposal, archive: Archive) -> None:
    """Raise Contradiction unless all that this goes by is what the log tells, to its newest entry."""
    catalogue = context.vault.catalogue
    read_on(catalogue, log_state)
    if proposal.overrides and log_state.locked and not is_locked(context.vault):
        raise Contradiction("lock", "the log records lock mode, but the catalogue does not", archive=archive.id)
    require_plan(catalogue, log_state, proposal, archive.id)
    require_archive(catalogue, log_state, archive.id)


def may_go(judgement: Judgement, proposal: Proposal) -> bool:
    """Say whether an archive so judged may be destroyed on this plan. A hold is never overridden, nor a locked rule."""
    overridden = proposal.overrides and judgement.fate is Fate.KEEP and not judgement.locked
    return judgement.fate is Fate.DUE or overridden


def _intend(
    context: DestructionContext, proposal: Proposal, items: PlanItem, archive: Archive, at: datetime
) -> Tombstone:
    catalogue = context.vault.catalogue
    manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
    tombstone = carve(archive, items, proposal, (manifest, key_digest(catalogue, archive.id)), at)
    put_plan_item(catalogue, move(items, DestructionStep.BEGUN, at, items.reason))
    put_tombstone(catalogue, tombstone)
    reduce_rows(catalogue, tombstone)
    owe(catalogue)
    context.log(
        "destruction.begun",
        at,
        archive=archive.id,
        stream=archive.stream,
        proposal=proposal.id,
        tombstone_sha256=hashlib.sha256(write_tombstone(tombstone)).hexdigest(),
    )
    return tombstone


def _spare(context: DestructionContext, items: PlanItem, at: datetime, reason: str, fate: str) -> PlanItem:
    excluded = move(items, DestructionStep.SPARED, at, reason)
    put_plan_item(context.vault.catalogue, excluded)
    context.log(
        "destruction.spared",
        at,
        archive=items.archive,
        words=reason,
        proposal=items.proposal,
        fate=fate,
    )
    return excluded


def _wait(context: DestructionContext, items: PlanItem, reason: str) -> PlanItem:
    """Keep an approved archive on its plan; the reason is for whoever looks, and is no new act."""
    waiting = PlanItem(
        items.archive,
        items.proposal,
        items.stage,
        items.changed_at,
        items.rule,
        items.citation,
        reason,
    )
    if waiting != items:
        put_plan_item(context.vault.catalogue, waiting)
    return waiting


def _compact(context: DestructionContext) -> bool:
    owed = is_owed(context.vault.catalogue)
    settled = settle(context.vault.catalogue)
    if owed and settled:
        context.crash_point("compacted")
    return settled


HALF = timedelta(hours=1)  # a destruction that has begun takes seconds, and is tried again every few minutes
LATE = timedelta(days=1)  # after the cooling-off


def destruction_alarms(vault: Vault, now: datetime) -> list[Alert]:
    """Return the alarm about destructions that fail or never begin; at most one, the louder."""
    half = sum(1 for _ in _half_done(vault, now))
    if half:
        title = f"the destruction of {counted(half, 'archive')} has begun and is not complete"
        body = (
            "there is no certificate, and nothing else is destroyed until then; see why: strongroom destroy carry-out"
        )
        return [Alert(AlertKind.DESTRUCTION, Level.CRITICAL, title, body)]
    late = sum(1 for _ in _late(vault, now))
    if not late:
        return []
    title = f"the destruction of {counted(late, 'archive')} was approved and does not begin"
    body = (
        "the cooling-off ended more than a day ago; to see why: strongroom destroy list, strongroom destroy carry-out"
    )
    return [Alert(AlertKind.DESTRUCTION, Level.WARNING, title, body)]


def _half_done(vault: Vault, now: datetime) -> Iterator[Tombstone]:
    """Yield what was begun, by the log, and has not come to its end."""
    for each in unfinished_tombstones(vault.catalogue):
        if each.tombstone.destroyed_at <= now - HALF and is_told(vault.catalogue, each.tombstone):
            yield each.tombstone


def _late(vault: Vault, now: datetime) -> Iterator[str]:
    """Yield what nothing stands against; what a hold or a period keeps waits by right."""
    catalogue = vault.catalogue
    ripe = [each for each in approved_proposals(catalogue) if _is_long_ripe(vault, each, now)]
    free = {verdict.archive for verdict in due(vault, now)} if ripe else set()
    for proposal in ripe:
        for each in items_of_plan(catalogue, proposal.id):
            if each.stage is Stage.APPROVED and each.archive in free:
                yield each.archive


def _is_long_ripe(vault: Vault, proposal: Proposal, now: datetime) -> bool:
    ripe = ripe_at(proposal, approvals_of(vault.catalogue, proposal.id), proposal.cooling_off)
    return ripe is not None and ripe <= now - LATE
