"""The certificate of a destruction: what was destroyed, when, by whom and why, signed with the vault's key.

A signed note whose text is a title and one JSON object with sorted keys. Nothing in it tells what the records said.
Without a signing key the same text is kept unsigned, and says so: the log has its digest all the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from strongroom.config.schema import Config
from strongroom.config.secrets import resolve
from strongroom.evidence.note import Signer
from strongroom.model.destruction import Approval, Person, Proposal
from strongroom.model.instants import format_instant
from strongroom.model.tombstone import Tombstone
from strongroom.vault.tombstones import tombstone_body, write_tombstone
from strongroom.vault.vault import Vault
from strongroom.vault.vaultfiles import read_file

TITLE = "strongroom certificate of destruction 1"
UNSIGNED = "unsigned: the vault has no signing key"
NOT_PROVEN = (
    "copies in backups that were taken earlier are not reached from here: destroy them there, or let them run out",
    "a disk may keep what was overwritten or removed (flash, snapshots, copies on write): the archive is unreadable"
    " because its own key is gone, not because its bytes are",
    "whoever opened the archive before has what was read then",
)
"""What no program can show, said in every certificate."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at again after the destruction."""

    copies: tuple[str, ...]  # every file that was destroyed, relative to the vault
    gone: tuple[str, ...]  # what is proven to be gone, in words
    aside: tuple[str, ...] = ()  # earlier catalogues that a person had moved aside: they may hold its manifest


def signer_of(config: Config) -> Signer | None:
    """Return the vault's signing key, or None where none is configured. Raises UsageError or WorldError."""
    reference = config.vault.signing_key
    return None if reference is None else Signer.parse(resolve(reference).reveal())


def write_certificate(
    tombstone: Tombstone,
    proposal: Proposal,
    approvals: Sequence[Approval],
    checked: Checked,
    finished: datetime,
    signer: Signer | None,
) -> bytes:
    """Render a certificate, signed where there is a key."""
    body = {
        "archive": tombstone_body(tombstone),
        "tombstone_sha256": hashlib.sha256(write_tombstone(tombstone)).hexdigest(),
        "begun_at": format_instant(tombstone.destroyed_at),
        "finished_at": format_instant(finished),
        "proposal": _proposal(proposal),
        "approvals": [_approval(each) for each in approvals],
        "destroyed_files": list(checked.copies),
        "verified": list(checked.gone),
        "not_proven": [*NOT_PROVEN, *(f"{name}, moved aside, may hold its manifest" for name in checked.aside)],
        "signed": signer is not None,
    }
    text = f"{TITLE}\n{json.dumps(body, indent=2, sort_keys=True, ensure_ascii=True)}\n"
    return (signer.sign(text) if signer is not None else f"{text}\n{UNSIGNED}\n").encode()


def certificate_of(vault: Vault, archive_id: str) -> bytes:
    """Return the certificate's file. Raises OSError where it is not there, or is no file."""
    return read_file(vault.layout.certificate(archive_id))


def read_certificate(data: bytes) -> dict[str, Any]:
    """Return the JSON object of a certificate, without judging its signature. Raises ValueError."""
    title, _, rest = data.decode().partition("\n")
    text, found, _signatures = rest.rpartition("\n\n")
    if title != TITLE or not found:
        raise ValueError("this is not a certificate of destruction")
    try:
        body = json.loads(text)
    except RecursionError:
        raise ValueError("this certificate is nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("this certificate holds no JSON object")  # noqa: TRY004 - one kind for its readers
    return body


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "id": proposal.id,
        "at": format_instant(proposal.at),
        "by": _person(proposal.by),
        "reason": proposal.reason,
        "ground": proposal.ground.value,
        "people": proposal.people,
        "cooling_off_seconds": int(proposal.cooling_off.total_seconds()),
        "plan_sha256": proposal.plan_sha256,
        "erasure": proposal.erasure,
        "overrides_retention": proposal.overrides,
    }


def _approval(approval: Approval) -> dict[str, Any]:
    told = {"at": format_instant(approval.at), "by": _person(approval.by), "plan_sha256": approval.plan_sha256}
    return {**told, "note": approval.note, "signer": approval.signer} if approval.note else told


def _person(person: Person) -> dict[str, Any]:
    told: dict[str, Any] = {"uid": person.uid, "name": person.name}
    known = {"login": person.login, "sudo": person.sudo}
    return {**told, **{name: number for name, number in known.items() if number is not None}}
