"""The store that a configuration names: a folder, or a bucket."""

from __future__ import annotations

from pathlib import Path

from strongroom.config.copies import CopySettings
from strongroom.copies.folder import FolderStore, list_prefixes
from strongroom.copies.port import CopyStore
from strongroom.copies.s3 import S3Store, list_vaults


def open_store(settings: CopySettings, vault: str) -> CopyStore:
    """Return the store for the vault of this name; nothing is looked up yet."""
    return S3Store(settings.s3, vault) if settings.s3 else FolderStore(settings.path or Path(), vault)


def vaults_in(settings: CopySettings) -> list[str]:
    """Return the names that may be those of vaults with a copy there. Raises CopyAway, OSError."""
    return list_vaults(settings.s3) if settings.s3 else list_prefixes(settings.path or Path())
