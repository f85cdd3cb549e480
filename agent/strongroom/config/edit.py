"""Changing the recipients in a configuration file that a person wrote: comments, order and everything else stay.

The changed text is read again as a configuration before it takes the place of the old one, and everything but the
recipients must be what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, Table

from strongroom.config.rewrite import by_hand, read_toml, rewrite
from strongroom.model.errors import UsageError


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
