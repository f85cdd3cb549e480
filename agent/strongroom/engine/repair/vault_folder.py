"""The folders and files of a vault by name, type, mode, owner and links; their content is not read.

Also finds what an interrupted `init` leaves: a vault without any content.
"""

from __future__ import annotations

import pwd
import re
import shlex
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from strongroom.engine.core.check import Check, CheckResult
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.text import counted, noun_of
from strongroom.model.times import Clock
from strongroom.vault.durable import flush_folder
from strongroom.vault.files import FileEntry, is_folder, is_there, list_folder, list_shards, open_lines, rename, walk
from strongroom.vault.layout import Layout, beside
from strongroom.vault.lock import hold
from strongroom.vault.vault import open_vault

SHOWN = 3  # names of each kind of finding
_SHARD = re.compile(r"(?:archives|keys|manifests)/[0-9a-hjkmnp-tv-z]{2}\Z")
_FOLDERS = ("archives", "keys", "manifests", "quarantine", "log", "log/checkpoints", "log/certificates", "tmp")
_FILES = ("lock", "README.txt", "catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm")
_FILE, _FOLDER = 0o600, 0o700  # what the owner needs


class _Found(Struct):
    """The names found, by what is wrong with them."""

    owner: int  # of the vault's folder; everything should belong to them
    files: int = 0
    links: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    named: dict[tuple[int, int], list[str]] = field(default_factory=dict)  # files with several names

    @property
    def twice(self) -> list[str]:
        """The files with another name, except those that are being moved from tmp/."""
        several = (names for names in self.named.values() if not any(name.startswith("tmp/") for name in names))
        return sorted(name for names in several for name in names)


def check_files(root: Path) -> Iterator[Check]:
    """Yield what is wrong with the files of a vault, each kind with its count, the first names, and what to do."""
    layout = Layout(root)
    if not is_there(layout.root):
        return
    found = _Found(layout.root.stat().st_uid)
    for entry in walk(layout.root, _is_ours):
        _judge(entry, found)
    findings = list(_findings(layout.root, found))
    yield from findings
    if not findings:
        words = f"types, modes, owners and links of {counted(found.files, 'file')} are as they should be"
        yield Check("files", CheckResult.OK, words)


def misplaced(layout: Layout) -> list[str]:
    """Return the name of each link, pipe, socket and device in a vault, and of each folder where only files are."""
    found = _Found(0)
    for entry in walk(layout.root, _is_ours):
        _judge(entry, found)
    return sorted([*found.links, *found.special, *found.folders])


def _is_ours(folder: str) -> bool:
    return folder in _FOLDERS or _SHARD.match(folder) is not None


def _judge(entry: FileEntry, found: _Found) -> None:
    status = entry.status
    if status is None:
        found.unread.append(f"{entry.name} ({entry.error})")
        return
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        found.links.append(entry.name)
    elif kind == stat.S_IFDIR:
        _judge_folder(entry, status.st_mode, found)
    elif kind != stat.S_IFREG:
        found.special.append(entry.name)
    else:
        found.files += 1
        _judge_mode(entry.name, status.st_mode, _FILE, found)
        if status.st_nlink > 1:
            found.named.setdefault((status.st_dev, status.st_ino), []).append(entry.name)
    if status.st_uid != found.owner and (kind != stat.S_IFDIR or _is_ours(entry.name)):
        found.foreign.append(entry.name)


def _judge_folder(entry: FileEntry, mode: int, found: _Found) -> None:
    if _is_ours(entry.name):
        _judge_mode(entry.name, mode, _FOLDER, found)
    elif (
        "/" in entry.name or entry.name in _FILES
    ):  # beside the folders of a vault there may be others, such as lost+found
        found.folders.append(entry.name)


def _judge_mode(name: str, mode: int, needed: int, found: _Found) -> None:
    if mode & 0o077:
        found.shared.append(name)
    if mode & needed != needed:
        found.closed.append(name)


def _findings(root: Path, found: _Found) -> Iterator[Check]:
    vault, owner = shlex.quote(str(root)), _name_of(found.owner)
    put_back = "find out who did this; remove it, and restore the file from a copy of the vault"
    others = f"others may read or change {_counted(found.shared, 'file or folder', 'files or folders')}"
    belong = f"{_counted(found.foreign, 'file or folder', 'files or folders')} of the vault "
    belong += f"{noun_of(len(found.foreign), 'does', 'do')} not belong to {owner}, the owner of the vault"
    lacking = f"the owner may not read and write {_counted(found.closed, 'file or folder', 'files or folders')}"
    several = f"{_counted(found.twice, 'file has', 'files have')} another name (a hard link), which survives a deletion"
    apart = "if a backup makes them, let it copy instead. For each: cp -p FILE FILE.new && mv FILE.new FILE"
    unread = f"{_counted(found.unread, 'name')} could not be checked"
    yield from _check_of(
        CheckResult.FAIL, found.links, f"{_counted(found.links, 'symbolic link')} in the vault", put_back
    )
    special = f"{_counted(found.special, 'pipe, socket or device', 'pipes, sockets or devices')} in the vault"
    yield from _check_of(CheckResult.FAIL, found.special, special, put_back)
    yield from _check_of(
        CheckResult.FAIL, found.folders, f"{_counted(found.folders, 'folder')} where only files belong", put_back
    )
    yield from _check_of(CheckResult.FAIL, found.foreign, belong, f"chown -R {owner}: {vault}")
    yield from _check_of(CheckResult.FAIL, found.closed, lacking, f"chmod -R u+rwX {vault}")
    yield from _check_of(CheckResult.WARN, found.shared, others, f"chmod -R go-rwx {vault}")
    yield from _check_of(CheckResult.FAIL, found.twice, several, apart)
    yield from _check_of(CheckResult.FAIL, found.unread, unread, f"run this as {owner} or as root")


def _counted(names: list[str], one: str, many: str = "") -> str:
    return counted(len(names), one, many) if many else counted(len(names), one)


def _check_of(verdict: CheckResult, names: list[str], words: str, hint: str) -> Iterator[Check]:
    if names:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        yield Check("files", verdict, f"{words}: {', '.join(names[:SHOWN])}{more}", hint)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def is_unfinished(layout: Layout, *, configured: bool) -> bool:
    """Return whether a folder is what an interrupted init left: a vault that never had content."""
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
            raise UsageError(f"{aside} already exists", hint="wait a second and try again")
        rename(root, aside)
    flush_folder(root.parent)
    return f"moved the unfinished vault to {aside}; now run strongroom init again"
