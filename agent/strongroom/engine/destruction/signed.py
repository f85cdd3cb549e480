"""Which approvals count: every signature is a true one, and where there are approvers one of them signed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from strongroom.evidence.note import Verifier, open_note
from strongroom.model.destruction import Approval
from strongroom.model.errors import UsageError, VaultError


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
