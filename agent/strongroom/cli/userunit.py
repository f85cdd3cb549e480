"""The unit for a user's own systemd: its text for this installation and this configuration, and the file it goes into.

A file that is there already is a person's: it is left alone unless it is exactly what would be written, or unless that
person says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.model.errors import UsageError, WorldError

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.config.secrets import SecretRef

NAME = "strongroom.service"


def unit_path(env: Mapping[str, str], home: Path) -> Path:
    """Return where systemd looks for a user's own units."""
    named = Path(env.get("XDG_CONFIG_HOME", ""))
    return (named if named.is_absolute() else home / ".config") / "systemd" / "user" / NAME


def program() -> list[str]:
    """Return the command line of this installation: its script, or the interpreter where it has none."""
    script = Path(sys.executable).with_name("strongroom")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "strongroom"]


def render_unit(command: Sequence[str], config: Path) -> str:
    """Return the unit's text. Raises UsageError for a path that no unit file can hold."""
    text = (files("strongroom.cli") / "user.service").read_text()
    first, *rest = (_quote(word) for word in command)
    executable = " ".join([first.replace("$$", "$"), *rest])  # variables are expanded in arguments alone
    return text.replace("@EXEC@", executable).replace("@CONFIG@", _quote(str(config)))


def place_unit(path: Path, text: str, *, force: bool) -> bool:
    """Write the unit; say whether anything had to be written. Raises UsageError where another one is there."""
    try:
        if path.exists() and path.read_text(errors="replace") == text:
            return False
        if path.exists() and not force:
            raise UsageError(
                f"{path} is there already and is not what would be written",
                hint="keep your changes in a drop-in (systemctl --user edit strongroom) and add --force",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name[:40]}.{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        raise WorldError(f"{path} cannot be written: {error.strerror}") from None
    return True


def cautions(config: Config) -> Iterator[str]:
    """Say what the configuration needs that a unit does not have by itself."""
    ping = (config.notify.ping.url,) if config.notify.ping else ()
    for ref in dict.fromkeys([*(source.api_key for source in config.sources), *config.notify.urls, *ping]):
        if words := _caution(ref):
            yield words


def _caution(ref: SecretRef) -> str:
    if ref.scheme == "env":
        return f"{ref} is not set for a service: use file: or keyring: instead"
    if ref.scheme == "credential":
        return f"{ref} needs a line LoadCredential={ref.target}:/path (systemctl --user edit strongroom)"
    return ""


def _quote(word: str) -> str:
    """Quote one word of a command line as systemd.service(5) reads it, so that nothing in it is expanded."""
    if not word.isprintable():
        raise UsageError("a path with line breaks or control characters cannot stand in a unit file")
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if set(plain) & set(" '\"\\;") else plain
