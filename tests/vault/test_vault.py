from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from kit.vault_objects import id_number, make_archive, make_job
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import VaultError, WorldError
from strongroom.vault.catalogue import PUT_FACT
from strongroom.vault.layout import FORMAT, Layout, id_of
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault, create_vault, open_vault

HELD = make_archive(make_job())
QUARANTINED = make_archive(make_job(), holding=Holding.QUARANTINED)
BOTH = pytest.mark.parametrize("archive", [HELD, QUARANTINED], ids=["held", "quarantined"])


def seal(vault: Vault, archive: Archive) -> None:
    """Put a sealed pair into tmp, as a sealing worker leaves it."""
    vault.layout.temporary(archive.id, ".key.age").write_bytes(b"key")
    vault.layout.temporary(archive.id, ".age").write_bytes(b"payload")


def files(vault: Vault) -> set[str]:
    found = (path for path in vault.layout.root.rglob("*") if path.is_file())
    names = {str(path.relative_to(vault.layout.root)) for path in found}
    return {name for name in names if not name.startswith("catalogue") and name != "README.txt"}


def manifest_path(vault: Vault, archive: Archive) -> Path:
    if archive.holding is Holding.HELD:
        return vault.layout.manifest(archive.id)
    return vault.layout.quarantined(archive.id, ".json")


def test_a_new_vault_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_vault(tmp_path / "deep" / "vault", "how to open it\n").close()
    finally:
        os.umask(before)
    root = tmp_path / "deep" / "vault"
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [root, *root.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert (root / "README.txt").read_text() == "how to open it\n"
    assert list((root / "tmp").iterdir()) == []


def test_an_empty_folder_becomes_private_and_a_vault(tmp_path: Path) -> None:
    root = tmp_path / "vault"
    root.mkdir(mode=0o755)
    create_vault(root, "").close()
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    opened = open_vault(root)
    assert opened.free_bytes() > 0
    opened.close()


@pytest.mark.parametrize("kind", ["file inside", "hidden file inside", "vault", "file"])
def test_a_vault_is_never_made_over_something(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "vault"
    if kind == "vault":
        create_vault(root, "").close()
    elif kind == "file":
        root.write_bytes(b"mine")
    else:
        root.mkdir()
        (root / (".kept" if kind.startswith("hidden") else "kept")).touch()
    before = sorted(root.rglob("*"))
    with pytest.raises(VaultError, match="is not an empty folder"):
        create_vault(root, "")
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("there", ["nothing", "folder"])
def test_a_vault_that_is_not_there_is_not_opened(tmp_path: Path, there: str) -> None:
    if there == "folder":
        (tmp_path / "vault").mkdir()
    with pytest.raises(VaultError, match="there is no vault at") as told:
        open_vault(tmp_path / "vault")
    assert "strongroom init" in told.value.hint


@pytest.mark.parametrize("written", [str(FORMAT + 1), None])
def test_a_format_that_is_newer_or_unknown_is_refused(tmp_path: Path, written: str | None) -> None:
    made = create_vault(tmp_path / "vault", "")
    with made.catalogue.transaction():
        made.catalogue.write("DELETE FROM vault")
        if written:
            made.catalogue.write(PUT_FACT, "format", written)
    made.close()
    with pytest.raises(VaultError, match=f"has format {written or 'unknown'}, this program knows up to {FORMAT}"):
        open_vault(tmp_path / "vault")


def test_each_thread_has_its_own_connection_and_all_are_closed(vault: Vault) -> None:
    seen = [vault.catalogue]
    thread = threading.Thread(target=lambda: seen.append(vault.catalogue))
    thread.start()
    thread.join()
    assert seen[0] is vault.catalogue
    assert seen[0] is not seen[1]


@BOTH
def test_publishing_names_key_payload_and_manifest_in_this_order(
    vault: Vault, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str] = []
    link = os.link

    def seen(source: str, target: str, **folders: Any) -> None:
        link(source, target, **folders)
        named.append("".join(Path(target).suffixes))

    monkeypatch.setattr(os, "link", seen)
    seal(vault, archive)
    vault.publish_archive(archive)
    assert named == [".key.age", ".age", ".json"]
    assert vault.key_path(archive).read_bytes() == b"key"
    assert vault.payload_path(archive).read_bytes() == b"payload"
    assert manifest_path(vault, archive).read_bytes() == write_manifest(archive)
    assert vault.published_archive(archive.id) == archive
    folders = {"quarantine"} if archive.holding is Holding.QUARANTINED else {"keys", "archives", "manifests"}
    assert {name.split("/")[0] for name in files(vault)} == folders
    assert len(files(vault)) == 3


@BOTH
@pytest.mark.parametrize("step", [1, 2, 3])
def test_publishing_that_stops_anywhere_is_no_archive_and_can_be_discarded(
    vault: Vault, archive: Archive, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, count = os.link, [0]

    def stop(source: str, target: str, **folders: Any) -> None:
        count[0] += 1
        if count[0] == step:
            raise KeyboardInterrupt
        link(source, target, **folders)

    monkeypatch.setattr(os, "link", stop)
    seal(vault, archive)
    with pytest.raises(KeyboardInterrupt):
        vault.publish_archive(archive)
    monkeypatch.undo()
    assert vault.published_archive(archive.id) is None
    assert files(vault)
    vault.discard_unfinished(archive.id)
    assert files(vault) == set()
    vault.discard_unfinished(archive.id)
    seal(vault, archive)
    vault.publish_archive(archive)
    assert vault.published_archive(archive.id) == archive


@BOTH
@pytest.mark.parametrize("step", range(1, 12))
def test_publishing_over_a_failing_disk_leaves_a_whole_archive_or_none(
    vault: Vault, archive: Archive, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync, count = os.fsync, [0]

    def fail(fd: int) -> None:
        count[0] += 1
        if count[0] == step:
            raise OSError(5, "Input/output error")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", fail)
    seal(vault, archive)
    try:
        vault.publish_archive(archive)
    except WorldError:
        assert vault.published_archive(archive.id) is None
        monkeypatch.undo()
        vault.discard_unfinished(archive.id)
        assert files(vault) == set()
    else:
        assert count[0] < step
        assert len(files(vault)) == 3


@BOTH
def test_a_complete_archive_is_never_discarded(vault: Vault, archive: Archive) -> None:
    seal(vault, archive)
    vault.publish_archive(archive)
    before = files(vault)
    with pytest.raises(VaultError, match="is complete and is not to be discarded"):
        vault.discard_unfinished(archive.id)
    assert files(vault) == before


@BOTH
def test_an_archive_with_an_unreadable_manifest_is_never_discarded(vault: Vault, archive: Archive) -> None:
    seal(vault, archive)
    vault.publish_archive(archive)
    manifest_path(vault, archive).write_bytes(b"")
    before = files(vault)
    with pytest.raises(VaultError, match="a manifest cannot be read"):
        vault.discard_unfinished(archive.id)
    assert files(vault) == before


@BOTH
def test_an_archive_is_published_once(vault: Vault, archive: Archive) -> None:
    seal(vault, archive)
    vault.publish_archive(archive)
    vault.layout.temporary(archive.id, ".key.age").write_bytes(b"another key")
    vault.layout.temporary(archive.id, ".age").write_bytes(b"another payload")
    with pytest.raises(VaultError, match="is never overwritten"):
        vault.publish_archive(archive)
    assert vault.key_path(archive).read_bytes() == b"key"
    assert vault.payload_path(archive).read_bytes() == b"payload"


def test_discarding_one_leaves_the_others(vault: Vault) -> None:
    other = make_archive(make_job(2), 2)
    seal(vault, other)
    vault.publish_archive(other)
    seal(vault, HELD)
    before = files(vault)
    vault.discard_unfinished(HELD.id)
    assert files(vault) == {name for name in before if HELD.id not in name}
    assert vault.published_archive(other.id) == other


def test_tmp_is_emptied_and_nothing_else(vault: Vault) -> None:
    seal(vault, HELD)
    vault.publish_archive(HELD)
    before = files(vault)
    seal(vault, make_archive(make_job(2), 2))
    (vault.layout.tmp / "link").symlink_to(vault.payload_path(HELD))
    vault.empty_tmp()
    assert files(vault) == before
    assert vault.payload_path(HELD).read_bytes() == b"payload"


FOREIGN = [
    "",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    id_number(1)[:-1],
    id_number(1) + "0",
    id_number(1) + "\n",
    "\0" + id_number(1)[1:],
    id_number(1).upper()[:-1] + "A",
    "../" + id_number(1)[3:],
    "i" * 26,
    "u" * 26,
    "é" * 26,
    "٣" * 26,
    "." * 26,
]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_that_is_not_an_id_of_ours_never_becomes_a_path(name: str) -> None:
    layout = Layout(Path("/vault"))
    for place in (layout.archive, layout.key, layout.manifest):
        with pytest.raises(ValueError, match="not a valid archive id"):
            place(name)
    for place_with_suffix in (layout.temporary, layout.quarantined):
        with pytest.raises(ValueError, match="not a valid archive id"):
            place_with_suffix(name, ".age")


def test_where_things_lie() -> None:
    layout, name = Layout(Path("/vault")), id_number(0x3FF)
    assert name.endswith("zz")
    assert layout.archive(name) == Path(f"/vault/archives/zz/{name}.age")
    assert layout.key(name) == Path(f"/vault/keys/zz/{name}.key.age")
    assert layout.manifest(name) == Path(f"/vault/manifests/zz/{name}.json")
    assert layout.quarantined(name, ".json") == Path(f"/vault/quarantine/{name}.json")
    assert layout.temporary(name, ".age") == Path(f"/vault/tmp/{name}.age")
    for path in (layout.archive(name), layout.key(name), layout.manifest(name)):
        assert id_of(path) == name


@pytest.mark.parametrize("name", ["README.txt", ".age", "lock", id_number(1)[:-1] + ".age", "x" + id_number(1)])
def test_files_that_are_not_named_after_an_id(name: str) -> None:
    assert id_of(Path(name)) is None
