"""Copies, restores, rehearses, repairs or destroys in a process of its own and dies by SIGKILL at the given place.

usage: python -m kit.drivers.copies ACT BASE DIE_AT PLACES_FILE NOW [PORT BUCKET]

With a port the copy is in a bucket there. It may then die before each request that changes something, and after its
answer; payloads go in parts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kit.buckets import BucketServer
from kit.destruction import DUE, SIGNER
from kit.drivers.destruction import Reaper
from strongroom.config.copies import BucketSettings, CopySettings
from strongroom.config.schema import Config, VaultSettings
from strongroom.copies import s3
from strongroom.copies.folder import FolderStore
from strongroom.copies.s3_client import connect
from strongroom.engine.copies.copying import CopyContext, update_copy
from strongroom.engine.copies.removal import remove_from_copies
from strongroom.engine.copies.targets import open_target, stores_of
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.repair.copy_rehearsal import RehearsalOrder
from strongroom.engine.repair.copy_rehearsal import rehearse as rehearse_restore
from strongroom.engine.repair.copy_repair import apply_repair, open_repair, plan_repair
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault
from strongroom.vault.vault import Vault, open_vault


def main() -> None:
    act, base, reaper = sys.argv[1], Path(sys.argv[2]), Reaper(int(sys.argv[3]), Path(sys.argv[4]))
    now = datetime.fromisoformat(sys.argv[5])
    settings = in_bucket(int(sys.argv[6]), sys.argv[7], reaper) if sys.argv[6:] else CopySettings("disk", base / "disk")
    if act == "restore":
        ((_identity, store),) = stores_of(settings)
        done = restore_vault(CopyRestore(store, base / "new", lambda: now, crash_point=reaper))
        sys.exit(0 if not done.faults else 1)
    vault = open_vault(base / "vault")
    ACTS[act](vault, CopyContext(vault, lambda: now, crash_point=reaper), settings)
    vault.close()


def in_bucket(port: int, bucket: str, reaper: Reaper) -> CopySettings:
    """Return a copy in a bucket, and let every client of this process tell of its requests."""

    def watched(settings: BucketSettings) -> Any:
        client = connect(settings)
        for act in CHANGES:
            for when in ("before", "after"):
                place = f"{when} {act}"
                client.meta.events.register(f"{when}-call.s3.{act}", lambda place=place, **_more: reaper(place))
        return client

    s3.connect = watched
    s3.PART = 1024
    return BucketServer(port).copy(bucket, "disk")


CHANGES = (
    "PutObject", "DeleteObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload",
    "AbortMultipartUpload",
)  # fmt: skip


def copy(vault: Vault, context: CopyContext, settings: CopySettings) -> None:
    target = open_target(settings, vault)
    if isinstance(target.store, FolderStore):
        store = WatchedStore(target.store.root.parent, target.store.root.name)
        store.crash_point = context.crash_point
        target = replace(target, store=store)
    update_copy(context, target)


class WatchedStore(FolderStore):
    """May die between the files of a group: all were flushed, and some have their names."""

    crash_point: Callable[[str], None]

    def _publish(self, part: Any) -> bool:
        self.crash_point("publish")
        return super()._publish(part)


def repair(vault: Vault, context: CopyContext, settings: CopySettings) -> None:
    order = open_repair(context, [open_target(settings, vault)])
    apply_repair(order, plan_repair(order, deep=True))


def destroy(vault: Vault, context: CopyContext, settings: CopySettings) -> None:
    config = Config(vault.layout.root, VaultSettings(vault.layout.root, ()), copies=(settings,))
    vault.write_log()
    carry_out(
        DestructionContext(
            vault,
            context.clock,
            os.urandom,
            signer=lambda: SIGNER,
            judge=lambda _vault, _archive, _at: DUE,
            remove_from_copies=lambda stone: remove_from_copies(
                config, vault, stone, context.clock, context.crash_point
            ),
            crash_point=context.crash_point,
        )
    )


def rehearse(vault: Vault, context: CopyContext, settings: CopySettings) -> None:
    target, crash_point = open_target(settings, vault), context.crash_point
    order = RehearsalOrder(vault, target, context.clock, os.urandom, crash_point=crash_point)
    assert not rehearse_restore(order).faults


ACTS: dict[str, Callable[[Vault, CopyContext, CopySettings], None]] = {
    "copy": copy,
    "repair": repair,
    "destroy": destroy,
    "rehearse": rehearse,
}

if __name__ == "__main__":
    main()
