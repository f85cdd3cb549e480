"""Changing a configuration file that a person wrote: it is the old one or the new one at any instant.

The changed text is read as a configuration before it takes the place of the old one, and nothing is written over what
somebody else wrote meanwhile. Where the file may not be written, a person is told the lines to write by hand.

Changing the recipients in a configuration file that a person wrote: comments, order and everything else stay.

The changed text is read again as a configuration before it takes the place of the old one, and everything but the
recipients must be what it was.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, Table

from strongroom.config.load import parse_config
from strongroom.config.schema import Config
from strongroom.model.errors import UsageError, WorldError

Change = Callable[[str], str]
"""Makes the new text of the old one. Raises UsageError where it cannot."""


def by_hand(lines: str) -> UsageError:
    """Return the refusal that tells a person what to write."""
    return UsageError(
        "the configuration cannot be changed from here",
        hint="add these lines to it; the vault notices the change:\n" + lines,
    )


def try_change(path: Path, change: Change, lines: str) -> Config:
    """Return what the configuration would be, and write nothing.

    Raises ConfigRefused with every mistake that the change would bring, and UsageError where the file cannot be read.
    """
    text, _old = _read(path.resolve(), lines)
    return parse_config(path, change(text))


def rewrite(path: Path, change: Change, lines: str, accept: Callable[[Config], bool] = lambda _config: True) -> Config:
    """Change the file and return what it says now; `lines` are what a person would write by hand.

    `accept` looks at the new configuration before it is written. Raises ConfigRefused where the loader refuses it,
    UsageError with the lines where the file cannot be written or understood, WorldError where the disk fails.
    """
    place = path.resolve()
    text, old = _read(place, lines)
    changed = change(text)
    config = parse_config(path, changed)
    if not accept(config):
        raise by_hand(lines)
    temporary = place.with_name(f".{place.name[:40]}.{os.getpid()}.new")
    try:
        _write(temporary, changed.encode(), _stat(place, lines), lines)
        if place.read_bytes() != old:
            raise UsageError(
                f"{path} was changed by another program in the meantime", hint="check the file, then try again"
            )
        _take_place(temporary, place, lines)
    finally:
        temporary.unlink(missing_ok=True)
    return config


def read_toml(text: str) -> dict[str, Any]:
    """Return what the text says, or nothing where it is no TOML."""
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}


def _read(place: Path, lines: str) -> tuple[str, bytes]:
    try:
        old = place.read_bytes()
        return old.decode("utf-8"), old
    except (OSError, UnicodeDecodeError) as error:
        raise by_hand(lines) from error


def _stat(place: Path, lines: str) -> os.stat_result:
    try:
        return place.stat()
    except OSError as error:
        raise by_hand(lines) from error


def _write(path: Path, data: bytes, like: os.stat_result, lines: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise by_hand(lines) from error
    with os.fdopen(fd, "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fchmod(fd, like.st_mode & 0o7777)
            if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, like.st_uid, like.st_gid)
            os.fsync(fd)
        except PermissionError as error:  # the file belongs to somebody else, and would to us afterwards
            raise by_hand(lines) from error
        except OSError as error:
            raise WorldError(f"cannot write the configuration: {error.strerror}", hint="nothing was changed") from error


def _take_place(temporary: Path, place: Path, lines: str) -> None:
    try:
        temporary.replace(place)
    except OSError as error:  # a file that is mounted by itself, for one
        raise by_hand(lines) from error
    fd = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_recipients(text: str, recipients: Sequence[str], label: str = "") -> str:
    """Return the text with these recipients in [vault]; `label` becomes the comment of one that is new.

    Raises UsageError when anything else would change with it.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise _by_hand(recipients) from error
    vault = document.get("vault")
    array = vault.get("recipients") if isinstance(vault, Table) else None
    if not isinstance(array, Array):
        raise _by_hand(recipients)
    _fit(array, recipients, " ".join(label.split()))
    changed = tomlkit.dumps(document)
    if read_toml(changed) != _with(read_toml(text), recipients):
        raise _by_hand(recipients)
    return changed


def lines_to_write(recipients: Sequence[str]) -> str:
    """Return what [vault] must say, for a person who writes it by hand."""
    return "\n".join(["[vault]", "recipients = [", *(f'  "{key}",' for key in recipients), "]"])


def rewrite_recipients(path: Path, recipients: Sequence[str], label: str = "") -> None:
    """Change the recipients in a configuration file; it is the old one or the new one at any instant.

    Raises UsageError with the lines to write by hand where the file cannot be written or understood.
    """
    rewrite(
        path,
        lambda text: replace_recipients(text, recipients, label),
        lines_to_write(recipients),
        lambda config: config.vault.recipients == tuple(recipients),
    )


def _fit(array: Array, recipients: Sequence[str], label: str) -> None:
    for place in reversed(range(len(array))):
        if array[place] not in recipients:
            del array[place]
    present = set(array)
    for key in recipients:
        if key not in present and label:
            array.add_line(key, comment=label, indent="  ")
        elif key not in present and array.as_string().count("\n"):
            array.add_line(key, indent="  ")
        elif key not in present:
            array.append(key)


def _with(data: dict[str, Any], recipients: Sequence[str]) -> dict[str, Any]:
    return {**data, "vault": {**data["vault"], "recipients": list(recipients)}}


def _by_hand(recipients: Sequence[str]) -> UsageError:
    return by_hand(lines_to_write(recipients))
