"""The recovery identity for paper, in groups that can be copied by hand, and whether what was copied is right.

The keys of chosen archives, for somebody who may open those and nothing else: sealed anew to that person's key.

What is handed out is each archive's own identity, never one of a recipient's: with it stock age opens that one archive.
What was handed out cannot be taken back, so the log has it before a file has its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from strongroom.age.identity_file import ArchiveKey, write_archive_key
from strongroom.age.keys import X25519Identity
from strongroom.age.writer import seal_bytes
from strongroom.engine.access.restore import require_outside
from strongroom.engine.core.identities import public_key, unlock
from strongroom.evidence.line import Entry, Fact
from strongroom.model.errors import UsageError
from strongroom.model.times import Chance
from strongroom.vault.archives import get_archive
from strongroom.vault.durable import flush, flush_folder, in_words, write_all
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault


def reseal_keys(
    vault: Vault,
    archive_ids: Iterable[str],
    identities: Sequence[X25519Identity],
    recipients: Sequence[str],
    random_bytes: Chance = os.urandom,
) -> Iterator[tuple[str, bytes]]:
    """Yield each archive's id and its key file, sealed to these public keys (`age1…`) and nobody else.

    The vault stays as it is and nothing is logged: that is for whoever hands them out. Raises UsageError for an archive
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


class Handout(Struct, frozen=True):
    """Which keys go to whom, and where they are put."""

    archives: tuple[str, ...]
    recipients: tuple[str, ...]  # public keys; empty: in the clear, for whoever reads the file
    target: Path  # a new file, or a folder that is there
    note: str = ""  # for people, beside the log's line


def hand_out(
    vault: Vault, handout: Handout, identities: Sequence[X25519Identity], random_bytes: Chance, now: datetime
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


def _log(vault: Vault, handout: Handout, keys: Sequence[ArchiveKey], now: datetime) -> None:
    facts: dict[str, Fact] = {
        "archives": [key.archive_id for key in keys],
        "recipients": [*handout.recipients],
        "plain": not handout.recipients,
    }
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry("keys.exported", now, facts=facts, words=handout.note))
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
