"""The desktop's keyring, asked with a deadline and only where it really protects what it keeps.

A keyring may wait for ever for a person to unlock it, so it is asked in a thread of its own, which is left behind when
the time is over. Stores that keep secrets as readable files are refused, also as part of a chain of stores.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Final

import keyring
import keyring.backends.chainer
import keyring.errors
from keyring.backend import KeyringBackend

from strongroom.model.errors import StrongroomError, UsageError, WorldError

_ABSENT: Final = ("keyring.backends.fail", "keyring.backends.null")
_READABLE: Final = "keyrings.alt"
_INSTEAD: Final = "use file:, credential: or command: on a machine without a desktop keyring"


class _Answer:
    value: str | None = None
    error: StrongroomError | None = None


def ask_keyring(service: str, name: str, deadline: timedelta) -> str:
    """Return the password kept under service and name.

    Raises UsageError when no keyring is safe or none has the password, WorldError when it fails or does not answer.
    """
    answer = _Answer()
    thread = threading.Thread(target=_ask, args=(service, name, answer), name="keyring", daemon=True)
    thread.start()
    thread.join(deadline.total_seconds())
    if thread.is_alive():
        raise WorldError(
            f"the keyring did not answer within {deadline.total_seconds():g} s",
            hint="unlock it; " + _INSTEAD,
        )
    if answer.error is not None:
        raise answer.error
    if answer.value is None:
        raise UsageError(
            f"the keyring has nothing under {service}/{name}", hint=f"store it with: keyring set {service} {name}"
        )
    return answer.value


def _ask(service: str, name: str, answer: _Answer) -> None:
    try:
        for backend in _safe_backends():
            answer.value = backend.get_password(service, name)
            if answer.value is not None:
                return
    except StrongroomError as error:
        answer.error = error
    except keyring.errors.KeyringLocked:
        answer.error = WorldError("the keyring is locked", hint="unlock it; " + _INSTEAD)
    except Exception as error:  # noqa: BLE001 - backends raise what they like; the text may hold anything, the name not
        answer.error = WorldError(f"the keyring failed ({type(error).__name__})", hint=_INSTEAD)


def _safe_backends() -> list[KeyringBackend]:
    chosen = keyring.get_keyring()
    members: list[KeyringBackend] = [chosen]
    if isinstance(chosen, keyring.backends.chainer.ChainerBackend):
        members = list(chosen.backends)
    present = [each for each in members if not type(each).__module__.startswith(_ABSENT)]
    if not present:
        raise UsageError("no keyring is available here", hint=_INSTEAD)
    safe = [each for each in present if not type(each).__module__.startswith(_READABLE)]
    if not safe:
        raise UsageError("the only keyring here keeps secrets in readable files (keyrings.alt)", hint=_INSTEAD)
    return safe
