"""Giving a new vault to the system user that runs the daemon, who reads the configuration and cannot change it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from msgspec import Struct

from strongroom.model.errors import UsageError
from strongroom.vault.durable import in_words


class Owner(Struct, frozen=True):
    """A system user."""

    name: str
    uid: int
    gid: int  # of the user's own group


def find_owner(name: str) -> Owner:
    """Return a system user by name. Raises UsageError where there is none, or where nothing can be given to it."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise UsageError(
            f"there is no system user {name!r}",
            hint="install the package, or make the user as docs/systemd.md describes",
        ) from None
    if os.geteuid() not in (0, entry.pw_uid):
        raise UsageError(f"only root can give a vault to {name}", hint="run the command with sudo")
    return Owner(name, entry.pw_uid, entry.pw_gid)


def require_home(owner: Owner, vault: Path) -> None:
    """Refuse a place beside which the user could not keep the signing key and its last checkpoint. Raises UsageError.

    A folder that does not exist yet is made for the user; those above it must exist.
    """
    home = vault.parent
    if not home.exists() and not home.parent.is_dir():
        raise UsageError(f"the folder {home.parent} does not exist", hint="create it first")
    if home.exists() and home.stat().st_uid != owner.uid:
        raise UsageError(
            f"{owner.name} keeps its signing key beside the vault, and {home} does not belong to {owner.name}",
            hint=f"choose a folder of its own, such as --vault {vault.with_name('strongroom')}/vault",
        )


def require_away(owner: Owner, home: Path, config: Path, *identities: Path | None) -> None:
    """Refuse a configuration or an identity where the user could change or read it. Raises UsageError."""
    for path in filter(None, (config, *identities)):
        if home.resolve() in path.resolve().parents and owner.uid != os.geteuid():
            raise UsageError(
                f"{path} would be in {home}, which belongs to {owner.name}",
                hint="choose a folder that only you can write, such as --config /etc/strongroom/config.toml",
            )
    if config.is_symlink():
        raise UsageError(f"{config} is a link, and its permissions must be set", hint="name the file itself")


def give(owner: Owner, *paths: Path) -> None:
    """Make the user own files, and folders with all that is in them. Raises WorldError.

    No link is followed: root does this in a folder that the user may already write.
    """
    try:
        for path in paths:
            give_alone(owner, path)
            for _, folders, files, descriptor in os.fwalk(path, follow_symlinks=False):
                for name in (*folders, *files):
                    os.chown(name, owner.uid, owner.gid, dir_fd=descriptor, follow_symlinks=False)
    except OSError as error:
        raise in_words(error) from error


def give_alone(owner: Owner, path: Path) -> None:
    """Make the user own a file or folder, and nothing in it. Raises WorldError."""
    try:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    except OSError as error:
        raise in_words(error) from error


def let_read(owner: Owner, config: Path, *, folder_too: bool) -> None:
    """Let the user's group read the configuration, and the folder if it was made for it. Raises WorldError."""
    try:
        _let_group(owner, config, 0o640)
        if folder_too:
            _let_group(owner, config.parent, 0o750)
    except OSError as error:
        raise in_words(error) from error


def _let_group(owner: Owner, path: Path, mode: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, -1, owner.gid)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
