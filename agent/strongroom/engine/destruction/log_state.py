"""What the chained log says about holds, plans, approvals and retention: the reference for every destruction.

Anyone who owns the file can change the rows of the catalogue. The log cannot be changed without breaking its chain or
contradicting a checkpoint, so what was approved, held or taken back is read from there. A manifest counts only if the
log has its digest. Memory is bounded by the number of holds, and by the plans and archives that are requested.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from strongroom.engine.retention.holds import SEALED
from strongroom.evidence.note import Verifier, open_note
from strongroom.model.archive import Archive
from strongroom.model.destruction import (
    LIVE,
    STEPS,
    Approval,
    DestructionStep,
    Person,
    PlanItem,
    Proposal,
    Stage,
    plan_digest,
)
from strongroom.model.entry_kind import EntryKind
from strongroom.model.erasure import ErasureAnswer
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.retention import RetentionRecord, RetentionRule, end_of
from strongroom.model.times import format_instant, parse_instant
from strongroom.vault.archives import ARCHIVE
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.destruction_replay import read_proposal
from strongroom.vault.files import read_file
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.manifest import read_manifest
from strongroom.vault.manifest_schema import read_rule
from strongroom.vault.retention_records import record_of
from strongroom.vault.vault import Vault

Body = Mapping[str, Any]
_MARKS = tuple(
    b'"kind":"' + kind
    for kind in (b"hold.", b"destruction.", b'erasure.answered"', b'archive.destroyed"', b'vault.locked"')
)
_ABOUT = b'{"archive":"'  # how a canonical line about an archive begins


class LoggedPlan(Struct):
    """A plan, by the log read so far."""

    proposal: Proposal
    stages: dict[str, Stage]  # by archive
    approvals: list[Approval] = field(default_factory=list)


class LoggedArchive(Struct):
    """What the log records about the retention of one archive."""

    manifest_sha256: str = ""  # the newest
    extensions: list[RetentionRule] = field(default_factory=list)  # in their order


class Begun(Struct, frozen=True):
    """The state when a destruction began."""

    at: datetime
    proposal: str
    tombstone_sha256: str
    stage: Stage | None  # of the archive on that plan, just before
    approvals: tuple[Approval, ...]
    holds: tuple[Hold, ...]  # active


class LogState:
    """The state by the log read so far. It can be read on as the log grows."""

    def __init__(self, plans: Collection[str] | None = (), archives: Collection[str] = ()) -> None:
        """Follow these plans, or all (None), and the manifests and retention periods of these archives."""
        self.holds: dict[str, Hold] = {}
        self.plans: dict[str, LoggedPlan] = {}
        self.archives = {archive: LoggedArchive() for archive in archives}
        self.begun: dict[str, Begun] = {}  # by archive, until it is destroyed
        self.locked = False  # lock mode: no ground overrides a retention period
        self._wanted = None if plans is None else frozenset(plans)
        self._live: dict[str, str] = {}  # archive: the plan that it is on now
        self._walk = LogWalk()

    def read_on(self, catalogue: Catalogue, listen: Callable[[Body], None] = lambda _body: None) -> None:
        """Read every new line; `listen` gets each relevant entry before it is applied.

        Raises VaultError where the chain is broken or an entry cannot be read.
        """
        for line in self._walk.lines(catalogue):
            if any(mark in line for mark in _MARKS) or self._is_about(line):
                body = json.loads(line)
                listen(body)
                self.take(body)

    @property
    def standing(self) -> tuple[Hold, ...]:
        """The active holds."""
        return tuple(hold for hold in self.holds.values() if hold.stands)

    def take(self, body: Body) -> None:
        """Apply one entry."""
        archive, facts = str(body.get("archive", "")), body["facts"]
        act = _ACTS.get(str(body["kind"]))
        if act is not None:
            act(self, parse_instant(body["at"]), archive, facts)
        logged = self.archives.get(archive)
        if logged is not None:
            logged.manifest_sha256 = str(facts.get("manifest_sha256", logged.manifest_sha256))
            if body["kind"] == EntryKind.RETENTION_EXTENDED:
                logged.extensions.append(read_rule(facts["rule"]))

    def _is_about(self, line: bytes) -> bool:
        if not self.archives or not line.startswith(_ABOUT):
            return False
        return line[len(_ABOUT) : line.index(b'"', len(_ABOUT))].decode() in self.archives

    def _step(self, plan: str, archive: str, step: DestructionStep) -> None:
        """Apply a step to one archive of a plan, or to all of them, where it is possible."""
        logged = self.plans.get(plan)
        if logged is None:
            return
        for each in [archive] if archive else list(logged.stages):
            after = STEPS.get((logged.stages[each], step)) if each in logged.stages else None
            if after is not None:
                logged.stages[each] = after
            if after is not None and after not in LIVE:
                self._live.pop(each, None)

    def _placed(self, at: datetime, _archive: str, facts: Body) -> None:
        self.holds[facts["hold"]] = read_hold(facts, at)

    def _released(self, at: datetime, _archive: str, facts: Body) -> None:
        hold = self.holds.get(facts["hold"])
        if hold is not None:
            self.holds[hold.id] = replace(hold, released_at=at)

    def _proposed(self, at: datetime, _archive: str, facts: Body) -> None:
        found = [
            PlanItem(archive, facts["proposal"], Stage.PROPOSED, at, rule["rule"], rule["citation"])
            for rule in facts["rules"]
            for archive in rule["archives"]
        ]
        for each in found:  # an erasure takes archives over from another plan
            self._step(self._live.get(each.archive, ""), each.archive, DestructionStep.UNDONE)
        wanted = self._wanted is None or facts["proposal"] in self._wanted
        if wanted and plan_digest(facts["proposal"], found) == facts["plan_sha256"]:
            proposal = read_proposal(at, facts)
            self.plans[proposal.id] = LoggedPlan(proposal, {each.archive: each.stage for each in found})
            self._live.update((each.archive, proposal.id) for each in found)

    def _approved(self, at: datetime, _archive: str, facts: Body) -> None:
        plan = self.plans.get(facts["proposal"])
        if plan is None:
            return
        by, note, signer = Person.of_token(facts["by"]), facts.get("note", ""), facts.get("signer", "")
        plan.approvals.append(Approval(plan.proposal.id, at, by, facts["plan_sha256"], note, signer))
        if facts["enough"]:
            self._step(plan.proposal.id, "", DestructionStep.APPROVED)

    def _undone(self, _at: datetime, archive: str, facts: Body) -> None:
        self._step(facts["proposal"], archive, DestructionStep.UNDONE)

    def _excluded(self, _at: datetime, archive: str, facts: Body) -> None:
        self._step(facts["proposal"], archive, DestructionStep.SPARED)

    def _begins(self, at: datetime, archive: str, facts: Body) -> None:
        plan = self.plans.get(facts["proposal"])
        if plan is None:
            return
        stage, given = plan.stages.get(archive), tuple(plan.approvals)
        self.begun[archive] = Begun(at, plan.proposal.id, facts["tombstone_sha256"], stage, given, self.standing)
        self._step(plan.proposal.id, archive, DestructionStep.BEGUN)

    def _destroyed(self, _at: datetime, archive: str, facts: Body) -> None:
        self._step(facts.get("proposal", ""), archive, DestructionStep.FINISHED)
        self.begun.pop(archive, None)

    def _lock(self, _at: datetime, _archive: str, _facts: Body) -> None:
        self.locked = True

    def _answered(self, _at: datetime, _archive: str, facts: Body) -> None:
        if facts["answer"] != ErasureAnswer.REFUSED:
            return
        for plan in self.plans.values():
            if plan.proposal.erasure == facts["erasure"]:
                self._step(plan.proposal.id, "", DestructionStep.UNDONE)


_ACTS: Mapping[str, Callable[[LogState, datetime, str, Body], None]] = {
    EntryKind.HOLD_PLACED: LogState._placed,
    EntryKind.HOLD_RELEASED: LogState._released,
    EntryKind.DESTRUCTION_PROPOSED: LogState._proposed,
    EntryKind.DESTRUCTION_APPROVED: LogState._approved,
    EntryKind.DESTRUCTION_UNDONE: LogState._undone,
    EntryKind.DESTRUCTION_SPARED: LogState._excluded,
    EntryKind.DESTRUCTION_BEGUN: LogState._begins,
    EntryKind.ARCHIVE_DESTROYED: LogState._destroyed,
    EntryKind.ERASURE_ANSWERED: LogState._answered,
    EntryKind.VAULT_LOCKED: LogState._lock,
}


def that_count(approvals: Iterable[Approval], approvers: Collection[str]) -> list[Approval]:
    """Return the approvals that count. `approvers` are the public note keys of [destruction] approvers."""
    return [each for each in approvals if is_true(each) and (not approvers or each.signer in approvers)]


def is_true(approval: Approval) -> bool:
    """Return whether an approval is unsigned, or its signature is by the key that it names and covers what it says."""
    if not approval.note:
        return not approval.signer
    try:
        text = open_note(approval.note, Verifier.parse(approval.signer))
    except (UsageError, VaultError):
        return False
    lines = text.splitlines()
    wanted = {f"proposal {approval.proposal}", f"plan {approval.plan_sha256}", f"by {approval.by.token}"}
    return wanted <= set(lines)


def extended_record(archive: Archive, logged: LoggedArchive) -> RetentionRecord:
    """Return an archive's retention record: the rule of its manifest, or the last extension that is longer."""
    record = record_of(archive)
    for rule in logged.extensions:
        until = end_of(rule, archive.spec.window, archive.verified_at)
        if record.until is None or until > record.until:
            record = replace(record, rule=rule, until=until)
    return record


def unexpired(
    vault: Vault, archive_id: str, logged: LoggedArchive, plan: LoggedPlan, at: datetime, *, locked: bool
) -> str:
    """Return what still kept an archive at this time; empty if nothing did, or its manifest is gone."""
    archive = next(_manifests(vault, archive_id, logged.manifest_sha256), None)
    if archive is None or (plan.proposal.overrides and not locked):
        return ""
    until = extended_record(archive, logged).until
    if until is None:
        return f"no retention period was recorded for archive {archive_id} when it was archived, so it is kept"
    if at < until:
        return f"its retention period ends {format_instant(until)}, but its destruction began {format_instant(at)}"
    return ""


def _manifests(vault: Vault, archive_id: str, digest: str) -> Iterator[Archive]:
    """Yield the manifests with this digest: from its row, its file, and its file in quarantine."""
    row = vault.catalogue.read_one(ARCHIVE, archive_id)
    texts = [row["manifest"].encode()] if row is not None and isinstance(row["manifest"], str) else []
    for path in (vault.layout.manifest(archive_id), vault.layout.quarantined(archive_id, ".json")):
        with suppress(OSError):
            texts.append(read_file(path))
    for text in texts:
        if hashlib.sha256(text).hexdigest() == digest:
            with suppress(VaultError):
                yield read_manifest(text.decode())


FORGOTTEN = "(its name was lost with the catalogue)"


def read_hold(facts: Body, at: datetime) -> Hold:
    """Return the hold of an entry `hold.placed`; its matter and reason are sealed, or in no entry."""
    rule = HoldRule(
        source=facts.get("source", ""),
        stream=facts.get("stream", ""),
        dataset=facts.get("dataset", ""),
        start=parse_instant(facts["start"]) if "start" in facts else None,
        end=parse_instant(facts["end"]) if "end" in facts else None,
        archives=tuple(facts.get("archives", ())),
    )
    words = SEALED if facts.get("sealed") else FORGOTTEN
    return Hold(facts["hold"], words, rule, at, facts.get("by", ""), words)
