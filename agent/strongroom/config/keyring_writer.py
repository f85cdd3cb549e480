"""Putting secrets into the desktop's keyring and taking them out again.

What was stored is read back before it is called stored; the stores and the deadline are those of reading.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

from strongroom.config.secret_keyring import ask_keyring, nothing_under, safe_backends, within
from strongroom.config.secrets import Secret
from strongroom.model.errors import UsageError, WorldError


def require_keyring(deadline: timedelta) -> None:
    """Raise UsageError where no keyring is safe to store in, WorldError where it does not answer."""
    within(deadline, safe_backends)


def store_secret(service: str, name: str, secret: Secret, deadline: timedelta) -> None:
    """Keep a secret under service and name, in place of one that may be there.

    Raises UsageError when no keyring is safe or none takes secrets, WorldError when it fails, does not answer within
    the deadline, or gives something else back.
    """
    within(deadline, lambda: _store(service, name, secret))
    kept = ask_keyring(service, name, deadline)
    if not hmac.compare_digest(kept.encode(), secret.reveal().encode()):
        raise WorldError(
            f"the keyring took the secret but gives another one back for {service}/{name}",
            hint="look for an older entry of that name in the desktop's password manager",
        )


def remove_secret(service: str, name: str, deadline: timedelta) -> None:
    """Take the secret under service and name out of every store that has it.

    Raises UsageError when none has it, WorldError when a keyring fails or does not answer within the deadline.
    """
    if not within(deadline, lambda: _remove(service, name)):
        raise nothing_under(service, name)


def _store(service: str, name: str, secret: Secret) -> None:
    for backend in safe_backends():
        try:
            backend.set_password(service, name, secret.reveal())
        except NotImplementedError:  # how a backend says that it can only be read
            continue
        return
    raise UsageError("the keyring here can only be read", hint="store the secret with the program that manages it")


def _remove(service: str, name: str) -> int:
    holders = [each for each in safe_backends() if each.get_password(service, name) is not None]
    for backend in holders:
        backend.delete_password(service, name)
    return len(holders)
