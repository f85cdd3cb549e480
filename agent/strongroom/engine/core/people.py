"""Who is acting, as the operating system reports it: the only place that asks."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from strongroom.model.destruction import Person

_LOGIN = Path("/proc/self/loginuid")
_UID_MAP = Path("/proc/self/uid_map")
_INITIAL = ["0", "0", "4294967295"]  # each user id maps to itself: only then is it the machine's own
_NOBODY_LOGGED_IN = (1 << 32) - 1


def acting_person(
    environment: Mapping[str, str] = os.environ, login: Path = _LOGIN, uid_map: Path = _UID_MAP
) -> Person:
    """Return the person behind this process: its real user, who logged in, and who called sudo.

    The name is that of the user id, never LOGNAME or USER, which anyone can set.
    """
    uid, logged_in, sudo = os.getuid(), _login_uid(login), _sudo_uid(environment)
    name = _name_of(uid if logged_in is None else logged_in)
    return Person(uid, name, logged_in, sudo, mapped=_is_mapped(uid_map))


def _is_mapped(path: Path) -> bool:
    """Return whether user ids may be invented here: in a user namespace, or where the kernel does not report it."""
    try:
        return path.read_text().split() != _INITIAL
    except (OSError, ValueError):
        return True


def _login_uid(path: Path) -> int | None:
    """Return the user who logged in, which the kernel's audit keeps for every process of a session."""
    try:
        uid = int(path.read_text())
    except (OSError, ValueError):
        return None
    return None if uid == _NOBODY_LOGGED_IN else uid


def _sudo_uid(environment: Mapping[str, str]) -> int | None:
    uid = environment.get("SUDO_UID", "")
    return int(uid) if uid.isascii() and uid.isdigit() and len(uid) < 11 else None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
