"""A vault with a copy in a folder, for the tests of copies."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kit.destruction import START, House, make_house
from strongroom.config.copies import CopySettings
from strongroom.config.schema import Config, VaultSettings
from strongroom.copies.folder import FolderStore
from strongroom.copies.s3_client import connect
from strongroom.engine.copies.copying import CopyContext, CopyReport, update_copy
from strongroom.engine.copies.removal import CopyRemoval, remove_from_copies
from strongroom.engine.copies.targets import CopyTarget, open_target
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive, Tombstone
from strongroom.model.entry_kind import EntryKind
from strongroom.vault.log import add_entry


@dataclass
class CopiedHouse:
    """A vault and the configuration of its copies."""

    house: House
    config: Config
    crash_point: Callable[[str], None] = lambda _where: None
    marks: list[str] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.house.now

    def context(self, **changes: Any) -> CopyContext:
        settled = {"crash_point": self.crash_point, "random_bytes": os.urandom}
        return CopyContext(self.house.vault, lambda: self.house.now, **{**settled, **changes})

    def target(self, name: str = "disk") -> CopyTarget:
        settings = next(each for each in self.config.copies if each.name == name)
        return open_target(settings, self.house.vault)

    def copy(self, name: str = "disk", **changes: Any) -> CopyReport:
        return update_copy(self.context(**changes), self.target(name))

    def root(self, name: str = "disk") -> Path:
        store = self.target(name).store
        assert isinstance(store, FolderStore)
        return store.root

    def names(self, name: str = "disk", prefix: str = "") -> list[str]:
        return [each.name for each in self.target(name).store.list(prefix)]

    def replace_object(self, name: str, data: bytes | None, copy: str = "disk") -> None:
        """Put other bytes in an object's place, or remove it, as anything else than the program would."""
        settings, store = self.target(copy).settings.s3, self.target(copy).store
        if settings is None:
            path = self.root(copy) / name
            path.unlink(missing_ok=True)
            if data is not None:
                path.write_bytes(data)
            return
        client, key = connect(settings), f"{store.place.removeprefix(f's3://{settings.bucket}/')}/{name}"
        if data is None:
            client.delete_object(Bucket=settings.bucket, Key=key)
        else:
            client.put_object(Bucket=settings.bucket, Key=key, Body=data)

    def remove(self, tombstone: Tombstone) -> CopyRemoval:
        return remove_from_copies(self.config, self.house.vault, tombstone, lambda: self.house.now, self.crash_point)

    def files(self, name: str = "disk") -> Iterator[Path]:
        return (path for path in self.root(name).rglob("*") if path.is_file())


def make_copied_house(folder: Path, *names: str, copies: tuple[CopySettings, ...] = ()) -> CopiedHouse:
    """Make an empty vault, as `init` does, with a copy in a folder of each name, or with these copies."""
    house = make_house(folder)
    with house.vault.catalogue.transaction():
        add_entry(
            house.vault.catalogue,
            Entry(EntryKind.VAULT_CREATED, START, facts={"recipients": [str(house.master.recipient)]}),
        )
    house.vault.write_log()
    settings = list(copies)
    for name in names or (() if copies else ("disk",)):
        (folder / name).mkdir()
        settings.append(CopySettings(name, folder / name))
    vault = VaultSettings(house.vault.layout.root, (str(house.master.recipient),))
    return CopiedHouse(house, Config(folder / "strongroom.toml", vault, copies=tuple(settings)))


def reseal(house: House, archive: Archive) -> None:
    """Record the key file that is there as the archive's newest one, as a rotation does."""
    facts = {"was": "0" * 64, "key_sha256": house.vault.key_sha256(archive), "recipients": ["age1example"]}
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("UPDATE archives SET key_sha256 = ? WHERE id = ?", facts["key_sha256"], archive.id)
        add_entry(house.vault.catalogue, Entry(EntryKind.KEY_RESEALED, house.now, archive=archive.id, facts=facts))
    house.vault.write_log()
