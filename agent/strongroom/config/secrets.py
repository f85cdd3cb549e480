"""Secrets by reference only: the configuration says where a secret is, and it is fetched at the moment of use.

No message here ever holds a secret, nor text that could be one: a key pasted where a reference belongs is not repeated,
a command is named without its arguments, and what a failed command or backend printed is dropped.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import NoReturn

from strongroom.config.problem import Unfit, suggest
from strongroom.config.secret_backends import read_command, read_credential, read_env, read_file, read_keyring
from strongroom.model.errors import UsageError

DEADLINE = timedelta(seconds=30)
"""How long a command or a keyring may take to answer."""


class Scheme(StrEnum):
    """Where a secret can be."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"
    CREDENTIAL = "credential"
    COMMAND = "command"


_EXPECTED = "a reference: env:NAME, file:/path, keyring:service/name, credential:NAME or command:program argument…"
_FORMS = {
    Scheme.ENV: (re.compile(r"[A-Z_][A-Z0-9_]{0,254}", re.ASCII), "env:NAME in capital letters, digits and _"),
    Scheme.FILE: (re.compile(r"/[^\0\n\r]{1,4000}"), "file: and an absolute path"),
    Scheme.KEYRING: (re.compile(r"[^/\s][^\n\r]*/[^/\n\r]+"), "keyring:service/name"),
    Scheme.CREDENTIAL: (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}", re.ASCII), "credential:NAME without slashes"),
    Scheme.COMMAND: (re.compile(r"\S[^\0\n\r]*"), "command: and a program with its arguments, quoted as in a shell"),
}


class Secret:
    """A secret in memory. Printing, formatting and logging it show nothing; only reveal() gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself: hand it on at once, never store it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never written down")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is. Its text form names the place, and of a command only the program."""

    scheme: Scheme
    target: str = field(repr=False)  # what follows the scheme; of a command the whole line

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """Read a reference; raise UsageError, not repeating the text, when it is something else."""
        scheme, colon, target = text.partition(":")
        if not colon or scheme not in set(Scheme):
            near = suggest(scheme, list(Scheme)) if colon and len(scheme) <= 12 else ""
            raise Unfit(_EXPECTED, "other text (not shown, as it may be the secret itself)", near)
        form, expected = _FORMS[Scheme(scheme)]
        if not form.fullmatch(target) or (scheme == Scheme.COMMAND and not _splits(target)):
            raise Unfit(expected, f"{scheme}: and something else (not shown, as it may be the secret itself)")
        return cls(Scheme(scheme), target)

    def __str__(self) -> str:
        if self.scheme is not Scheme.COMMAND:
            return f"{self.scheme}:{self.target}"
        program, *arguments = shlex.split(self.target)
        return f"{self.scheme}:{PurePath(program).name}{' …' if arguments else ''}"


def resolve(ref: SecretRef, env: Mapping[str, str] | None = None, deadline: timedelta = DEADLINE) -> Secret:
    """Fetch the secret now. `env` is the environment (the process's own by default).

    Raises UsageError when it is missing, unsafe to believe (others can read or replace it), empty, or holds line breaks
    or unprintable characters; WorldError when a keyring or command fails or takes longer than the deadline.
    """
    return accept(_fetch(ref, os.environ if env is None else env, deadline), ref)


def _fetch(ref: SecretRef, env: Mapping[str, str], deadline: timedelta) -> str:
    match ref.scheme:
        case Scheme.ENV:
            return read_env(ref.target, env)
        case Scheme.FILE:
            return read_file(ref.target)
        case Scheme.CREDENTIAL:
            return read_credential(ref.target, env)
        case Scheme.KEYRING:
            service, _, name = ref.target.rpartition("/")
            return read_keyring(service, name, deadline)
        case Scheme.COMMAND:
            return read_command(shlex.split(ref.target), env, deadline)


def accept(value: str, ref: SecretRef) -> Secret:
    """Take what was found for a reference, or is to be stored for it. Raises UsageError as resolve does."""
    if not value.strip():
        raise UsageError(f"the secret at {ref} is empty", hint="put the secret there, on one line")
    if not value.isprintable():
        raise UsageError(
            f"the secret at {ref} has a line break or an unprintable character",
            hint="store only the secret, on one line",
        )
    return Secret(value)


def _splits(line: str) -> bool:
    try:
        return bool(shlex.split(line)) and bool(shlex.split(line)[0])
    except ValueError:
        return False
