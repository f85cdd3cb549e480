"""What leaves the vault never lands in it: a clear key there would outlive the destruction of its archive."""

from __future__ import annotations

from pathlib import Path

from strongroom.model.errors import UsageError
from strongroom.vault.vault import Vault


def require_outside(vault: Vault, target: Path) -> None:
    """Refuse a place inside the vault, by whatever name, link or mount it is reached. Raises UsageError."""
    root, place = vault.layout.root, target.resolve()
    if any(each.exists() and each.samefile(root) for each in (place, *place.parents)):
        raise UsageError(
            f"{target} lies inside the vault, where nothing is kept that was taken out of it",
            hint="name a place outside of the vault",
        )
