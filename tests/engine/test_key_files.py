"""Drills, exported keys and passphrases: what a person with an identity proves, hands out and changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from kit.engine_bench import Bench
from kit.key_rotation import identity, open_strongbox
from strongroom.age.identity_file import parse_identity_file, write_identity_file
from strongroom.age.stanza import NoMatch
from strongroom.age.writer import open_bytes
from strongroom.engine.access.content import draw, drill
from strongroom.engine.access.identity_files import change_passphrase
from strongroom.engine.access.key_files import KeyExport, export_keys, reseal_keys
from strongroom.engine.access.recipients import last_drill, note_recipients
from strongroom.engine.core.identities import WrongPassphrase, load_identities, typed_identity
from strongroom.engine.core.sources import open_reading
from strongroom.engine.queries.lists import list_archives
from strongroom.model.errors import SealError, UsageError
from strongroom.vault.log import newest_entries
from strongroom.vault.recipients import known_set


def snapshot(root: Path) -> dict[str, bytes]:
    """Return every file of a vault that a drill must not touch."""
    rooms = ("archives", "keys", "manifests", "quarantine", "tmp")
    files = [path for room in rooms for path in (root / room).rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files}


def test_a_drill_opens_an_archive_and_leaves_nothing_but_its_result(bench: Bench) -> None:
    bench.export()
    with open_reading(bench.config) as vault:
        before = snapshot(vault.layout.root)
        (who,) = bench.identities()
        done = drill(vault, draw(vault, os.urandom), [who], bench.clock())
        assert (done.passed, done.recipient) == (True, str(who.recipient))
        assert snapshot(vault.layout.root) == before
        (entry,) = newest_entries(vault.catalogue, 1)
        assert entry.body["kind"] == "drill.passed"
        assert entry.body["archive"] == done.archive.id
        assert last_drill(vault) == bench.clock()
        assert {each.key for each in known_set(vault.catalogue) if each.proven_at} == {str(who.recipient)}


def test_a_drill_that_fails_is_logged_and_proves_nothing(bench: Bench) -> None:
    bench.export()
    with open_reading(bench.config) as vault:
        (archive,) = list_archives(vault)
        assert not drill(vault, archive, [identity()], bench.clock()).passed
        assert newest_entries(vault.catalogue, 1)[0].body["kind"] == "drill.failed"
        payload = vault.payload_path(archive)
        data = bytearray(payload.read_bytes())
        data[-1] ^= 1
        payload.write_bytes(data)
        done = drill(vault, archive, bench.identities(), bench.clock() + timedelta(seconds=1))
        assert "digest" in [fault.code for fault in done.faults]
        assert last_drill(vault) is None
        assert not [each for each in known_set(vault.catalogue) if each.proven_at]


def given(what: bytes, _count: int = 0) -> bytes:
    return what


def test_an_empty_vault_has_nothing_to_drill(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box, pytest.raises(UsageError, match="no archive"):
        draw(box.vault, os.urandom)


def test_every_archive_can_be_drawn(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 3) as box:
        numbers = [number.to_bytes(8, "big") for number in range(6)]
        drawn = {draw(box.vault, partial(given, number)).id for number in numbers}
        assert drawn == {archive.id for archive in box.made}


def test_paper_may_be_typed_in_groups_and_in_any_case() -> None:
    who = identity()
    text = str(who)
    assert typed_identity(f" {text[:20].lower()} {text[20:40]}\n{text[40:]} ") == who
    with pytest.raises(SealError) as refused:
        typed_identity(text[:-1] + ("Q" if text[-1] != "Q" else "P"))
    assert text[20:30] not in refused.value.message


def test_exported_keys_open_those_archives_and_no_other(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 3) as box:
        note_recipients(box.vault, box.recipients, box.now)
        auditor = identity()
        first, second, other = box.made
        order = KeyExport((first.id, second.id), (str(auditor.recipient),), tmp_path / "keys.age")
        (path,) = export_keys(box.vault, order, [box.working], os.urandom, box.now)
        assert path.stat().st_mode & 0o777 == 0o600
        keys = parse_identity_file(open_bytes(path.read_bytes(), [auditor]))
        for archive in (first, second):
            assert open_bytes(box.vault.payload_path(archive).read_bytes(), keys)
        with pytest.raises(NoMatch):
            open_bytes(box.vault.payload_path(other).read_bytes(), keys)
        with pytest.raises(NoMatch):
            open_bytes(box.vault.key_path(first).read_bytes(), [auditor])
        (body,) = box.bodies("keys.exported")
        assert body["facts"] == {
            "archives": [first.id, second.id],
            "recipients": [str(auditor.recipient)],
            "plain": False,
        }
        with pytest.raises(UsageError, match="exists"):
            export_keys(box.vault, order, [box.working], os.urandom, box.now)
        assert len(box.bodies("keys.exported")) == 1
        with pytest.raises(SealError):
            list(reseal_keys(box.vault, [first.id], [auditor], [str(auditor.recipient)]))
        with pytest.raises(UsageError):
            export_keys(
                box.vault, KeyExport((first.id,), ("age1junk",), tmp_path / "x"), [box.working], os.urandom, box.now
            )
        assert not (tmp_path / "x").exists()


@pytest.mark.skipif(shutil.which("age") is None, reason="the stock age tool is not installed here")
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("folder", [False, True])
def test_the_stock_tool_opens_with_exported_keys(tmp_path: Path, folder: bool, plain: bool) -> None:
    with open_strongbox(tmp_path, 2) as box:
        auditor, target = identity(), tmp_path / "out"
        if folder:
            target.mkdir()
        holder = tmp_path / "auditor.txt"
        holder.write_text(write_identity_file(auditor))
        given, other = box.made
        order = KeyExport((given.id,), () if plain else (str(auditor.recipient),), target)
        (path,) = export_keys(box.vault, order, [box.working], os.urandom, box.now)
        inner = f"cat {path}" if plain else f"age -d -i {holder} {path}"

        def opened(payload: Path) -> subprocess.CompletedProcess[bytes]:
            script = f"age -d -i <({inner}) {payload}"
            return subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=60)

        assert opened(box.vault.payload_path(given)).stdout == b"records of day 0"
        refused = opened(box.vault.payload_path(other))
        assert refused.returncode != 0
        assert refused.stdout == b""


def test_another_passphrase_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    who, path = identity(), tmp_path / "identity.age"
    path.write_text(write_identity_file(who, "mine"))
    path.chmod(0o600)
    for old, new in (("", "first"), ("first", "second")):
        told = change_passphrase(path, partial(str, old), new, os.urandom, work_factor=2)
        assert told == (str(who.recipient),)
        assert load_identities(path, partial(str, new)) == [who]
        assert str(who).encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    with pytest.raises(WrongPassphrase):
        change_passphrase(path, lambda: "wrong", "third", os.urandom, work_factor=2)
    with pytest.raises(SealError, match="empty"):
        change_passphrase(path, lambda: "second", "", os.urandom, work_factor=2)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
