"""Which approvals count: every signature is a true one, and where there are approvers one of them signed.

Whether the period of an archive was over when its destruction began, by its manifest and the chained log alone.

Rows are not asked. A manifest counts if the log has its digest; of one that is gone nothing is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import datetime

from msgspec.structs import replace

from strongroom.engine.destruction.log_state import ToldArchive, ToldPlan
from strongroom.evidence.note import Verifier, open_note
from strongroom.model.archive import Archive
from strongroom.model.destruction import Approval
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.retention import RetentionRecord, end_of
from strongroom.model.times import format_instant
from strongroom.vault.archives import ARCHIVE
from strongroom.vault.files import read_file
from strongroom.vault.manifest import read_manifest
from strongroom.vault.retention_records import record_of
from strongroom.vault.vault import Vault


def that_count(approvals: Iterable[Approval], approvers: Collection[str]) -> list[Approval]:
    """Return the approvals that count. `approvers` are the public note keys of [destruction] approvers."""
    return [each for each in approvals if is_true(each) and (not approvers or each.signer in approvers)]


def is_true(approval: Approval) -> bool:
    """Say whether an approval is unsigned, or signed by the key that it names and about what it says."""
    if not approval.note:
        return not approval.signer
    try:
        text = open_note(approval.note, Verifier.parse(approval.signer))
    except (UsageError, VaultError):
        return False
    lines = text.splitlines()
    wanted = {f"proposal {approval.proposal}", f"plan {approval.plan_sha256}", f"by {approval.by.token}"}
    return wanted <= set(lines)


def extended_record(archive: Archive, told: ToldArchive) -> RetentionRecord:
    """Return what decides an archive's fate: the rule of its manifest, or the last of its extensions that is longer."""
    record = record_of(archive)
    for rule in told.extensions:
        until = end_of(rule, archive.spec.window, archive.verified_at)
        if record.until is None or until > record.until:
            record = replace(record, rule=rule, until=until)
    return record


def unexpired(vault: Vault, archive_id: str, told: ToldArchive, plan: ToldPlan, at: datetime, *, locked: bool) -> str:
    """Say what kept an archive at this time, if anything did and its manifest is there to tell."""
    archive = next(_manifests(vault, archive_id, told.manifest_sha256), None)
    if archive is None or (plan.proposal.overrides and not locked):
        return ""
    until = extended_record(archive, told).until
    if until is None:
        return f"no retention period of archive {archive_id} was recorded when it came: it is kept"
    if at < until:
        return f"its retention period ends {format_instant(until)}, and its destruction began {format_instant(at)}"
    return ""


def _manifests(vault: Vault, archive_id: str, digest: str) -> Iterator[Archive]:
    """Yield what has just this digest of its row, its file, and its file in quarantine."""
    row = vault.catalogue.read_one(ARCHIVE, archive_id)
    texts = [row["manifest"].encode()] if row is not None and isinstance(row["manifest"], str) else []
    for path in (vault.layout.manifest(archive_id), vault.layout.quarantined(archive_id, ".json")):
        with suppress(OSError):
            texts.append(read_file(path))
    for text in texts:
        if hashlib.sha256(text).hexdigest() == digest:
            with suppress(VaultError):
                yield read_manifest(text.decode())
