"""The places that secrets come from, each with what makes it safe to believe.

Every function returns the text as found, less one line break at its end, and raises UsageError where a person must mend
something and WorldError where the machine failed. Messages name the place only.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from strongroom.model.errors import UsageError, WorldError

_LONGEST = 65_536  # bytes; a longer file is not a secret
_MOST_LINKS = 16


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
