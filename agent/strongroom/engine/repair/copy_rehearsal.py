"""A rehearsal: a vault is restored from a copy into a scratch folder, verified whole, measured, and removed again.

Key files are read and compared, and never written: what an interrupted rehearsal leaves opens nothing. Without an
identity it shows that all bytes are there and agree with manifest, log and checkpoints; that somebody can open them is
shown with one.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from strongroom.age.keys import X25519Identity
from strongroom.copies.port import Throttle
from strongroom.engine.copies.targets import CopyTarget, require_known, vault_digest
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault
from strongroom.evidence.line import Entry, Fact
from strongroom.model.copies import PREFIX_DIGITS, is_rehearsal_due
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import Interrupted, StrongroomError, VaultLocked, WorldError
from strongroom.model.names import make_id
from strongroom.model.text import counted, format_size
from strongroom.model.times import Chance, Clock
from strongroom.vault.archives import archive_totals
from strongroom.vault.copies import alone_in, backlog_after, copy_state, put_copy_state
from strongroom.vault.durable import make_folder
from strongroom.vault.files import is_folder, list_folder
from strongroom.vault.log import add_entry
from strongroom.vault.tombstones import destroyed_ids
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
    opened: int | None = None  # key files that an identity opened; None where no identity was given


class RehearsalOrder(Struct, frozen=True):
    """What is rehearsed, and where."""

    vault: Vault
    target: CopyTarget
    clock: Clock
    random_bytes: Chance
    scratch: Path | None = None  # an existing folder; the vault's own tmp/ by default
    identities: Sequence[X25519Identity] = ()  # to open the key files
    rate: int = 0  # bytes a second that are read at most; 0: no limit
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[int], None] = lambda _archives: None
    monotonic: Callable[[], float] = time.monotonic
    crash_point: Callable[[str], None] = lambda _where: None


def rehearse(order: RehearsalOrder) -> Rehearsal:
    """Restore from a copy into a scratch folder, verify everything, log the result, and remove the folder.

    Raises CopyAway where the copy cannot be reached, WorldError where there is too little room.
    """
    with _alone(order.vault):
        try:
            found = _rehearse(order)
        except Interrupted:
            raise
        except StrongroomError as error:
            _note(order, error.sentences)
            raise
    order.crash_point("rehearsed")
    _record(order, found)
    return found


@contextmanager
def _alone(vault: Vault) -> Iterator[None]:
    with alone_in(vault.layout.tmp) as mine:
        if not mine:
            raise VaultLocked("another process is rehearsing a restore of this vault", hint="wait for it")
        yield


def _rehearse(order: RehearsalOrder) -> Rehearsal:
    require_known(order.target, order.vault)
    state, now = copy_state(order.vault.catalogue, order.target.name), order.clock()
    backlog = backlog_after(order.vault.catalogue, state.entries)
    above, own = order.scratch or order.vault.layout.tmp, f"rehearsal-{vault_digest(order.vault)[:PREFIX_DIGITS]}-"
    _require_room(order.vault, above)
    _remove_left_over(above, own)
    folder = above / f"{own}{make_id(now, order.random_bytes)}"
    before = set(destroyed_ids(order.vault.catalogue))
    make_folder(folder)
    restore = CopyRestore(
        order.target.store,
        folder / "vault",
        order.clock,
        identities=order.identities,
        stop=order.stop,
        watch=order.watch,
        throttle=Throttle(order.rate, order.stop, interrupted=_interrupted),
        monotonic=order.monotonic,
        rehearsal=True,
        crash_point=order.crash_point,
    )
    try:
        with alone_in(folder):  # so that nobody takes it for one that was left over
            done = restore_vault(restore)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    gone = set(destroyed_ids(order.vault.catalogue)) - before  # their key files went while this was reading
    faults = tuple(each for each in done.faults if not any(archive in each for archive in gone))
    behind = max(timedelta(0), now - backlog.since) if backlog.since else timedelta(0)
    opened = done.opened if order.identities else None
    return Rehearsal(done.archives, done.entries, done.size, done.seconds, behind, backlog.archives, faults, opened)


def _remove_left_over(above: Path, own: str) -> None:
    """Remove what rehearsals of this vault that were killed left in the folder, which others may share.

    One of a restored vault, which has the same first line of the log, may be in progress there.
    """
    for path in list_folder(above, own):
        if path.name.startswith(own) and is_folder(path):
            with suppress(OSError), alone_in(path) as left_over:  # another one may be removing it
                if left_over:
                    shutil.rmtree(path, ignore_errors=True)


def _interrupted() -> Interrupted:
    return Interrupted("the rehearsal was interrupted", hint="run it again")


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
    facts: dict[str, Fact] = {
        "copy": order.target.name,
        "archives": found.archives,
        "seconds": int(found.seconds + 0.5),
        "behind_seconds": int(found.behind.total_seconds()),
        "lost": found.lost,
        "faults": len(found.faults),
    }
    if found.opened is not None:
        facts["opened"] = found.opened
    problem = f"{counted(len(found.faults), 'fault')}: {found.faults[0]}" if found.faults else ""
    _note(order, problem, Entry(EntryKind.COPY_REHEARSED, order.clock(), facts=facts))
    order.vault.write_log()


def _note(order: RehearsalOrder, problem: str, entry: Entry | None = None) -> None:
    """Record how a rehearsal ended: in the catalogue, and in the log where it came to its end."""
    catalogue, now = order.vault.catalogue, order.clock()
    with catalogue.transaction():
        state = copy_state(catalogue, order.target.name)
        good = now if entry is not None and not problem else state.rehearsed_at
        put_copy_state(catalogue, replace(state, rehearsed_at=good, rehearsal_at=now, rehearsal_problem=problem[:500]))
        if entry is not None:
            add_entry(catalogue, entry)


def is_rehearsal_pending(vault: Vault, name: str, every: timedelta | None, now: datetime) -> bool:
    """Return whether a restore from a copy is to be rehearsed now; one that was never complete has its time first."""
    state = copy_state(vault.catalogue, name)
    if every is None or state.complete_at is None:
        return False
    return is_rehearsal_due(every, state.rehearsed_at, state.rehearsal_at, now)
