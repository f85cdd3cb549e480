"""A rehearsal: a vault is restored from a copy into a scratch folder, verified whole, measured, and removed again.

Key files are read and compared, and never written: what an interrupted rehearsal leaves opens nothing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from strongroom.copies.port import Throttle
from strongroom.engine.copies.targets import CopyTarget, require_known
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import WorldError
from strongroom.model.names import make_id
from strongroom.model.text import format_size
from strongroom.model.times import Chance, Clock
from strongroom.vault.archives import archive_totals
from strongroom.vault.copies import backlog_after, copy_state, log_copy, put_copy_state
from strongroom.vault.files import is_folder, list_folder
from strongroom.vault.vault import Vault


class Rehearsal(Struct, frozen=True):
    """What a rehearsal has shown."""

    archives: int  # restored and verified
    entries: int  # of the log in the copy
    size: int  # bytes that were read from the copy and written
    seconds: float  # the recovery time, without what a person does
    behind: timedelta  # the recovery point: how much of the newest time would be lost
    lost: int  # archives of the vault that are missing in the copy
    faults: tuple[str, ...]


class RehearsalOrder(Struct, frozen=True):
    """What is rehearsed, and where."""

    vault: Vault
    target: CopyTarget
    clock: Clock
    random_bytes: Chance
    scratch: Path | None = None  # an existing folder; the vault's own tmp/ by default
    throttle: Throttle | None = None
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[int], None] = lambda _archives: None
    monotonic: Callable[[], float] = time.monotonic


def rehearse(order: RehearsalOrder) -> Rehearsal:
    """Restore from a copy into a scratch folder, verify everything, log the result, and remove the folder.

    Raises CopyAway where the copy cannot be reached, WorldError where there is too little room.
    """
    require_known(order.target, order.vault)
    state, now = copy_state(order.vault.catalogue, order.target.name), order.clock()
    backlog = backlog_after(order.vault.catalogue, state.entries)
    above = order.scratch or order.vault.layout.tmp
    _remove_left_over(order.vault)
    _require_room(order.vault, above)
    folder = above / f"rehearsal-{make_id(now, order.random_bytes)}"
    restore = CopyRestore(
        order.target.store,
        folder,
        order.clock,
        stop=order.stop,
        watch=order.watch,
        throttle=order.throttle or Throttle(),
        monotonic=order.monotonic,
        rehearsal=True,
    )
    try:
        done = restore_vault(restore)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    behind = max(timedelta(0), now - backlog.since) if backlog.since else timedelta(0)
    found = Rehearsal(
        done.archives, done.entries, done.size, done.seconds, behind, backlog.archives, tuple(done.faults)
    )
    _record(order, found)
    return found


def _remove_left_over(vault: Vault) -> None:
    """Remove what rehearsals that were killed left in the vault's tmp/."""
    for path in list_folder(vault.layout.tmp, "rehearsal-"):
        if path.name.startswith("rehearsal-") and is_folder(path):
            shutil.rmtree(path, ignore_errors=True)


def _require_room(vault: Vault, above: Path) -> None:
    needed = sum(each.sealed_size for each in archive_totals(vault.catalogue).values())
    try:
        free = shutil.disk_usage(above).free
    except OSError as error:
        raise WorldError(f"the folder {above} cannot be used: {error.strerror}", hint="name one that exists") from error
    if free < needed:
        words = f"a rehearsal needs {format_size(needed)} in {above}, which has {format_size(free)} free"
        raise WorldError(words, hint="name a folder on another disk with --in FOLDER")


def _record(order: RehearsalOrder, found: Rehearsal) -> None:
    catalogue, now = order.vault.catalogue, order.clock()
    with catalogue.transaction():
        if not found.faults:
            state = copy_state(catalogue, order.target.name)
            put_copy_state(catalogue, replace(state, rehearsed_at=now))
        log_copy(
            catalogue,
            EntryKind.COPY_REHEARSED,
            now,
            copy=order.target.name,
            archives=found.archives,
            seconds=int(found.seconds + 0.5),
            behind_seconds=int(found.behind.total_seconds()),
            lost=found.lost,
            faults=len(found.faults),
        )
    order.vault.write_log()
