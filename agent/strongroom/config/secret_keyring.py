"""The desktop's keyring, asked with a deadline and only where it really protects what it keeps.

A keyring may wait for ever for a person to unlock it, so it is asked in a thread of its own, which is left behind when
the time is over. Stores that keep secrets as readable files are refused, also as part of a chain of stores.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Generic, TypeVar

import keyring
import keyring.backends.chainer
import keyring.errors
from keyring.backend import KeyringBackend

from strongroom.model.errors import StrongroomError, UsageError, WorldError

T = TypeVar("T")

SERVICE: Final = "strongroom"
"""The service that our secrets are kept under where none is named."""

_ABSENT: Final = ("keyring.backends.fail", "keyring.backends.null")
_READABLE: Final = "keyrings.alt"
_INSTEAD: Final = (
    "on a machine without a desktop keyring use credential:NAME, laid out by systemd, or file:/path with mode 0600"
)


def ask_keyring(service: str, name: str, deadline: timedelta) -> str:
    """Return the password kept under service and name.

    Raises UsageError when no keyring is safe or none has the password, WorldError when it fails or does not answer.
    """
    value = within(deadline, lambda: _first_password(service, name))
    if value is None:
        raise nothing_under(service, name)
    return value


def nothing_under(service: str, name: str) -> UsageError:
    """Return the refusal for a password that is not there."""
    option = "" if service == SERVICE else f" --service {shlex.quote(service)}"
    return UsageError(
        f"the keyring has nothing under {service}/{name}",
        hint=f"store it with: strongroom secret set {shlex.quote(name)}{option}",
    )


def safe_backends() -> list[KeyringBackend]:
    """Return the stores of this machine that protect what they keep, the preferred first; at least one.

    Raises UsageError when there is none. It may ask the desktop, so call it through `within`.
    """
    chosen = keyring.get_keyring()
    members: list[KeyringBackend] = [chosen]
    if isinstance(chosen, keyring.backends.chainer.ChainerBackend):
        members = list(chosen.backends)
    present = [each for each in members if not _comes_from(each, _ABSENT)]
    if not present:
        raise UsageError("no keyring is available here", hint=_INSTEAD)
    safe = [each for each in present if not _comes_from(each, (_READABLE,))]
    if not safe:
        raise UsageError("the only keyring here keeps secrets in readable files (keyrings.alt)", hint=_INSTEAD)
    return safe


def within(deadline: timedelta, work: Callable[[], T]) -> T:
    """Do what asks a keyring, in a thread that is left behind when the deadline is over.

    Raises what the work raises of ours, and WorldError for everything else that a keyring does instead of answering.
    No text of a keyring's own is repeated: it may hold anything.
    """
    answer = _Answer[T]()
    thread = threading.Thread(target=_fill, args=(answer, work), name="keyring", daemon=True)
    thread.start()
    thread.join(deadline.total_seconds())
    if thread.is_alive():
        raise WorldError(
            f"the keyring did not answer within {deadline.total_seconds():g} s", hint=f"unlock it; {_INSTEAD}"
        )
    if answer.error is not None:
        raise answer.error
    return answer.values[0]


class _Answer(Generic[T]):
    def __init__(self) -> None:
        self.values: list[T] = []  # one, when there was no error
        self.error: StrongroomError | None = None


def _fill(answer: _Answer[T], work: Callable[[], T]) -> None:
    try:
        answer.values.append(work())
    except StrongroomError as error:
        answer.error = error
    except keyring.errors.NoKeyringError:
        answer.error = UsageError("no keyring is available here", hint=_INSTEAD)
    except keyring.errors.KeyringLocked:
        answer.error = WorldError("the keyring is locked", hint=f"unlock it; {_INSTEAD}")
    except keyring.errors.InitError:
        answer.error = WorldError("the keyring cannot be opened", hint=f"set it up or unlock it; {_INSTEAD}")
    except Exception as error:  # noqa: BLE001 - backends raise what they like; the text may hold anything, the name not
        answer.error = WorldError(f"the keyring failed ({type(error).__name__})", hint=_INSTEAD)


def _first_password(service: str, name: str) -> str | None:
    for backend in safe_backends():
        value = backend.get_password(service, name)
        if value is not None:
            return value
    return None


def _comes_from(backend: KeyringBackend, modules: tuple[str, ...]) -> bool:
    """Say whether a store, or what it is made from, is defined in one of the modules."""
    return any(kind.__module__.startswith(modules) for kind in type(backend).__mro__)
