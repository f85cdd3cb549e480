"""Comparing the catalogue with the chained log before anything is destroyed. Where they differ nothing is destroyed.

The catalogue is an index; the log is the record. A hold without its row is still in force, an approval without its
entry was never given, and a retention period that ends before its rule says was never agreed. Every difference raises
an alert and is logged.
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
    LoggedArchive,
    LoggedPlan,
    LogState,
    extended_record,
    that_count,
    unexpired,
)
from strongroom.evidence.line import Entry
from strongroom.model.alert import CONTRADICTED, Level
from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Approval, PlanItem, Proposal, Stage, is_approved
from strongroom.model.entry_kind import EntryKind
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
_HINT = "nothing is destroyed until this is resolved; to investigate: strongroom audit verify, strongroom log"


class Contradiction(VaultError):
    """Catalogue and log differ in what a destruction depends on. `code` is a stable word for the subject."""

    def __init__(self, code: str, words: str, *, archive: str = "", proposal: str = "") -> None:
        super().__init__(f"the catalogue contradicts the evidence log: {words}", hint=_HINT)
        self.code, self.archive, self.proposal = code, archive, proposal


class LastLogState(Struct):
    """What one batch leaves to the next; valid while nobody else wrote, that is, `change_count` is `changes`."""

    log_state: LogState | None = None
    remaining: deque[tuple[Proposal, PlanItem]] = field(default_factory=deque)  # approved, and not looked at yet
    broken: list[str] = field(default_factory=list)  # plans that are not what was approved, in words
    changes: int = -1


def open_log_state(vault: Vault, plans: Collection[str] = (), archives: Collection[str] = ()) -> LogState:
    """Read the whole log for these plans and archives; outside a transaction.

    Raises Contradiction where the chain is broken, or the holds of the catalogue are not those of the log.
    """
    return _read_state(vault, LogState(plans, archives))


def follow_log_state(vault: Vault, last: LastLogState, remaining: Collection[tuple[Proposal, PlanItem]]) -> LogState:
    """Do as `open_log_state` for what remains, but read only new entries while `last` is valid.

    The state is taken out of `last`; a batch that is complete puts it back.
    """
    log_state, last.log_state = last.log_state, None
    if log_state is not None and vault.catalogue.change_count() == last.changes:
        return _read_state(vault, log_state)
    return open_log_state(vault, {plan.id for plan, _ in remaining}, [item.archive for _, item in remaining])


def _read_state(vault: Vault, log_state: LogState) -> LogState:
    require_current(vault.catalogue)
    try:
        vault.write_log()
    except VaultError as error:  # the file ends with another line: the rows may have been chained again
        raise Contradiction("log", error.message) from error
    read_on(vault.catalogue, log_state)
    return log_state


def read_on(catalogue: Catalogue, log_state: LogState) -> None:
    """Read the new entries, and compare the holds. Raises as `open_log_state`."""
    try:
        log_state.read_on(catalogue)
    except (VaultError, *UNREADABLE) as error:
        words = error.message if isinstance(error, VaultError) else "one of its entries cannot be read"
        raise Contradiction("log", words) from error
    found = hold_differences(catalogue, log_state)
    if found:
        raise Contradiction("hold", found[0])


def hold_differences(catalogue: Catalogue, log_state: LogState) -> list[str]:
    """Return how the holds of the catalogue differ from the log."""
    rows, logged, found = {hold.id: hold for hold in holds(catalogue, active=False)}, log_state.holds, []
    for name in sorted({*rows, *logged}):
        row, line = rows.get(name), logged.get(name)
        if row is None:
            found.append(f"the log has hold {name}, but the catalogue does not")
        elif line is None:
            found.append(f"the catalogue has hold {name}, but the log does not")
        elif row.stands != line.stands:
            word = {True: "active", False: "released"}
            found.append(f"hold {name} is {word[line.stands]} in the log, but {word[row.stands]} in the catalogue")
        elif row.rule != line.rule:
            found.append(f"hold {name} has another scope in the log than in the catalogue")
    return found


def held_otherwise(catalogue: Catalogue) -> list[str]:
    """Read the log; return how the holds of the catalogue differ, or that it cannot be read."""
    log_state = LogState()
    try:
        read_on(catalogue, log_state)
    except Contradiction as error:
        return hold_differences(catalogue, log_state) if error.code == "hold" else [error.message]
    return []


def planned_otherwise(catalogue: Catalogue) -> list[str]:
    """Read the log; return how plans differ from it, or nothing where it cannot be read."""
    log_state = LogState(None)
    with suppress(Contradiction):
        read_on(catalogue, log_state)
    return [each.message for each in plan_differences(catalogue, log_state)]


def plan_differences(catalogue: Catalogue, log_state: LogState) -> Iterator[Contradiction]:
    """Yield how plans, their approvals and the stages of their archives differ from the log."""
    for proposal in newest_proposals(catalogue, _ALL):
        try:
            require_plan(catalogue, log_state, proposal)
        except Contradiction as error:
            yield error


def require_plan(catalogue: Catalogue, log_state: LogState, proposal: Proposal, archive: str = "") -> None:
    """Raise Contradiction unless the plan, its approvals and the stages of its archives agree with the log.

    With `archive` only that one is compared, not all that are on the plan.
    """
    logged, name = log_state.plans.get(proposal.id), proposal.id
    if logged is None:
        raise Contradiction("plan", f"the log has no plan {name}", proposal=name)
    if _terms(proposal) != _terms(logged.proposal):
        raise Contradiction("plan", f"plan {name} was proposed with other terms", proposal=name)
    if _given(approvals_of(catalogue, name)) != _given(logged.approvals):
        words = f"the approvals of plan {name} are not the ones that were given"
        raise Contradiction("approval", words, proposal=name)
    alone = live_plan_items(catalogue, archive) if archive else None
    for each in items_of_plan(catalogue, name) if alone is None else (alone,):
        line = logged.stages.get(each.archive)
        again = line is Stage.DESTROYING and each.stage is Stage.APPROVED  # made again before a file was touched
        if line is not each.stage and not again:
            stages = f"{line or 'missing'} in the log, {each.stage} in the catalogue"
            words = f"archive {each.archive} on plan {name} is {stages}"
            raise Contradiction("approval", words, archive=each.archive, proposal=name)


def require_archive(catalogue: Catalogue, log_state: LogState, archive_id: str) -> None:
    """Raise Contradiction unless an archive's retention record follows from its manifest and its extensions."""
    words = archive_difference(catalogue, log_state.archives.get(archive_id, LoggedArchive()), archive_id)
    if words:
        raise Contradiction("retention", words, archive=archive_id)


def archive_difference(catalogue: Catalogue, logged: LoggedArchive, archive_id: str) -> str:
    """Return how an archive's retention record differs from its manifest, whose digest the log has; empty if not."""
    row = catalogue.read_one(ARCHIVE, archive_id)
    if row is None:
        return ""
    if hashlib.sha256(row["manifest"].encode()).hexdigest() != logged.manifest_sha256:
        return f"the manifest of archive {archive_id} is not the one recorded in the log"
    return record_difference(catalogue, logged, archive_id)


def record_difference(catalogue: Catalogue, logged: LoggedArchive, archive_id: str) -> str:
    """Return how an archive's retention record differs from its manifest and its extensions; empty if not."""
    archive, found = get_archive(catalogue, archive_id), get_record(catalogue, archive_id)
    if archive is None or found is None:
        return ""
    expected = extended_record(archive, logged)
    if replace(found, destroyed=False) == expected:
        return ""
    if found.until != expected.until:
        ends = (format_instant(each.until) if each.until else "never" for each in (expected, found))
        return "the retention period of archive {} ends {} by its rule, but {} in the catalogue".format(
            archive_id, *ends
        )
    return f"the retention record of archive {archive_id} in the catalogue differs from its manifest"


def require_begun(vault: Vault, log_state: LogState, tombstone: Tombstone, approvers: Collection[str]) -> None:
    """Raise Contradiction unless by the log this destruction was begun, approved, eligible, and under no hold."""
    name, plan = tombstone.archive, log_state.plans.get(tombstone.proposal)
    begun = log_state.begun.get(name)
    if begun is None or begun.tombstone_sha256 != hashlib.sha256(write_tombstone(tombstone)).hexdigest():
        raise Contradiction("begun", f"the log has no beginning of the destruction of archive {name}", archive=name)
    if plan is None or begun.proposal != plan.proposal.id or not _is_agreed(begun, plan, approvers):
        raise Contradiction("approval", f"the destruction of archive {name} was not approved", archive=name)
    if begun.stage not in (Stage.APPROVED, Stage.DESTROYING):
        raise Contradiction(
            "approval", f"archive {name} was {begun.stage or 'not on the plan'} when it began", archive=name
        )
    for hold in begun.holds:
        if surely_held(hold, tombstone):
            raise Contradiction(
                "hold", f"archive {name} was on hold when its destruction began: {hold.id}", archive=name
            )
    logged = log_state.archives.get(name, LoggedArchive())
    if words := unexpired(vault, name, logged, plan, begun.at, locked=log_state.locked):
        raise Contradiction("retention", f"the destruction of archive {name} was begun: {words}", archive=name)


def _is_agreed(begun: Begun, plan: LoggedPlan, approvers: Collection[str]) -> bool:
    return is_approved(plan.proposal, that_count(begun.approvals, approvers))


def surely_held(hold: Hold, tombstone: Tombstone) -> bool:
    """Return whether a hold covered a destroyed archive, by its window; its records may have reached further."""
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
    """Raise Contradiction unless a destruction that has begun agrees with the log, plan included."""
    require_begun(vault, log_state, tombstone, approvers)
    proposal = get_proposal(vault.catalogue, tombstone.proposal)
    if proposal is None:
        raise VaultError(f"the proposal to destroy archive {tombstone.archive} is not in the catalogue")
    require_plan(vault.catalogue, log_state, proposal, tombstone.archive)


@contextmanager
def contradictions_reported(context: DestructionContext) -> Iterator[None]:
    """Log a contradiction and raise an alert, once for each; outside a transaction."""
    try:
        yield
    except Contradiction as error:
        report_contradiction(context.vault, error, context.clock)
        raise


def report_contradiction(vault: Vault, error: Contradiction, clock: Clock) -> None:
    """Log it and raise an alert, unless the same alert is active already."""
    catalogue, now = vault.catalogue, clock()
    key = f"{CONTRADICTED} {error.archive or error.proposal or error.code}"
    with catalogue.transaction():
        known = get_alert(catalogue, key)
        if known is not None and known.body == error.message:
            return
        title = "a destruction was stopped: the catalogue contradicts the evidence log"
        put_alert(catalogue, AlertRecord(key, Level.CRITICAL.value, title, error.message, raised_at=now))
        facts = {"code": error.code, "proposal": error.proposal}
        logged = {name: fact for name, fact in facts.items() if fact}
        entry = Entry(EntryKind.DESTRUCTION_REFUSED, now, archive=error.archive, facts=logged, words=error.message)
        with suppress(VaultError):  # nothing is added to a broken chain; the alert is raised in any case
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
