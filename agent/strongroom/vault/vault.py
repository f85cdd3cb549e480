"""A vault as one object: its layout, its catalogue for this thread, and the few acts that touch several files."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import IO, Protocol

from strongroom.model.archive import Archive, Holding
from strongroom.model.copies import Part
from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import (
    PUT_FACT,
    Catalogue,
    create_catalogue,
    open_catalogue,
    read_fact,
    require_own_files,
)
from strongroom.vault.connection import require_not_empty
from strongroom.vault.durable import in_words, make_folder, publish, remove, write_new
from strongroom.vault.files import empty_folder, is_there, list_folder, open_file, read_file, require_folders
from strongroom.vault.layout import FORMAT, Layout
from strongroom.vault.log import write_out
from strongroom.vault.manifest import read_manifest, write_manifest


class OtherFiles(Protocol):
    """Where a file of an archive is read when the vault's own is missing or damaged."""

    def fetch(self, archive: Archive, part: Part, sha256: str) -> IO[bytes] | None:
        """Return a file with exactly this SHA-256, which the caller closes; None where there is none."""
        ...


class Vault:
    """An open vault. May be shared between threads: each gets its own connection to the catalogue."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._local = threading.local()
        self._opened: list[Catalogue] = []
        self._guard = threading.Lock()
        self._log: Path | None = None
        self.other_files: OtherFiles | None = None

    @property
    def catalogue(self) -> Catalogue:
        """This thread's connection to the catalogue."""
        catalogue: Catalogue | None = getattr(self._local, "catalogue", None)
        if catalogue is None:
            catalogue = self._local.catalogue = open_catalogue(self.layout.catalogue)
            catalogue.log = self._log
            with self._guard:
                self._opened.append(catalogue)
        return catalogue

    @property
    def read_only(self) -> bool:
        """Say whether this user can only read it."""
        return self.catalogue.read_only

    def refuse_if_older(self) -> None:
        """From now on enter nothing while the log's file has entries that the catalogue lacks."""
        self._log = self.layout.log
        with self._guard:
            for catalogue in self._opened:
                catalogue.log = self._log

    def make_folders(self) -> None:
        """Make the folders that are missing: a copy leaves out those that were empty, or held unfinished work."""
        for folder in self.layout.folders:
            make_folder(folder)

    def write_log(self, now: datetime | None = None) -> None:
        """Bring the log file level with the catalogue; `now` dates the entry about a file that somebody removed."""
        make_folder(self.layout.log.parent)
        write_out(self.catalogue, self.layout.log, now)

    def free_bytes(self) -> int:
        """Return how much the vault's file system has left for us."""
        return shutil.disk_usage(self.layout.root).free

    def publish_archive(self, archive: Archive, witness: Callable[[str], None] = lambda _where: None) -> None:
        """Give the files their names: key, payload, then the manifest that makes it an archive.

        `witness` is called at each place where a crash leaves something different behind.
        """
        layout, name = self.layout, archive.id
        if archive.holding is Holding.QUARANTINED:
            targets = [layout.quarantined(name, suffix) for suffix in (".key.age", ".age", ".json")]
        else:
            targets = [layout.key(name), layout.archive(name), layout.manifest(name)]
        publish(layout.temporary(name, ".key.age"), targets[0])
        witness("published key")
        publish(layout.temporary(name, ".age"), targets[1])
        witness("published payload")
        write_new(targets[2], layout.temporary(name, ".json"), write_manifest(archive))

    def published_archive(self, archive_id: str) -> Archive | None:
        """Return an archive whose files are complete, whether or not the catalogue knows it."""
        for path in (self.layout.manifest(archive_id), self.layout.quarantined(archive_id, ".json")):
            if is_there(path):
                try:
                    return read_manifest(read_file(path))
                except OSError as error:
                    raise in_words(error, "read") from error
        return None

    def discard_unfinished(self, archive_id: str) -> None:
        """Remove what an interrupted ingest left under an id that has no manifest."""
        layout = self.layout
        if self.published_archive(archive_id) is not None:
            raise VaultError(f"archive {archive_id} is complete and is not to be discarded")
        for path in (layout.archive(archive_id), layout.key(archive_id)):
            remove(path)
        for suffix in (".key.age", ".age", ".json"):
            remove(layout.quarantined(archive_id, suffix))
            remove(layout.temporary(archive_id, suffix))

    def empty_tmp(self) -> None:
        """Throw away unfinished work; only while holding the vault's lock."""
        try:
            empty_folder(self.layout.tmp)
        except OSError as error:
            raise in_words(error) from error

    def payload_path(self, archive: Archive) -> Path:
        """Return where the sealed payload lies."""
        if archive.holding is Holding.QUARANTINED:
            return self.layout.quarantined(archive.id, ".age")
        return self.layout.archive(archive.id)

    def open_payload(self, archive: Archive) -> FileIO:
        """Open the sealed payload for reading. Raises OSError, also for a link or a pipe in its place."""
        return open_file(self.payload_path(archive))

    def key_path(self, archive: Archive) -> Path:
        """Return where the sealed key file lies."""
        if archive.holding is Holding.QUARANTINED:
            return self.layout.quarantined(archive.id, ".key.age")
        return self.layout.key(archive.id)

    def key_sha256(self, archive: Archive) -> str:
        """Return the SHA-256 of an archive's sealed key file, read from the disk."""
        return hashlib.sha256(read_file(self.key_path(archive))).hexdigest()

    def close(self) -> None:
        """Close every connection that was opened through this object."""
        with self._guard:
            for catalogue in self._opened:
                catalogue.close()
            self._opened.clear()


def require_sound_places(layout: Layout) -> None:
    """Raise VaultError where a folder of the vault, or a file of its catalogue, is a link or something else.

    Nothing is opened then: what is behind such a name is not the vault's, and SQLite would follow it.
    """
    require_folders([*layout.folders, layout.certificates])
    require_own_files(layout.catalogue)


def open_vault(root: Path) -> Vault:
    """Open an existing vault."""
    layout = Layout(root)
    require_sound_places(layout)
    if not is_there(layout.catalogue):
        begun = any(list_folder(layout.root))
        if begun:
            raise VaultError(f"there is no catalogue in {root}", hint=f"see: strongroom recover --vault {root}")
        raise VaultError(f"there is no vault at {root}", hint="run: strongroom init, or check [vault] path")
    require_not_empty(layout.catalogue)
    vault = Vault(layout)
    try:
        number = read_fact(vault.catalogue, "format", int)
    except BaseException:
        vault.close()
        raise
    if number is None or number > FORMAT:
        vault.close()
        known = f"this program knows up to {FORMAT}"
        raise VaultError(
            f"the vault at {root} has format {'unknown' if number is None else number}, {known}",
            hint="install a newer strongroom" if number is not None else f"see: strongroom recover --vault {root}",
        )
    return vault


def create_vault(root: Path, readme: str) -> Vault:
    """Make an empty vault. The folder must not exist, or be empty."""
    layout = Layout(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        hint = f"choose another folder; after an interrupted init: strongroom recover --vault {root}"
        raise VaultError(f"{root} is not an empty folder", hint=hint)
    layout.root.parent.mkdir(parents=True, exist_ok=True)
    make_folder(layout.root)
    layout.root.chmod(0o700)
    for folder in layout.folders:
        make_folder(folder)
    create_catalogue(layout.catalogue).close()
    write_new(layout.readme, layout.tmp / "README.txt", readme.encode())
    vault = Vault(layout)
    with vault.catalogue.transaction():
        vault.catalogue.write(PUT_FACT, "format", str(FORMAT))
    return vault
