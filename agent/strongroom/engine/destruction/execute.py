"""The destruction itself, once the intent is on disk: files, certificate, catalogue, log. Each part can be repeated.

If the process is killed here, the next start finds a tombstone without the digest of a certificate and starts again:
missing files are no error, an existing certificate is kept, and one transaction at the end makes the one log entry.

A certificate says what was destroyed, when, by whom and why. It is a signed note whose text is a title and one JSON
object with sorted keys, and reveals nothing of the records. Without a signing key it is stored unsigned and says so;
the log has its digest in both cases.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.config.secrets import resolve
from strongroom.engine.copies.removal import CopyRemoval
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.log_consistency import contradictions_reported, open_log_state, require_proposal
from strongroom.evidence.note import NoteRefused, Signer, open_note
from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Approval, DestructionStep, Person, Proposal, move
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.times import format_instant
from strongroom.vault.archives import has_archive
from strongroom.vault.destructions import approvals_of, get_proposal, live_plan_items, put_plan_item
from strongroom.vault.durable import remove, write_new
from strongroom.vault.files import is_there, list_folder, read_file
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.shred import copies_of, discard, put_in_place_of, shred
from strongroom.vault.tombstones import (
    put_tombstone,
    tombstone_body,
    tombstone_path,
    unfinished_tombstones,
    write_tombstone,
)
from strongroom.vault.vault import Vault

TITLE = "strongroom certificate of destruction 1"
UNSIGNED = "unsigned: the vault has no signing key"
NOT_PROVEN = (
    "backups made earlier are out of reach: destroy the copies in them, or let them expire",
    "a disk may keep overwritten or removed data (flash, snapshots, copy-on-write): the archive is unreadable because"
    " its key is gone, not because its bytes are",
    "anyone who opened the archive before may still have what they read",
)
"""What no program can prove; every certificate says so."""


class CopiesAway(WorldError):
    """An archive is destroyed in the vault, but not in every copy: there is no certificate yet."""


class Checked(Struct, frozen=True):
    """What was checked after the destruction."""

    copies: tuple[str, ...]  # every file that was destroyed, relative to the vault
    gone: tuple[str, ...]  # what was verified, in words
    aside: tuple[str, ...] = ()  # earlier catalogues that were moved aside: they may have its manifest
    removal: CopyRemoval = CopyRemoval()  # what became of it in the copies of the vault


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
        "copies": list(checked.removal.reached),
        "verified": [
            *checked.gone,
            *(f"no object under its name in the copy {name}" for name in checked.removal.reached),
        ],
        "not_proven": [
            *NOT_PROVEN,
            *(f"{name}, moved aside, may still contain its manifest" for name in checked.aside),
            *(
                f"the copy {name} was recorded as gone: nothing was verified there"
                for name in checked.removal.forgotten
            ),
        ],
        "signed": signer is not None,
    }
    text = f"{TITLE}\n{json.dumps(body, indent=2, sort_keys=True, ensure_ascii=True)}\n"
    return (signer.sign(text) if signer is not None else f"{text}\n{UNSIGNED}\n").encode()


def certificate_of(vault: Vault, archive_id: str) -> bytes:
    """Return the certificate's file. Raises OSError where it is not there, or is no file."""
    return read_file(vault.layout.certificate(archive_id))


def read_certificate(data: bytes) -> dict[str, Any]:
    """Return the JSON object of a certificate, without checking its signature. Raises ValueError."""
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
    fields = {"at": format_instant(approval.at), "by": _person(approval.by), "plan_sha256": approval.plan_sha256}
    return {**fields, "note": approval.note, "signer": approval.signer} if approval.note else fields


def _person(person: Person) -> dict[str, Any]:
    fields: dict[str, Any] = {"uid": person.uid, "name": person.name}
    known = {"login": person.login, "sudo": person.sudo}
    return {**fields, **{name: number for name, number in known.items() if number is not None}}


_KEY = ".key."


def settle_begun(context: DestructionContext, incomplete: list[CopiesAway] | None = None) -> list[Tombstone]:
    """Complete every destruction that has begun; return the tombstones. The caller holds the vault's lock.

    One that a copy keeps from its end is added to `incomplete`, and the others go on. Raises Contradiction, having
    touched nothing, where the log does not record one as begun and approved.
    """
    begun = unfinished_tombstones(context.vault.catalogue)
    if not begun:
        return []
    with contradictions_reported(context):
        plans, archives = {each.tombstone.proposal for each in begun}, [each.tombstone.archive for each in begun]
        log_state = open_log_state(context.vault, plans, archives)
        for each in begun:
            require_proposal(context.vault, log_state, each.tombstone, context.rules.approvers)
    with keys_alone(context.vault.layout):
        return [each.tombstone for each in begun if _ends(context, each.tombstone, incomplete)]


def _ends(context: DestructionContext, tombstone: Tombstone, incomplete: list[CopiesAway] | None) -> bool:
    try:
        end(context, tombstone)
    except CopiesAway as error:
        if incomplete is not None:
            incomplete.append(error)
        return False
    return True


def end(context: DestructionContext, tombstone: Tombstone) -> Tombstone:
    """Destroy the files, verify that, write certificate, catalogue and log; repeatable. Raises World- or VaultError.

    Raises CopiesAway where a copy of the vault could not be reached: then there is no certificate.
    """
    found = destroy_files(context, tombstone)
    gone = prove_gone(context, tombstone)
    removal = context.remove_from_copies(tombstone)
    if not removal.complete:
        raise CopiesAway(
            f"archive {tombstone.archive} is destroyed in the vault, but not in every copy: {'; '.join(removal.away)}",
            hint="attach the copy, and Strongroom completes it automatically; see: strongroom copy status",
        )
    proposal = get_proposal(context.vault.catalogue, tombstone.proposal)
    if proposal is None:
        raise VaultError(f"the proposal to destroy archive {tombstone.archive} is not in the catalogue")
    approvals = approvals_of(context.vault.catalogue, proposal.id)
    checked = Checked(_names(context, tombstone, found), gone, _aside(context), removal)
    certificate = _certify(context, tombstone, proposal, approvals, checked)
    context.crash_point("certified")
    _write_down(context, tombstone, certificate)
    context.crash_point("committed destroyed")
    context.vault.write_log()
    context.crash_point("logged destroyed")
    return tombstone


def destroy_files(context: DestructionContext, tombstone: Tombstone) -> list[Path]:
    """Put the tombstone in the manifest's place, destroy key, payload and every other copy; return what was there.

    The tombstone shows a rebuilt catalogue what was intended. The key goes next: the payload is noise from then on.
    """
    layout = context.vault.layout
    stone = tombstone_path(layout, tombstone)
    put_in_place_of(stone, layout.temporary(tombstone.archive, ".tombstone"), write_tombstone(tombstone))
    context.crash_point("put tombstone")
    copies = [path for path in copies_of(layout, tombstone.archive) if path != stone]
    for path in copies:
        if _KEY in path.name:
            shred(path)
            context.crash_point("shredded key")
    for path in copies:
        if _KEY not in path.name:
            (discard if path.suffix == ".age" else shred)(path)
            context.crash_point("removed copy")
    return copies


def prove_gone(context: DestructionContext, tombstone: Tombstone) -> tuple[str, ...]:
    """Check disk and catalogue; return what was verified, in words. Raises VaultError where something is left."""
    layout, archive = context.vault.layout, tombstone.archive
    stone = tombstone_path(layout, tombstone)
    left = [path for path in copies_of(layout, archive) if path != stone]
    if left or is_there(layout.key(archive)) or is_there(layout.archive(archive)):
        raise VaultError(
            f"archive {archive} should be destroyed, but {len(left)} of its files are still there",
            hint="Strongroom will try again; to check the owner and permissions of the vault: strongroom doctor",
        )
    if has_archive(context.vault.catalogue, archive):
        raise VaultError(f"archive {archive} should be destroyed, but the catalogue still lists it")
    if read_file(stone) != write_tombstone(tombstone):
        raise VaultError(f"the tombstone of archive {archive} is not what was written")
    return (
        "no key file: the archive can no longer be decrypted",
        "no payload",
        "no other file under its name in the vault",
        "the catalogue no longer lists it",
        "a tombstone has replaced its manifest",
    )


def _names(context: DestructionContext, tombstone: Tombstone, found: Sequence[Path]) -> tuple[str, ...]:
    """Name what was destroyed, relative to the vault; also what an earlier, interrupted try had destroyed already."""
    layout, archive = context.vault.layout, tombstone.archive
    if tombstone.quarantined:
        own = [layout.quarantined(archive, suffix) for suffix in (".key.age", ".age", ".json")]
    else:
        own = [layout.key(archive), layout.archive(archive), layout.manifest(archive)]
    return tuple(sorted({str(path.relative_to(layout.root)) for path in [*own, *found]}))


def _aside(context: DestructionContext) -> tuple[str, ...]:
    return tuple(
        sorted(path.name for path in list_folder(context.vault.layout.root) if path.name.startswith("catalogue-"))
    )


def _certify(
    context: DestructionContext,
    tombstone: Tombstone,
    proposal: Proposal,
    approvals: Sequence[Approval],
    checked: Checked,
) -> bytes:
    """Return the certificate's bytes, from its file where a process that died had written it already."""
    layout, signer = context.vault.layout, context.signer()
    path = layout.certificate(tombstone.archive)
    if _is_ours(path, tombstone, signer):
        return read_file(path)
    data = write_certificate(tombstone, proposal, approvals, checked, context.clock(), signer)
    temporary = layout.temporary(tombstone.archive, ".note")
    remove(temporary)
    if is_there(path):  # some other file, not a certificate of this destruction
        put_in_place_of(path, temporary, data)
    else:
        write_new(path, temporary, data)
    return data


def _is_ours(path: Path, tombstone: Tombstone, signer: Signer | None) -> bool:
    try:
        data = read_file(path)
        if signer is not None:
            open_note(data.decode(), signer.verifier)
        certified = read_certificate(data)["tombstone_sha256"]
    except (OSError, ValueError, KeyError, NoteRefused):
        return False
    return bool(certified == hashlib.sha256(write_tombstone(tombstone)).hexdigest())


def _write_down(context: DestructionContext, tombstone: Tombstone, certificate: bytes) -> None:
    catalogue, at = context.vault.catalogue, context.clock()
    digest = hashlib.sha256(certificate).hexdigest()
    with catalogue.transaction():
        put_tombstone(catalogue, tombstone, digest)
        item = live_plan_items(catalogue, tombstone.archive)
        if item is not None:
            put_plan_item(catalogue, move(item, DestructionStep.FINISHED, at))
        context.log(
            EntryKind.ARCHIVE_DESTROYED,
            at,
            archive=tombstone.archive,
            stream=tombstone.stream,
            proposal=tombstone.proposal,
            ground=tombstone.ground.value,
            certificate_sha256=digest,
            manifest_sha256=hashlib.sha256(write_tombstone(tombstone)).hexdigest(),
            sealed_sha256=tombstone.sealed_sha256,
            erasure=tombstone.erasure,
        )
