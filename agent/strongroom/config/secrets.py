"""Secrets by reference only: the configuration says where a secret is, and it is fetched at the moment of use.

No message here ever holds a secret, nor text that could be one: a key pasted where a reference belongs is not repeated,
a command is named without its arguments, and what a failed command or backend printed is dropped. A reader returns the
text as found, less one line break at its end; it raises UsageError where a person must fix something, and WorldError
where the machine failed.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path, PurePath
from typing import BinaryIO, NoReturn

from strongroom.config.problem import Unfit, suggest
from strongroom.model.errors import UsageError, WorldError

_LONGEST = 65_536  # bytes; a longer file is not a secret
_MOST_LINKS = 16

DEADLINE = timedelta(seconds=30)
"""How long a command or a keyring may take to answer."""


class Scheme(StrEnum):
    """Where a secret can be."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"
    CREDENTIAL = "credential"
    COMMAND = "command"


REFERENCE = "a reference: env:NAME, file:/path, keyring:service/name, credential:NAME or command:program argument…"
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
            raise Unfit(REFERENCE, "other text (not shown, as it may be the secret itself)", near)
        form, expected = _FORMS[Scheme(scheme)]
        if not form.fullmatch(target) or (scheme == Scheme.COMMAND and not _splits(target)):
            raise Unfit(expected, f"{scheme}: and something else (not shown, as it may be the secret itself)")
        return cls(Scheme(scheme), target)

    def __str__(self) -> str:
        if self.scheme is not Scheme.COMMAND:
            return f"{self.scheme}:{self.target}"
        program, *arguments = shlex.split(self.target)
        return f"{self.scheme}:{PurePath(program).name}{' …' if arguments else ''}"


NO_SECRET = SecretRef(Scheme.ENV, "NONE")
"""Stands in for a wrong reference until the file is refused."""


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


def read_env(name: str, env: Mapping[str, str]) -> str:
    """Read an environment variable."""
    if name not in env:
        raise UsageError(
            f"the environment variable {name} is not set",
            hint="set it, or use a file:, keyring: or credential: reference",
        )
    return env[name]


def read_file(path: str) -> str:
    """Read a file that only its owner, us or root, can read and that no one else could have put there."""
    real = _follow(Path(path))
    with _open_regular(real, f"the secret file {path}") as file:
        found = os.fstat(file.fileno())
        if found.st_uid not in (os.geteuid(), 0):
            raise UsageError(
                f"the secret file {path} belongs to user {found.st_uid}, expected user {os.geteuid()} or root",
                hint=f"chown {os.geteuid()} {path}",
            )
        if found.st_mode & 0o077:
            raise UsageError(
                f"the secret file {path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}, expected 0600)",
                hint=f"chmod 600 {path}",
            )
        return _text(file.read(_LONGEST + 1), f"the secret file {path}")


def read_credential(name: str, env: Mapping[str, str]) -> str:
    """Read a credential that the service manager has laid out; its own folder protects it, whatever its mode says."""
    folder = env.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise UsageError(
            f"the credential {name} is missing: CREDENTIALS_DIRECTORY is not set",
            hint=f"run under systemd with LoadCredential={name}:/path, or use a file: reference",
        )
    with _open_regular(Path(folder) / name, f"the credential {name}") as file:
        return _text(file.read(_LONGEST + 1), f"the credential {name}")


def read_command(argv: Sequence[str], env: Mapping[str, str], deadline: timedelta) -> str:
    """Run a program without a shell and without input; its first line of output is the secret."""
    import subprocess  # only this one place needs it, and every start of the program would pay for it

    program = Path(argv[0]).name
    try:
        done = subprocess.run(
            argv,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=deadline.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise WorldError(
            f"the secret command {program} took longer than {deadline.total_seconds():g} s and was stopped",
            hint="run it by hand: it may be waiting for input",
        ) from None
    except OSError as error:
        raise UsageError(f"the secret command {program} cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise WorldError(
            f"the secret command {program} ended with status {done.returncode}", hint="run it by hand to see why"
        )
    return _text(done.stdout.split(b"\n", 1)[0][: _LONGEST + 1], f"the answer of the secret command {program}")


def read_stream(stream: BinaryIO, place: str) -> str:
    """Read what a pipe brings, to its end. `place` is what messages call it."""
    return _text(stream.read(_LONGEST + 1), place)


def read_keyring(service: str, name: str, deadline: timedelta) -> str:
    """Ask the desktop's keyring. It is loaded only here: it is slow to import and useless to a service."""
    from strongroom.config.secret_keyring import ask_keyring

    return ask_keyring(service, name, deadline)


def _follow(path: Path) -> Path:
    """Return the file that a path leads to; refuse a link that others could have laid or could turn elsewhere."""
    for hop in range(_MOST_LINKS):
        try:
            folder = path.parent.resolve(strict=True)
            is_link = (folder / path.name).is_symlink()
        except (OSError, RuntimeError):
            raise UsageError(f"the secret file {path} cannot be reached", hint="check that the path exists") from None
        if hop or is_link:
            _require_closed(folder)
        path = folder / path.name
        if not is_link:
            return path
        path = folder / path.readlink()
    raise UsageError(f"the secret file {path} is behind too many links")


def _require_closed(folder: Path) -> None:
    for place in (folder, *folder.parents):
        found = place.stat()
        others_write = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
        if others_write or found.st_uid not in (os.geteuid(), 0):
            raise UsageError(
                f"the secret file is a link through {place}, which others can change",
                hint="name the file itself, or move it to a folder that only you can write",
            )


def _open_regular(path: Path, place: str) -> BinaryIO:
    """Open a regular file; a link is not followed and a pipe not waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{place} cannot be opened: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UsageError(f"{place} is not a regular file")
    return os.fdopen(handle, "rb")


def _text(content: bytes, place: str) -> str:
    if len(content) > _LONGEST:
        raise UsageError(f"{place} is longer than {_LONGEST} bytes: that is too long for a secret")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{place} is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")
