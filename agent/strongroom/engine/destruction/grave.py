"""The act itself, once the intent is on disk: files, certificate, catalogue, log. Each part may be done again.

Killed anywhere in here, the next start finds a tombstone without a certificate's digest and goes on from the top: what
is gone is not missed, a certificate that is there is kept, and the one transaction at the end makes the one log entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from strongroom.engine.destruction.certificate import Checked, read_certificate, write_certificate
from strongroom.engine.destruction.crosscheck import open_docket, require_proposal, told_aloud
from strongroom.engine.destruction.desk import Desk
from strongroom.evidence.note import NoteRefused, Signer, open_note
from strongroom.model.destruction import Approval, Proposal, Step, move
from strongroom.model.errors import VaultError
from strongroom.model.tombstone import Tombstone
from strongroom.vault.archives import has_archive
from strongroom.vault.destructions import approvals_of, get_proposal, live_condemned, put_condemned
from strongroom.vault.durable import remove, write_new
from strongroom.vault.rekeying import keys_alone
from strongroom.vault.shred import copies_of, discard, put_in_place_of, shred
from strongroom.vault.tombstones import put_tombstone, tombstone_path, unfinished_tombstones, write_tombstone
from strongroom.vault.vaultfiles import is_there, list_folder, read_file

_KEY = ".key."


def settle_begun(desk: Desk) -> list[Tombstone]:
    """Bring every destruction that has begun to its end; return the tombstones. The caller holds the vault's lock.

    Raises Contradiction, having touched nothing, where the log does not tell of one as begun and approved.
    """
    begun = unfinished_tombstones(desk.vault.catalogue)
    if not begun:
        return []
    with told_aloud(desk):
        plans, archives = {each.tombstone.proposal for each in begun}, [each.tombstone.archive for each in begun]
        docket = open_docket(desk.vault, plans, archives)
        for each in begun:
            require_proposal(desk.vault, docket, each.tombstone, desk.rules.approvers)
    with keys_alone(desk.vault.layout):
        return [end(desk, each.tombstone) for each in begun]


def end(desk: Desk, tombstone: Tombstone) -> Tombstone:
    """Destroy the files, prove it, certify it and write it down; may be repeated. Raises WorldError or VaultError."""
    found = destroy_files(desk, tombstone)
    gone = prove_gone(desk, tombstone)
    proposal = get_proposal(desk.vault.catalogue, tombstone.proposal)
    if proposal is None:
        raise VaultError(f"the proposal that condemned archive {tombstone.archive} is not in the catalogue")
    approvals = approvals_of(desk.vault.catalogue, proposal.id)
    checked = Checked(_names(desk, tombstone, found), gone, _aside(desk))
    certificate = _certify(desk, tombstone, proposal, approvals, checked)
    desk.witness("certified")
    _write_down(desk, tombstone, certificate)
    desk.witness("committed destroyed")
    desk.vault.write_log()
    desk.witness("logged destroyed")
    return tombstone


def destroy_files(desk: Desk, tombstone: Tombstone) -> list[Path]:
    """Put the tombstone in the manifest's place, destroy key, payload and every other copy; return what was there.

    The tombstone tells a catalogue that is made anew what was meant. Then the key goes: what is left is noise.
    """
    layout = desk.vault.layout
    stone = tombstone_path(layout, tombstone)
    put_in_place_of(stone, layout.temporary(tombstone.archive, ".tombstone"), write_tombstone(tombstone))
    desk.witness("put tombstone")
    copies = [path for path in copies_of(layout, tombstone.archive) if path != stone]
    for path in copies:
        if _KEY in path.name:
            shred(path)
            desk.witness("shredded key")
    for path in copies:
        if _KEY not in path.name:
            (discard if path.suffix == ".age" else shred)(path)
            desk.witness("removed copy")
    return copies


def prove_gone(desk: Desk, tombstone: Tombstone) -> tuple[str, ...]:
    """Look again at the disk and the catalogue; return what is proven. Raises VaultError where something is left."""
    layout, archive = desk.vault.layout, tombstone.archive
    stone = tombstone_path(layout, tombstone)
    left = [path for path in copies_of(layout, archive) if path != stone]
    if left or is_there(layout.key(archive)) or is_there(layout.archive(archive)):
        raise VaultError(
            f"archive {archive} should be destroyed, but {len(left)} of its files are still there",
            hint="it is tried again; look at owner and permissions of the vault: strongroom doctor",
        )
    if has_archive(desk.vault.catalogue, archive):
        raise VaultError(f"archive {archive} should be destroyed, but the catalogue still lists it")
    if read_file(stone) != write_tombstone(tombstone):
        raise VaultError(f"the tombstone of archive {archive} is not what was written")
    return (
        "no key file: the archive cannot be decrypted any more",
        "no payload",
        "no other file under its name in the vault",
        "the catalogue lists it no more",
        "a tombstone stands in its manifest's place",
    )


def _names(desk: Desk, tombstone: Tombstone, found: Sequence[Path]) -> tuple[str, ...]:
    """Name what was destroyed, relative to the vault; also what an earlier, interrupted try had destroyed already."""
    layout, archive = desk.vault.layout, tombstone.archive
    if tombstone.quarantined:
        own = [layout.quarantined(archive, suffix) for suffix in (".key.age", ".age", ".json")]
    else:
        own = [layout.key(archive), layout.archive(archive), layout.manifest(archive)]
    return tuple(sorted({str(path.relative_to(layout.root)) for path in [*own, *found]}))


def _aside(desk: Desk) -> tuple[str, ...]:
    return tuple(
        sorted(path.name for path in list_folder(desk.vault.layout.root) if path.name.startswith("catalogue-"))
    )


def _certify(
    desk: Desk, tombstone: Tombstone, proposal: Proposal, approvals: Sequence[Approval], checked: Checked
) -> bytes:
    """Return the certificate's bytes, from its file where a process that died had written it already."""
    layout, signer = desk.vault.layout, desk.signer()
    path = layout.certificate(tombstone.archive)
    if _is_ours(path, tombstone, signer):
        return read_file(path)
    data = write_certificate(tombstone, proposal, approvals, checked, desk.clock(), signer)
    temporary = layout.temporary(tombstone.archive, ".note")
    remove(temporary)
    if is_there(path):  # not ours: what stands there is no certificate of this destruction
        put_in_place_of(path, temporary, data)
    else:
        write_new(path, temporary, data)
    return data


def _is_ours(path: Path, tombstone: Tombstone, signer: Signer | None) -> bool:
    try:
        data = read_file(path)
        if signer is not None:
            open_note(data.decode(), signer.verifier)
        told = read_certificate(data)["tombstone_sha256"]
    except (OSError, ValueError, KeyError, NoteRefused):
        return False
    return bool(told == hashlib.sha256(write_tombstone(tombstone)).hexdigest())


def _write_down(desk: Desk, tombstone: Tombstone, certificate: bytes) -> None:
    catalogue, at = desk.vault.catalogue, desk.clock()
    digest = hashlib.sha256(certificate).hexdigest()
    with catalogue.transaction():
        put_tombstone(catalogue, tombstone, digest)
        condemned = live_condemned(catalogue, tombstone.archive)
        if condemned is not None:
            put_condemned(catalogue, move(condemned, Step.FINISHED, at))
        desk.log(
            "archive.destroyed",
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
