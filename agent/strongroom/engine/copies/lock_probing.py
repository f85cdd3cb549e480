"""Probing the object locks of the bucket that a copy is in."""

from __future__ import annotations

from strongroom.copies.lock_probe import LockProbe
from strongroom.copies.s3_client import connect
from strongroom.engine.copies.targets import CopyTarget, vault_digest
from strongroom.model.copies import PREFIX_DIGITS
from strongroom.model.errors import UsageError, VaultLocked
from strongroom.model.locks import LockFinding, LockMode
from strongroom.model.times import Chance, Clock
from strongroom.vault.copies import copies_alone
from strongroom.vault.vault import Vault


def probe_locks(
    vault: Vault, target: CopyTarget, mode: LockMode, clock: Clock, random_bytes: Chance
) -> list[LockFinding]:
    """Return what is wrong with the object locks of a copy's bucket; nothing of the copy is touched.

    Raises UsageError for a copy in a folder, CopyAway where the server cannot be asked, and VaultLocked where another
    process writes to the copies.
    """
    bucket = target.settings.s3
    if bucket is None:
        raise UsageError(f"the copy {target.name} is in a folder, which has no object locks", hint="probe a bucket")
    root = f"{bucket.prefix}/{vault_digest(vault)[:PREFIX_DIGITS]}/"
    with copies_alone(vault.layout) as mine:  # who begins to copy ends uploads that were interrupted
        if not mine:
            raise VaultLocked("another process is writing to the copies of this vault", hint="wait for it")
        return LockProbe(connect(bucket), bucket.bucket, root, mode, clock, random_bytes).run()
