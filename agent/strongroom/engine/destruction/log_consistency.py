"""Rows of the catalogue against the chained log, before anything is destroyed by them. Where they differ nothing is.

The row is an index, the log is the act: a hold without its row still holds, an approval without its line was never
given, a period that ends earlier than its rule says was never agreed. Every difference is an alarm and an entry.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.log_state import (
    Begun,
    LogState,
    ToldArchive,
    ToldPlan,
    extended_record,
    that_count,
    unexpired,
)
from strongroom.evidence.line import Entry
from strongroom.model.alert import CONTRADICTED, Level
from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Approval, PlanItem, Proposal, Stage, is_approved
from strongroom.model.errors import VaultError
from strongroom.model.hold import Hold, catches
from strongroom.model.retention import RetentionRecord
from strongroom.model.times import Clock, format_instant
from strongroom.vault.alerts import AlertRecord, get_alert, put_alert
from strongroom.vault.archives import ARCHIVE, get_archive
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.destructions import approvals_of, get_proposal, items_of_plan, live_plan_items, newest_proposals
from strongroom.vault.holds import holds
from strongroom.vault.log import add_entry, require_current
from strongroom.vault.retention_records import get_record
from strongroom.vault.rows import UNREADABLE
from strongroom.vault.tombstones import write_tombstone
from strongroom.vault.vault import Vault

_ALL = 1 << 40
_HINT = "nothing is destroyed until a person has looked: strongroom audit verify, strongroom log"


class Contradiction(VaultError):
    """Catalogue and log say different things of a destruction. `code` is a stable word for what about."""

    def __init__(self, code: str, words: str, *, archive: str = "", proposal: str = "") -> None:
        super().__init__(f"the catalogue contradicts the evidence log: {words}", hint=_HINT)
        self.code, self.archive, self.proposal = code, archive, proposal


class LastLogState(Struct):
    """What one batch leaves to the next, valid while `change_count` is `changes`: nobody else wrote meanwhile."""

    log_state: LogState | None = None
    remaining: deque[tuple[Proposal, PlanItem]] = field(default_factory=deque)  # approved, and not looked at yet
    broken: list[str] = field(default_factory=list)  # plans that are not what was approved, in words
    changes: int = -1


def open_log_state(vault: Vault, plans: Collection[str] = (), archives: Collection[str] = ()) -> LogState:
    """Read the whole log for these plans and archives; outside a transaction.

    Raises Contradiction where the chain is broken, or the holds of the catalogue are not those of the log.
    """
    return _read_docket(vault, LogState(plans, archives))


def follow_log_state(vault: Vault, last: LastLogState, remaining: Collection[tuple[Proposal, PlanItem]]) -> LogState:
    """Do as `open_log_state` for what remains, but read only new entries while `last` is valid.

    The state is taken out of `last`; a batch that is complete puts it back.
    """
    log_state, last.log_state = last.log_state, None
    if log_state is not None and vault.catalogue.change_count() == last.changes:
        return _read_docket(vault, log_state)
    return open_log_state(vault, {plan.id for plan, _ in remaining}, [item.archive for _, item in remaining])


def _read_docket(vault: Vault, log_state: LogState) -> LogState:
    require_current(vault.catalogue)
    try:
        vault.write_log()
    except VaultError as error:  # the file's last line is another: the rows may have been chained anew
        raise Contradiction("log", error.message) from error
    read_on(vault.catalogue, log_state)
    return log_state


def read_on(catalogue: Catalogue, log_state: LogState) -> None:
    """Take in what is new in the log, and compare the holds. Raises as `open_log_state`."""
    try:
        log_state.read_on(catalogue)
    except (VaultError, *UNREADABLE) as error:
        words = error.message if isinstance(error, VaultError) else "an entry of it cannot be read"
        raise Contradiction("log", words) from error
    found = hold_differences(catalogue, log_state)
    if found:
        raise Contradiction("hold", found[0])


def hold_differences(catalogue: Catalogue, log_state: LogState) -> list[str]:
    """Say where the holds of the catalogue are not those recorded in the log."""
    rows, told, found = {hold.id: hold for hold in holds(catalogue, active=False)}, log_state.holds, []
    for name in sorted({*rows, *told}):
        row, line = rows.get(name), told.get(name)
        if row is None:
            found.append(f"the log records the hold {name}, and the catalogue has none")
        elif line is None:
            found.append(f"the catalogue has a hold {name}, and the log records none")
        elif row.stands != line.stands:
            word = {True: "stands", False: "is released"}
            found.append(f"the hold {name} {word[line.stands]} by the log, and {word[row.stands]} by the catalogue")
        elif row.rule != line.rule:
            found.append(f"the hold {name} holds by the log something else than by the catalogue")
    return found


def held_otherwise(catalogue: Catalogue) -> list[str]:
    """Read the log, and say where the holds of the catalogue are others, or that it cannot be read."""
    log_state = LogState()
    try:
        read_on(catalogue, log_state)
    except Contradiction as error:
        return hold_differences(catalogue, log_state) if error.code == "hold" else [error.message]
    return []


def planned_otherwise(catalogue: Catalogue) -> list[str]:
    """Read the log, and say where plans are others than it tells; nothing where it cannot be read."""
    log_state = LogState(None)
    with suppress(Contradiction):
        read_on(catalogue, log_state)
    return [each.message for each in plan_differences(catalogue, log_state)]


def plan_differences(catalogue: Catalogue, log_state: LogState) -> Iterator[Contradiction]:
    """Yield where plans, their approvals and how archives stand on them are not what the log tells."""
    for proposal in newest_proposals(catalogue, _ALL):
        try:
            require_plan(catalogue, log_state, proposal)
        except Contradiction as error:
            yield error


def require_plan(catalogue: Catalogue, log_state: LogState, proposal: Proposal, archive: str = "") -> None:
    """Raise Contradiction unless the plan, its approvals and how its archives stand are as the log tells.

    With `archive` only that one is looked at, and not all that are on the plan.
    """
    told, name = log_state.plans.get(proposal.id), proposal.id
    if told is None:
        raise Contradiction("plan", f"the log records no plan {name}", proposal=name)
    if _terms(proposal) != _terms(told.proposal):
        raise Contradiction("plan", f"the plan {name} was proposed under other terms", proposal=name)
    if _given(approvals_of(catalogue, name)) != _given(told.approvals):
        words = f"the approvals of the plan {name} are not those that were given"
        raise Contradiction("approval", words, proposal=name)
    alone = live_plan_items(catalogue, archive) if archive else None
    for each in items_of_plan(catalogue, name) if alone is None else (alone,):
        line = told.stages.get(each.archive)
        again = line is Stage.DESTROYING and each.stage is Stage.APPROVED  # made anew before a file was touched
        if line is not each.stage and not again:
            words = (
                f"archive {each.archive} is {line or 'not'} on the plan {name} by the log, and {each.stage} by its row"
            )
            raise Contradiction("approval", words, archive=each.archive, proposal=name)


def require_archive(catalogue: Catalogue, log_state: LogState, archive_id: str) -> None:
    """Raise Contradiction unless what decides about an archive follows from its manifest and its extensions."""
    words = archive_difference(catalogue, log_state.archives.get(archive_id, ToldArchive()), archive_id)
    if words:
        raise Contradiction("retention", words, archive=archive_id)


def archive_difference(catalogue: Catalogue, told: ToldArchive, archive_id: str) -> str:
    """Say how what decides about an archive differs from its manifest, whose digest the log has, if it does."""
    row = catalogue.read_one(ARCHIVE, archive_id)
    if row is None:
        return ""
    if hashlib.sha256(row["manifest"].encode()).hexdigest() != told.manifest_sha256:
        return f"the manifest of archive {archive_id} is not the one recorded in the log"
    return record_difference(catalogue, told, archive_id)


def record_difference(catalogue: Catalogue, told: ToldArchive, archive_id: str) -> str:
    """Say how the row that decides about an archive differs from its manifest and its extensions, if it does."""
    archive, found = get_archive(catalogue, archive_id), get_record(catalogue, archive_id)
    if archive is None or found is None:
        return ""
    expected = extended_record(archive, told)
    if replace(found, destroyed=False) == expected:
        return ""
    if found.until != expected.until:
        ends = (format_instant(each.until) if each.until else "never" for each in (expected, found))
        return "the period of archive {} ends {} by its rule, and {} by its row".format(archive_id, *ends)
    return f"the row that decides about archive {archive_id} says something else than its manifest"


def require_begun(vault: Vault, log_state: LogState, tombstone: Tombstone, approvers: Collection[str]) -> None:
    """Raise Contradiction unless the log tells that this destruction was begun, approved, due, and under no hold."""
    name, plan = tombstone.archive, log_state.plans.get(tombstone.proposal)
    begun = log_state.begun.get(name)
    if begun is None or begun.tombstone_sha256 != hashlib.sha256(write_tombstone(tombstone)).hexdigest():
        raise Contradiction("begun", f"no destruction of archive {name} was begun", archive=name)
    if plan is None or begun.proposal != plan.proposal.id or not _is_agreed(begun, plan, approvers):
        raise Contradiction("approval", f"the destruction of archive {name} was not approved", archive=name)
    if begun.stage not in (Stage.APPROVED, Stage.DESTROYING):
        raise Contradiction(
            "approval", f"archive {name} was {begun.stage or 'not on the plan'} when it began", archive=name
        )
    for hold in begun.holds:
        if surely_held(hold, tombstone):
            raise Contradiction("hold", f"archive {name} was held when its destruction began: {hold.id}", archive=name)
    told = log_state.archives.get(name, ToldArchive())
    if words := unexpired(vault, name, told, plan, begun.at, locked=log_state.locked):
        raise Contradiction("retention", f"the destruction of archive {name} was begun: {words}", archive=name)


def _is_agreed(begun: Begun, plan: ToldPlan, approvers: Collection[str]) -> bool:
    return is_approved(plan.proposal, that_count(begun.approvals, approvers))


def surely_held(hold: Hold, tombstone: Tombstone) -> bool:
    """Say whether a hold kept what is destroyed now, as far as its window tells; records may have reached further."""
    window = tombstone.window
    record = RetentionRecord(
        id=tombstone.archive,
        stream=tombstone.stream,
        source=tombstone.source,
        datasets=tombstone.datasets,
        window=window,
        retention=tombstone.retention,
        rule=None,
        until=None,
        earliest=window.start,
        latest=window.end,
    )
    return catches(hold, record)


def require_proposal(vault: Vault, log_state: LogState, tombstone: Tombstone, approvers: Collection[str]) -> None:
    """Raise Contradiction unless what stands behind a destruction that was begun is as the log tells."""
    require_begun(vault, log_state, tombstone, approvers)
    proposal = get_proposal(vault.catalogue, tombstone.proposal)
    if proposal is None:
        raise VaultError(f"the proposal to destroy archive {tombstone.archive} is not in the catalogue")
    require_plan(vault.catalogue, log_state, proposal, tombstone.archive)


@contextmanager
def told_aloud(context: DestructionContext) -> Iterator[None]:
    """Enter a contradiction into the log and raise the alarm, once for each; outside a transaction."""
    try:
        yield
    except Contradiction as error:
        tell_contradiction(context.vault, error, context.clock)
        raise


def tell_contradiction(vault: Vault, error: Contradiction, clock: Clock) -> None:
    """Write it down and raise the alarm, unless just this stands already."""
    catalogue, now = vault.catalogue, clock()
    key = f"{CONTRADICTED} {error.archive or error.proposal or error.code}"
    with catalogue.transaction():
        known = get_alert(catalogue, key)
        if known is not None and known.body == error.message:
            return
        title = "a destruction was stopped: catalogue and evidence log contradict each other"
        put_alert(catalogue, AlertRecord(key, Level.CRITICAL.value, title, error.message, raised_at=now))
        facts = {"code": error.code, "proposal": error.proposal}
        told = {name: fact for name, fact in facts.items() if fact}
        entry = Entry("destruction.refused", now, archive=error.archive, facts=told, words=error.message)
        with suppress(VaultError):  # on a broken chain nothing is built; the alarm is raised all the same
            add_entry(catalogue, entry)
    with suppress(VaultError):  # the file may be what contradicts
        vault.write_log(now)


def _terms(proposal: Proposal) -> tuple[object, ...]:
    seconds = int(proposal.cooling_off.total_seconds())
    terms = (proposal.by.token, proposal.ground, proposal.people, seconds, proposal.plan_sha256)
    return (*terms, proposal.erasure, proposal.overrides)


def _given(approvals: Collection[Approval]) -> list[tuple[str, ...]]:
    return sorted(
        (format_instant(each.at), each.by.token, each.plan_sha256, each.note, each.signer) for each in approvals
    )
