"""What was destroyed does not come back: what a restored backup brought of it is destroyed again.

Destroying again needs what destroying needed: `warrant` says what. A file, a row or a line of the log alone is never
believed; where they claim more than the log can show, nothing is touched and an alert is raised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from pathlib import Path

from strongroom.engine.destruction.certificate import read_certificate
from strongroom.engine.destruction.crosscheck import Contradiction, tell_contradiction
from strongroom.engine.destruction.warrant import Terms, find_warrants
from strongroom.evidence.line import Entry, Fact, read_chain
from strongroom.evidence.note import Verifier
from strongroom.model.errors import VaultError
from strongroom.model.instants import Clock
from strongroom.model.tombstone import Tombstone
from strongroom.vault import destructionqueries as queries
from strongroom.vault.archives import has_archive
from strongroom.vault.destructions import reduce_rows
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry, entries_of_archive
from strongroom.vault.rekeying import keys_alone
from strongroom.vault.shred import copies_of, discard, put_in_place_of, shred
from strongroom.vault.tombstones import (
    buried_ids,
    get_tombstone,
    put_tombstone,
    read_tombstone,
    tombstone_path,
    write_tombstone,
)
from strongroom.vault.vault import Vault
from strongroom.vault.vaultfiles import is_file, read_file

_DESTROYED = b'"kind":"archive.destroyed"'


def bury_resurrected(
    vault: Vault,
    clock: Clock,
    *,
    thorough: bool = True,
    verifier: Verifier | None = None,
    approvers: Collection[str] = (),
    refused: Callable[[Contradiction], None] = lambda _refusal: None,
) -> list[str]:
    """Destroy again whatever there is of archives that were destroyed; return their ids, each entered into the log.

    `thorough` also reads the log file, which may know more than a catalogue that was restored or is being rebuilt.
    `verifier` is the agent's key: only checkpoints that it signed then count. `approvers` are those of the
    configuration: where there are any, only approvals that one of them signed count. An archive that is claimed to be
    destroyed without a warrant stays as it is, with an alert, and `refused` hears why. Doing it twice does nothing
    more. Raises WorldError when the disk refuses.
    """
    known = set(buried_ids(vault.catalogue))
    if thorough:
        known |= ids_destroyed_by_log(vault.layout)
    back = {archive: known_tombstone(vault, archive) for archive in sorted(known)}
    back = {archive: stone for archive, stone in back.items() if _is_back(vault, archive, stone)}
    if not back:
        return []
    terms = Terms(clock(), verifier, approvers)
    allowed, refusals = find_warrants(vault, back, terms, thorough=thorough)
    with keys_alone(vault.layout):
        for archive in allowed:
            _bury(vault, archive, back[archive], clock)
    for refusal in refusals:
        tell_contradiction(vault, refusal, clock)
        refused(refusal)
    if allowed:
        vault.catalogue.compact()
        vault.write_log()
    return allowed


def ids_destroyed_by_log(layout: Layout) -> set[str]:
    """Return the id of every archive that the log file says was destroyed; of none where its chain is broken."""
    try:
        lines = read_file(layout.log, most=None).splitlines()
    except FileNotFoundError:
        return set()
    if not any(_DESTROYED in line for line in lines):
        return set()
    try:
        bodies = list(read_chain(lines))
    except VaultError:
        return set()  # a line that was slipped in must not have an archive destroyed: recovery looks at the log first
    return {str(body.get("archive", "")) for body in bodies if body.get("kind") == "archive.destroyed"} - {""}


def known_tombstone(vault: Vault, archive_id: str) -> Tombstone | None:
    """Return an archive's tombstone from the catalogue, its own file, or its certificate, whichever has it."""
    buried = get_tombstone(vault.catalogue, archive_id)
    if buried is not None:
        return buried.tombstone
    layout = vault.layout
    for path in (layout.manifest(archive_id), layout.quarantined(archive_id, ".json")):
        try:
            return read_tombstone(read_file(path))
        except (OSError, VaultError):
            continue
    return _certified(layout, archive_id)


def _certified(layout: Layout, archive_id: str) -> Tombstone | None:
    try:
        told = read_certificate(read_file(layout.certificate(archive_id)))["archive"]
        return read_tombstone(json.dumps(told))
    except (OSError, ValueError, KeyError, VaultError):
        return None


def _certificate_digest(vault: Vault, archive_id: str) -> str:
    """Return the digest that the log has of the certificate, or that of its file where the log is not there yet."""
    for entry in reversed(entries_of_archive(vault.catalogue, archive_id)):
        facts = entry.body.get("facts")
        if isinstance(facts, dict) and facts.get("certificate_sha256"):
            return str(facts["certificate_sha256"])
    path = vault.layout.certificate(archive_id)
    return hashlib.sha256(read_file(path) if is_file(path) else b"").hexdigest()


def _is_back(vault: Vault, archive_id: str, tombstone: Tombstone | None) -> bool:
    """Say whether anything of a destroyed archive is there again, or its tombstone is not."""
    stone = tombstone_path(vault.layout, tombstone) if tombstone is not None else None
    if any(path != stone for path in copies_of(vault.layout, archive_id)):
        return True
    if has_archive(vault.catalogue, archive_id):
        return True
    return tombstone is not None and stone is not None and not _stands(stone, tombstone)


def _bury(vault: Vault, archive_id: str, tombstone: Tombstone | None, clock: Clock) -> None:
    if tombstone is None:
        raise VaultError(f"archive {archive_id} has no tombstone")  # never with a warrant
    stone = tombstone_path(vault.layout, tombstone)
    copies = [path for path in copies_of(vault.layout, archive_id) if path != stone]
    for path in copies:  # key files come first
        (discard if path.suffix == ".age" and ".key." not in path.name else shred)(path)
    temporary = vault.layout.temporary(archive_id, ".tombstone")
    put_in_place_of(stone, temporary, write_tombstone(tombstone))
    _write_down(vault, archive_id, tombstone, clock, len(copies))


def _stands(stone: Path, tombstone: Tombstone) -> bool:
    try:
        return read_file(stone) == write_tombstone(tombstone)
    except OSError:
        return False


def _write_down(vault: Vault, archive_id: str, tombstone: Tombstone, clock: Clock, files: int) -> None:
    catalogue = vault.catalogue
    with catalogue.transaction():
        catalogue.write(queries.DROP_ARCHIVE, archive_id)
        reduce_rows(catalogue, tombstone)
        put_tombstone(catalogue, tombstone, _certificate_digest(vault, archive_id))
        facts: dict[str, Fact] = {"files": files}
        add_entry(catalogue, Entry("archive.buried", clock(), archive=archive_id, stream=tombstone.stream, facts=facts))
