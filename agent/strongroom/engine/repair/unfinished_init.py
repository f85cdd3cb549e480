"""What an interrupted `init` leaves: a vault that was begun and holds nothing."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from strongroom.model.errors import UsageError, VaultError
from strongroom.model.times import Clock
from strongroom.vault.durable import flush_folder
from strongroom.vault.files import is_folder, is_there, list_folder, list_shards, open_lines, rename
from strongroom.vault.layout import Layout, beside
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault


def is_unfinished(layout: Layout, *, configured: bool) -> bool:
    """Say whether a folder is what an interrupted init left: nothing was ever put in it."""
    if any(_holds_a_file(layout.root / name) for name in ("archives", "keys", "manifests", "quarantine")):
        return False
    try:
        lines = _lines_of(layout.log) if is_there(layout.log) else 0
    except OSError:
        return False
    if lines > 1 or (lines == 1 and configured):
        return False
    ours = {layout.catalogue.name, layout.readme.name, layout.lock.name}
    names = {
        path.name.removesuffix("-wal").removesuffix("-shm") for path in list_folder(layout.root) if not is_folder(path)
    }
    return names <= ours and not (configured and _has_format(layout))


def _holds_a_file(folder: Path) -> bool:
    return any(not is_folder(path) for path in [*list_folder(folder), *list_shards(folder)])


def _lines_of(log: Path) -> int:
    with open_lines(log) as file:
        return sum(1 for line in islice(file, 2) if line.endswith(b"\n"))


def _has_format(layout: Layout) -> bool:
    try:
        open_vault(layout.root).close()
    except VaultError:
        return False
    return True


def move_unfinished(root: Path, clock: Clock) -> str:
    """Move the whole folder aside; return what was done. Raises VaultLocked, UsageError, OSError."""
    root = Layout(root).root
    aside = beside(root, f"-unfinished-{clock():%Y%m%dT%H%M%S}")
    with hold(Layout(root).lock, "strongroom recover"):
        if is_there(aside):
            raise UsageError(f"{aside} is there already", hint="wait a second and run it again")
        rename(root, aside)
    flush_folder(root.parent)
    return f"moved the unfinished vault to {aside}; now run strongroom init again"
