"""What a person is told when a restore cannot be done: whose disk is full, and which passphrase was wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.sealed_vault import House, message
from strongroom.age.keys import X25519Recipient
from strongroom.age.stanza import NoMatch
from strongroom.age.writer import seal_bytes
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.identity_files import weakness
from strongroom.engine.access.restore import restore, restore_members
from strongroom.engine.core.identities import WrongPassphrase, identity_file, load_identities, make_identity
from strongroom.model.errors import SealError, WorldError
from strongroom.model.provider import Container


def full_below(folder: Path) -> Callable[[int, bytes], int]:
    """Return a write that finds no room for whatever lies in a folder."""
    write = os.write

    def refuse(fd: int, data: bytes) -> int:
        if Path(f"/proc/self/fd/{fd}").resolve().is_relative_to(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    return refuse


@pytest.mark.parametrize("act", [restore, restore_members])
def test_a_full_disk_is_that_of_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[..., object]
) -> None:
    house, away = House(tmp_path), tmp_path / "away"
    away.mkdir()
    try:
        archive = house.seal_records([message(number) for number in range(50)], Container.ZIP_OF_JSON)
        monkeypatch.setattr(os, "write", full_below(away))
        with pytest.raises(WorldError) as told:
            act(house.vault, archive, house.identities, away / "new")
        assert "is full: nothing was left behind there, and the vault is unchanged" in told.value.message
        assert str(away) in told.value.message
        assert "by itself" not in told.value.hint
        assert list(away.iterdir()) == []
        assert check_fixity(house.vault, archive) == []
    finally:
        house.vault.close()


def test_a_wrong_passphrase_is_called_one(tmp_path: Path) -> None:
    path, identity = tmp_path / "identity.age", make_identity(os.urandom)
    path.write_bytes(identity_file(identity, "right", os.urandom))
    path.chmod(0o600)
    with pytest.raises(WrongPassphrase) as told:
        load_identities(path, lambda: "wrong")
    assert told.value.message == f"that is not the passphrase of {path}"
    assert isinstance(told.value, SealError)
    assert len(load_identities(path, lambda: "right")) == 1
    path.write_bytes(seal_bytes(b"no identity", [X25519Recipient.parse(identity.recipient)], os.urandom))
    with pytest.raises(NoMatch, match="sealed to: X25519"):
        load_identities(path, lambda: "right")


@pytest.mark.parametrize(
    ("passphrase", "told"),
    [("short", "is short: 5 characters"), ("abababababababab", "repeats"), ("correct horse battery staple", "")],
)
def test_a_weak_passphrase_is_told(passphrase: str, told: str) -> None:
    assert told in weakness(passphrase)
    assert bool(told) == bool(weakness(passphrase))
