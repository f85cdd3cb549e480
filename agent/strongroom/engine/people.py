"""Who is acting, by the operating system's word: the one place that asks for it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from strongroom.model.destruction import Person

_LOGIN = Path("/proc/self/loginuid")
_NOBODY_LOGGED_IN = (1 << 32) - 1


def acting_person(environment: Mapping[str, str] = os.environ, login: Path = _LOGIN) -> Person:
    """Return the person behind this process: its real user, who logged in, and who called sudo."""
    uid, logged_in, sudo = os.getuid(), _login_uid(login), _sudo_uid(environment)
    return Person(uid, _name_of(uid if logged_in is None else logged_in), logged_in, sudo)


def _login_uid(path: Path) -> int | None:
    """Return the user who logged in, as the kernel's audit keeps it for every process of a session."""
    try:
        uid = int(path.read_text())
    except (OSError, ValueError):
        return None
    return None if uid == _NOBODY_LOGGED_IN else uid


def _sudo_uid(environment: Mapping[str, str]) -> int | None:
    told = environment.get("SUDO_UID", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 11 else None


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
