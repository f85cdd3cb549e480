"""The command that opens an archive with nothing of ours: the stock age tool, in bash."""

from __future__ import annotations

import shlex
from pathlib import Path

from strongroom.cli.terminal import clean
from strongroom.model.archive import Seal
from strongroom.model.contentcoding import undo_command


def age_command(
    identity: Path | None, key: Path, payload: Path, delivered_name: str = "", seal: Seal | None = None
) -> str:
    """Return a line for bash that writes the delivered file, to a file where a name is given.

    The inner age opens the archive's own key with the person's identity, and is asked for a passphrase where the
    identity has one; the outer opens the archive with that key, which is never written down. What was compressed before
    sealing goes through the stock zstd tool, what came coded through
    gunzip or Python.
    """
    holder = shlex.quote(clean(str(identity))) if identity else "IDENTITY"
    line = f"age -d -i <(age -d -i {holder} {shlex.quote(str(key))}) {shlex.quote(str(payload))}"
    line += " | zstd -d" if seal and seal.coding else ""
    line += undo_command(seal.delivered_coding) if seal else ""
    return f"{line} > {shlex.quote(clean(delivered_name))}" if delivered_name else line
