"""Types, modes, owners and links of the files in a vault, as `doctor` tells them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.engine.core.check import CheckResult
from strongroom.engine.repair.vault_folder import check_files
from strongroom.vault.layout import Layout
from strongroom.vault.vault import create_vault

ID = "01m7wd80829pfz1hs65hk6cr2r"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    create_vault(tmp_path / "vault", "open it so").close()
    layout = Layout(tmp_path / "vault")
    for path in (layout.archive(ID), layout.key(ID), layout.manifest(ID)):
        path.parent.mkdir(mode=0o700)
        path.touch(mode=0o600)
    return layout


def told(layout: Layout) -> list[tuple[str, str, str]]:
    found = list(check_files(layout.root))
    assert {each.name for each in found} == {"files"}
    return [(each.verdict.value, each.message, each.hint) for each in found if each.verdict is not CheckResult.OK]


def as_link(layout: Layout) -> None:
    layout.key(ID).rename(layout.root.parent / "key")
    layout.key(ID).symlink_to(layout.root.parent / "key")


def as_folder_link(layout: Layout) -> None:
    layout.key(ID).parent.rename(layout.root.parent / "shard")
    layout.key(ID).parent.symlink_to(layout.root.parent / "shard")


def as_pipe(layout: Layout) -> None:
    layout.manifest(ID).unlink()
    os.mkfifo(layout.manifest(ID), 0o600)


def as_folder(layout: Layout) -> None:
    layout.manifest(ID).unlink()
    layout.manifest(ID).mkdir(0o700)


def second_name(layout: Layout) -> None:
    os.link(layout.key(ID), layout.root.parent / "another")


def open_to_all(layout: Layout) -> None:
    layout.archive(ID).chmod(0o644)


def open_folder(layout: Layout) -> None:
    (layout.root / "keys").chmod(0o755)


def closed(layout: Layout) -> None:
    layout.archive(ID).chmod(0o000)


KINDS: list[tuple[Callable[[Layout], None], str, str, str]] = [
    (as_link, "fail", "1 symbolic link in the vault: keys/2r/", "copy of the vault"),
    (as_folder_link, "fail", "1 symbolic link in the vault: keys/2r", "copy of the vault"),
    (as_pipe, "fail", "1 pipe, socket or device in the vault: manifests/2r/", "copy of the vault"),
    (as_folder, "fail", "1 folder where only files belong: manifests/2r/", "copy of the vault"),
    (second_name, "fail", "1 file has another name (a hard link)", "cp -p"),
    (open_to_all, "warn", "others may read or change 1 file or folder: archives/2r/", "chmod -R go-rwx"),
    (open_folder, "warn", "others may read or change 1 file or folder: keys", "chmod -R go-rwx"),
    (closed, "fail", "the owner may not read and write 1 file or folder: archives/2r/", "chmod -R u+rwX"),
]


@pytest.mark.parametrize(("change", "verdict", "words", "hint"), KINDS, ids=[each[0].__name__ for each in KINDS])
def test_each_kind_is_told_with_what_to_do(
    change: Callable[[Layout], None], verdict: str, words: str, hint: str, layout: Layout
) -> None:
    assert told(layout) == []
    change(layout)
    (found,) = told(layout)
    assert found[0] == verdict
    assert found[1].startswith(words)
    assert hint in found[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_told(layout: Layout) -> None:
    os.chown(layout.key(ID), 12345, -1)
    (found,) = told(layout)
    assert found[:2] == (
        "fail",
        f"1 file or folder of the vault does not belong to root, the owner of the vault: keys/2r/{ID}.key.age",
    )
    assert found[2].startswith("chown -R root: ")


def test_many_are_one_finding_with_a_count(layout: Layout) -> None:
    for number in range(2_000):
        path = layout.root / "quarantine" / f"{number:05}.age"
        path.touch()
        path.chmod(0o604)
    (found,) = told(layout)
    assert found[1] == (
        "others may read or change 2,000 files or folders:"
        " quarantine/00000.age, quarantine/00001.age, quarantine/00002.age and 1,997 more"
    )


def test_a_file_about_to_get_its_name_and_a_folder_of_the_file_system_are_no_findings(layout: Layout) -> None:
    (layout.tmp / f"{ID}.age").unlink(missing_ok=True)
    os.link(layout.archive(ID), layout.tmp / f"{ID}.age")
    (layout.root / "lost+found").mkdir()
    assert told(layout) == []
