"""Key files of archives: sealed again to today's recipients (rotation), or exported for somebody else.

Rotation never touches payloads. It works beside a daemon, without the vault's lock, in batches; at any instant each
archive has its old key file or its new one. Copies made earlier stay readable for the recipients of that time.

An export hands out each archive's own identity, never a recipient's: stock age opens that one archive with it. It
cannot be taken back, so it is in the log before a file has its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from strongroom.age.identity_file import ArchiveKey, parse_archive_key, write_archive_key
from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.age.reader import SealedReader
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.engine.access.fixity import FixityFault
from strongroom.engine.access.restore import require_outside
from strongroom.engine.core.identities import public_key, unlock
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import SealError, UsageError
from strongroom.model.times import Chance, Clock
from strongroom.vault.archives import get_archive, key_digest
from strongroom.vault.durable import flush, flush_folder, in_words, write_all
from strongroom.vault.files import read_file
from strongroom.vault.key_rotation import (
    Swap,
    Witness,
    is_swap_under_way,
    keys_alone,
    logged_key_digest,
    settle_swaps,
    swap_keys,
)
from strongroom.vault.log import add_entry
from strongroom.vault.recipients import known_set, set_text, stale_archives
from strongroom.vault.vault import Vault

BATCH = 200  # archives that share two commits and the flushes of their folders
_BLOCK = 1 << 20


class Rotated(Struct):
    """What a rotation came to."""

    resealed: int = 0
    refused: list[FixityFault] = field(default_factory=list)  # unchanged, each with the reason
    stopped: bool = False  # a person asked to stop; the rest is done by the next run


class Rotation(Struct, frozen=True):
    """The set that key files are sealed to, and who can open them as they are."""

    vault: Vault
    recipients: Sequence[str]  # public keys
    identities: Sequence[X25519Identity]
    clock: Clock
    random_bytes: Chance
    watch: Callable[[int, int], None] = lambda _done, _total: None  # called with the number done and the total
    stop: Callable[[], bool] = lambda: False  # asked between batches
    crash_point: Witness = lambda _where: None  # called at each place where a crash would leave another state
    batch: int = BATCH


def rotate(rotation: Rotation) -> Rotated:
    """Seal every key file anew that is not sealed to exactly these recipients; those of new archives as well.

    If stopped at any instant, it resumes there. Raises UsageError when none of the recipients has been proven to open
    anything, SealError for a malformed one, WorldError when the disk is full or fails.
    """
    recipients = [X25519Recipient.parse(text) for text in rotation.recipients]
    _require_proof(rotation)
    settle_rotation(rotation.vault, rotation.clock)
    rotation.vault.write_log()  # all that is left if it was killed after its last commit
    done, seen = Rotated(), set[str]()
    while todo := [each for each in stale_archives(rotation.vault.catalogue, rotation.recipients) if each not in seen]:
        for start in range(0, len(todo), rotation.batch):
            if rotation.stop():
                done.stopped = True
                return done
            some = todo[start : start + rotation.batch]
            _reseal(rotation, some, recipients, done)
            seen.update(some)
            rotation.watch(start + len(some), len(todo))
    return done


def settle_rotation(vault: Vault, clock: Clock) -> int:
    """Settle what a killed rotation left, without an identity; return how many key files it was about."""
    if not is_swap_under_way(vault.catalogue):
        return 0
    with keys_alone(vault.layout):
        count = settle_swaps(vault, clock())
    vault.write_log()
    return count


def _require_proof(rotation: Rotation) -> None:
    if not rotation.recipients:
        raise UsageError("no recipients are left: nothing could ever be opened again", hint="add one to [vault]")
    in_hand = {str(identity.recipient) for identity in rotation.identities}
    proven = {each.key for each in known_set(rotation.vault.catalogue) if each.proven_at is not None}
    if not (in_hand | proven) & set(rotation.recipients):
        raise UsageError(
            "none of these recipients has been proven to open an archive: everyone could be locked out",
            hint="prove one first: strongroom key drill --identity FILE, or give its identity to this command",
        )


def _reseal(rotation: Rotation, ids: Sequence[str], recipients: Sequence[X25519Recipient], done: Rotated) -> None:
    vault = rotation.vault
    with keys_alone(vault.layout):
        settle_swaps(vault, rotation.clock())
        swaps: list[Swap] = []
        texts: dict[str, bytes] = {}  # what each new key file must open to
        for archive_id in ids:
            archive = get_archive(vault.catalogue, archive_id)
            path = vault.key_path(archive) if archive else None
            if archive is None or path is None or not key_digest(vault.catalogue, archive_id):
                continue  # destroyed since the list was made
            try:
                swap, texts[archive_id] = _prepare(rotation, archive, path, recipients)
                swaps.append(swap)
            except SealError as error:
                done.refused.append(_fault(vault, archive, path, error.message))
            except OSError as error:
                done.refused.append(
                    _fault(vault, archive, path, f"expected the file to be there, got: {error.strerror}")
                )
        if swaps:
            at_hand = [each for each in rotation.identities if str(each.recipient) in rotation.recipients][:1]
            check = partial(_check, at_hand, texts)
            swap_keys(vault, swaps, rotation.clock(), check, rotation.crash_point)
    vault.write_log()
    rotation.crash_point("logged swaps")
    done.resealed += len(swaps)


def _prepare(
    rotation: Rotation, archive: Archive, path: Path, recipients: Sequence[X25519Recipient]
) -> tuple[Swap, bytes]:
    """Open a key file as it is and seal its text anew; return both. Raises SealError unless it is the archive's own."""
    sealed = read_file(path)
    text = open_bytes(sealed, rotation.identities)
    key = parse_archive_key(text)
    if key.archive_id != archive.id:
        raise SealError(f"the key file belongs to archive {key.archive_id}")
    before, expected = hashlib.sha256(sealed).hexdigest(), key_digest(rotation.vault.catalogue, archive.id)
    if logged_key_digest(rotation.vault.catalogue, archive.id) not in (None, expected):
        raise SealError("the log has another SHA-256 of the key file than the catalogue")
    if before != expected:
        _require_opens(rotation.vault, archive, key.identity)
    new = seal_bytes(text, recipients, rotation.random_bytes)
    return Swap(archive.id, path, new, before, expected, set_text(rotation.recipients)), text


def _require_opens(vault: Vault, archive: Archive, identity: X25519Identity) -> None:
    """Prove a key file that is not the one on record, such as one from an older copy, by the payload it opens."""
    with vault.open_payload(archive) as payload:
        digest = hashlib.sha256()
        while block := payload.read(_BLOCK):
            digest.update(block)
        if digest.hexdigest() != archive.seal.sealed_sha256:
            raise SealError("neither the key file nor the payload matches the records")
        payload.seek(0)
        SealedReader(payload, [identity])


def _check(at_hand: Sequence[X25519Identity], texts: Mapping[str, bytes], swap: Swap, data: bytes) -> None:
    """Check a new key file as it was read back: the same bytes, and the same key where an identity can open it."""
    if data != swap.sealed:
        raise SealError(f"the new key file of archive {swap.archive} read back is not what was written")
    if at_hand and open_bytes(data, at_hand) != texts[swap.archive]:
        raise SealError(f"the new key file of archive {swap.archive} does not hold the archive's key")


def _fault(vault: Vault, archive: Archive, path: Path, message: str) -> FixityFault:
    return FixityFault(archive.id, str(path.relative_to(vault.layout.root)), "key", message)


def reseal_keys(
    vault: Vault,
    archive_ids: Iterable[str],
    identities: Sequence[X25519Identity],
    recipients: Sequence[str],
    random_bytes: Chance = os.urandom,
) -> Iterator[tuple[str, bytes]]:
    """Yield each archive's id and its key file, sealed to these public keys (`age1…`) and nobody else.

    The vault does not change and nothing is logged: that is up to the caller. Raises UsageError for an archive
    that is not there or a public key that is none, SealError where the identities do not open an archive's key.
    """
    parsed = [public_key(text) for text in recipients]
    for key in open_keys(vault, archive_ids, identities):
        yield key.archive_id, seal_bytes(write_archive_key(key), parsed, random_bytes)


def open_keys(vault: Vault, archive_ids: Iterable[str], identities: Sequence[X25519Identity]) -> Iterator[ArchiveKey]:
    """Yield the opened key of each archive. Raises as `reseal_keys` does."""
    for archive_id in archive_ids:
        archive = get_archive(vault.catalogue, archive_id)
        if archive is None:
            raise UsageError(f"there is no archive {archive_id}", hint="see: strongroom archives")
        yield unlock(vault, archive, identities)


class KeyExport(Struct, frozen=True):
    """Which keys go to whom, and where they are put."""

    archives: tuple[str, ...]
    recipients: tuple[str, ...]  # public keys; empty: not sealed; anyone can use the file
    target: Path  # a new file, or a folder that is there
    note: str = ""  # for people, beside the log's line


def export_keys(
    vault: Vault, handout: KeyExport, identities: Sequence[X25519Identity], random_bytes: Chance, now: datetime
) -> list[Path]:
    """Write the keys of the archives, one file for all of them or in a folder one each; return the files.

    Each is an identity file for stock age, sealed to the recipients. The log has it before a file is there. Raises
    UsageError when a file exists or there is nothing to hand out, SealError where a key does not open.
    """
    if not handout.archives:
        raise UsageError("no archive was named", hint="name them: --archives ID,ID")
    require_outside(vault, handout.target)
    recipients = [public_key(text) for text in handout.recipients]
    keys = list(open_keys(vault, handout.archives, identities))
    texts = _texts(handout.target, keys)
    for path in texts:
        if path.exists():
            raise UsageError(f"{path} exists already and is never overwritten", hint="name another file")
    _log(vault, handout, keys, now)
    for path, text in texts.items():
        _write(path, seal_bytes(text, recipients, random_bytes) if recipients else text)
    return list(texts)


def _texts(target: Path, keys: Sequence[ArchiveKey]) -> dict[Path, bytes]:
    if target.is_dir():
        return {target / f"{key.archive_id}.key.age": write_archive_key(key) for key in keys}
    return {target: b"".join(write_archive_key(key) for key in keys)}


def _log(vault: Vault, handout: KeyExport, keys: Sequence[ArchiveKey], now: datetime) -> None:
    facts: dict[str, Fact] = {
        "archives": [key.archive_id for key in keys],
        "recipients": [*handout.recipients],
        "plain": not handout.recipients,
    }
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry(EntryKind.KEYS_EXPORTED, now, facts=facts, words=handout.note))
    vault.write_log()


def _write(path: Path, data: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise in_words(error) from error
    try:
        write_all(fd, data)
        flush(fd)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(fd)
    flush_folder(path.parent)
