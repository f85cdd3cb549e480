"""Paths that a person types, and the folder that is suggested for them: the working directory may have been removed."""

from __future__ import annotations

from pathlib import Path

from strongroom.model.errors import UsageError


def start_folder() -> Path:
    """Return the working directory, or the home where it was removed."""
    try:
        return Path.cwd()
    except OSError:
        return Path.home()


def typed_path(text: str) -> Path:
    """Return the whole path that was typed. Raises UsageError for one that leads nowhere."""
    try:
        return Path(text.strip()).expanduser().absolute()
    except RuntimeError:  # of a person who is not there
        raise UsageError(f"there is no home for {text.strip()!r}", hint="give the whole path") from None
    except OSError:
        words = f"{text.strip()} is relative, and the working directory was removed"
        raise UsageError(words, hint="give the whole path") from None
