"""Both ways against two other implementations: rage (through pyrage) and the stock age tool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.age.identity_file import (
    ArchiveKey,
    open_identity_file,
    parse_archive_key,
    parse_identity_file,
    write_archive_key,
    write_identity_file,
)
from strongroom.age.keys import ScryptRecipient, X25519Identity, X25519Recipient
from strongroom.age.reader import CHUNK
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.model.times import Chance

pyrage = pytest.importorskip("pyrage", reason="pyrage is not installed")
needs_age = pytest.mark.skipif(
    not shutil.which("age") or not shutil.which("age-keygen"), reason="the stock age tool is not installed"
)
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5)


def run(*command: str | Path, stdin: bytes = b"") -> bytes:
    return subprocess.run(
        [str(part) for part in command], input=stdin, capture_output=True, check=True, timeout=60
    ).stdout


@pytest.mark.parametrize("size", SIZES)
def test_rage_and_we_open_each_other(size: int, random_bytes: Chance) -> None:
    data, theirs = random_bytes(size), pyrage.x25519.Identity.generate()
    ours = X25519Identity.parse(str(theirs))
    assert str(ours.recipient) == str(theirs.to_public())
    assert pyrage.decrypt(seal_bytes(data, [ours.recipient], random_bytes), [theirs]) == data
    assert open_bytes(pyrage.encrypt(data, [theirs.to_public()]), [ours]) == data


def test_rage_opens_our_passphrase_files(random_bytes: Chance) -> None:
    sealed = seal_bytes(b"words", [ScryptRecipient("paß phrase", 10)], random_bytes)
    assert pyrage.passphrase.decrypt(sealed, "paß phrase") == b"words"


@pytest.mark.slow
def test_we_open_passphrase_files_of_rage(identity: X25519Identity) -> None:
    sealed = pyrage.passphrase.encrypt(write_identity_file(identity).encode(), "paß phrase")
    assert open_identity_file(sealed, lambda: "paß phrase") == (identity,)


def test_rage_refuses_what_was_not_finished(identity: X25519Identity, random_bytes: Chance) -> None:
    sealed = seal_bytes(bytes(CHUNK + 1), [identity.recipient], random_bytes)
    theirs = pyrage.x25519.Identity.from_str(str(identity))
    assert pyrage.decrypt(sealed, [theirs]) == bytes(CHUNK + 1)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed[:-17], [theirs])


@pytest.fixture
def keygen(tmp_path: Path) -> Callable[[str], tuple[Path, X25519Identity]]:
    def make(name: str) -> tuple[Path, X25519Identity]:
        path = tmp_path / name
        run("age-keygen", "-o", path)
        (identity,) = parse_identity_file(path.read_bytes())
        return path, identity

    return make


@needs_age
@pytest.mark.parametrize("size", SIZES)
def test_stock_age_and_we_open_each_other(
    size: int, keygen: Callable[[str], tuple[Path, X25519Identity]], tmp_path: Path, random_bytes: Chance
) -> None:
    path, identity = keygen("key.txt")
    data = random_bytes(size)
    assert X25519Recipient.parse(run("age-keygen", "-y", path).decode().strip()) == identity.recipient
    assert run("age", "-d", "-i", path, stdin=seal_bytes(data, [identity.recipient], random_bytes)) == data
    assert open_bytes(run("age", "-r", str(identity.recipient), stdin=data), [identity]) == data


@needs_age
def test_stock_age_reads_our_identity_files(identity: X25519Identity, tmp_path: Path, random_bytes: Chance) -> None:
    path = tmp_path / "ours.txt"
    path.write_text(write_identity_file(identity, "working identity"))
    assert run("age-keygen", "-y", path).decode().strip() == str(identity.recipient)
    assert run("age", "-d", "-i", path, stdin=seal_bytes(b"words", [identity.recipient], random_bytes)) == b"words"


@needs_age
def test_stock_age_opens_an_archive_with_nothing_but_its_two_files(
    keygen: Callable[[str], tuple[Path, X25519Identity]], tmp_path: Path, random_bytes: Chance
) -> None:
    (_, working), (_, recovery) = keygen("master.key"), keygen("recovery.key")
    key = ArchiveKey("ID", random_bytes(32), X25519Identity.generate(random_bytes))
    data = random_bytes(2 * CHUNK)
    sealed_key = seal_bytes(write_archive_key(key), [working.recipient, recovery.recipient], random_bytes)
    (tmp_path / "ID.key.age").write_bytes(sealed_key)
    (tmp_path / "ID.age").write_bytes(seal_bytes(data, [key.identity.recipient], random_bytes))
    assert parse_archive_key(open_bytes(sealed_key, [recovery])) == key
    for master in ("master.key", "recovery.key"):
        script = f"cd '{tmp_path}' && age -d -i <(age -d -i {master} ID.key.age) ID.age"
        assert run("bash", "-c", script) == data


@needs_age
def test_stock_age_refuses_what_was_not_finished(
    keygen: Callable[[str], tuple[Path, X25519Identity]], random_bytes: Chance
) -> None:
    path, identity = keygen("key.txt")
    sealed = seal_bytes(bytes(CHUNK + 1), [identity.recipient], random_bytes)
    with pytest.raises(subprocess.CalledProcessError):
        run("age", "-d", "-i", path, stdin=sealed[:-17])
