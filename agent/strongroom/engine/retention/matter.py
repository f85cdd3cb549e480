"""What belongs to a matter: the archives that its standing holds catch, and what the log says of those holds."""

from __future__ import annotations

from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError
from strongroom.model.hold import catches
from strongroom.model.naming import fold_name, nearest_words
from strongroom.vault.archives import get_archive
from strongroom.vault.checkpoints import LoggedLine, entries_matching
from strongroom.vault.holds import holds, holds_on
from strongroom.vault.retained import records
from strongroom.vault.vault import Vault


def archives_under(vault: Vault, matter: str) -> list[Archive]:
    """Return what the standing holds of a matter keep, oldest first. Raises UsageError where there is none."""
    known = holds(vault.catalogue)
    standing = [hold for hold in known if fold_name(hold.matter) == fold_name(matter)]
    if not standing:
        raise UsageError(
            f"no hold stands for the matter {matter!r}", hint=nearest_words(matter, (hold.matter for hold in known))
        )
    caught = [
        record.id
        for record in records(vault.catalogue)
        if not record.destroyed and any(catches(hold, record) for hold in standing)
    ]
    return [archive for each in caught if (archive := get_archive(vault.catalogue, each)) is not None]


def hold_entries(vault: Vault) -> dict[str, list[LoggedLine]]:
    """Return the entries about each hold, by its id."""
    found: dict[str, list[LoggedLine]] = {}
    for entry in entries_matching(vault.catalogue, kind="hold"):
        found.setdefault(str(entry.body["facts"].get("hold", "")), []).append(entry)
    return found


def export_entries(vault: Vault) -> dict[str, list[LoggedLine]]:
    """Return the entries that tell of an archive's key being given out, by the archive's id."""
    found: dict[str, list[LoggedLine]] = {}
    for entry in entries_matching(vault.catalogue, kind="keys"):
        for archive in entry.body["facts"].get("archives", []):
            found.setdefault(archive, []).append(entry)
    return found


def holds_over(vault: Vault, archive: Archive) -> list[str]:
    """Return the ids of the holds that keep an archive now."""
    return [hold.id for hold in holds_on(vault.catalogue, archive)]
