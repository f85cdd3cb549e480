"""What a probe finds in the object locks of a bucket: nothing where a server keeps them, and each lie of others."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.buckets import ACCESS, SECRET, BucketServer
from kit.copies import make_copied_house
from kit.lying_server import Lie, lying_server
from kit.sealed_vault import House
from strongroom.cli.main import cli
from strongroom.copies.lock_probe import FOLDER, LockProbe
from strongroom.copies.port import CopyAway
from strongroom.copies.s3_client import connect
from strongroom.engine.copies.lock_probing import probe_locks
from strongroom.model.errors import UsageError, VaultLocked
from strongroom.model.locks import LockCheck, LockMode
from strongroom.vault.copies import copies_alone

ROOT = "strongroom/0123456789abcdef/"


def now() -> datetime:
    return datetime.now(UTC)  # a server compares it with its own


def probed(server: BucketServer, bucket: str, mode: LockMode, lie: Lie) -> set[LockCheck]:
    with lying_server(server.port, lie) as port:
        client = connect(server.settings(bucket, port))
        return {each.check for each in LockProbe(client, bucket, ROOT, mode, now, os.urandom).run()}


@pytest.mark.parametrize("mode", LockMode)
def test_a_server_that_keeps_its_locks_passes_every_time(bucket_server: BucketServer, mode: LockMode) -> None:
    bucket = bucket_server.make_bucket(locked=True)
    assert probed(bucket_server, bucket, mode, Lie.NOTHING) == set()
    assert probed(bucket_server, bucket, mode, Lie.NOTHING) == set()
    assert b"canary" in bucket_server.all_bytes(bucket)  # what is still locked stays


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (Lie.DROPS_RETENTION, LockCheck.RETENTION),
        (Lie.SHORTENS, LockCheck.SHORTEN),
        (Lie.SHORTENS_AT_WRITE, LockCheck.RETENTION),
        (Lie.DELETES_LOCKED, LockCheck.DELETE),
        (Lie.DELETES_HELD, LockCheck.HOLD),
        (Lie.BYPASSES, LockCheck.BYPASS),
        (Lie.OLD_BYTES, LockCheck.READ),
        (Lie.WRONG_CHECKSUM, LockCheck.CHECKSUM),
        (Lie.LOSES_PARTS, LockCheck.PARTS),
        (Lie.NEVER_EXTENDS, LockCheck.EXTEND),
        (Lie.LOCKS_ALL, LockCheck.UNLOCKED),
        (Lie.WRONG_TIME, LockCheck.CLOCK),
    ],
)
def test_each_lie_about_a_governance_lock_is_found(bucket_server: BucketServer, lie: Lie, found: LockCheck) -> None:
    bucket = bucket_server.make_bucket(locked=True)
    assert found in probed(bucket_server, bucket, LockMode.GOVERNANCE, lie)


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (Lie.DROPS_RETENTION, LockCheck.RETENTION),
        (Lie.DOWNGRADES, LockCheck.DOWNGRADE),
        (Lie.LOSES_PARTS, LockCheck.PARTS),
        (Lie.WRONG_CHECKSUM, LockCheck.CHECKSUM),
    ],
)
def test_each_lie_about_a_compliance_lock_is_found(bucket_server: BucketServer, lie: Lie, found: LockCheck) -> None:
    bucket = bucket_server.make_bucket(locked=True)
    assert probed(bucket_server, bucket, LockMode.COMPLIANCE, lie) == {found}


def test_a_bucket_whose_versioning_was_suspended_fails(bucket_server: BucketServer) -> None:
    bucket = bucket_server.make_bucket(locked=True)
    suspended = {"Status": "Suspended"}
    bucket_server.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended)
    assert LockCheck.VERSIONING in probed(bucket_server, bucket, LockMode.COMPLIANCE, Lie.NOTHING)


def test_a_bucket_without_locks_fails_and_nothing_stays_in_it(bucket_server: BucketServer) -> None:
    bucket = bucket_server.make_bucket(versioned=True)
    assert probed(bucket_server, bucket, LockMode.COMPLIANCE, Lie.NOTHING) == {LockCheck.RETENTION}
    assert bucket_server.all_bytes(bucket) == b""


def test_a_probe_touches_nothing_else_and_ends_the_hold_of_an_interrupted_one(bucket_server: BucketServer) -> None:
    bucket, client = bucket_server.make_bucket(locked=True), bucket_server.client()
    client.put_object(Bucket=bucket, Key=f"{ROOT}archives/ab/x.age", Body=b"a payload")
    client.put_object(Bucket=bucket, Key=f"{ROOT}{FOLDER}0/hold", Body=b"left", ObjectLockLegalHoldStatus="ON")
    probed(bucket_server, bucket, LockMode.COMPLIANCE, Lie.NOTHING)
    everything = bucket_server.all_bytes(bucket)
    assert b"a payload" in everything and b"left" not in everything


def test_a_server_that_is_away_is_no_verdict(bucket_server: BucketServer) -> None:
    client = connect(bucket_server.settings("nosuch"))
    with pytest.raises(CopyAway, match="NoSuchBucket"):
        LockProbe(client, "nosuch-bucket", ROOT, LockMode.COMPLIANCE, now, os.urandom).run()


def test_a_probe_of_a_copy_touches_nothing_of_it_and_waits_for_who_writes_to_it(
    bucket_server: BucketServer, tmp_path: Path
) -> None:
    bucket = bucket_server.make_bucket(locked=True)
    copied = make_copied_house(tmp_path, copies=(bucket_server.copy(bucket),))
    copied.house.add(2)
    copied.copy("offsite")
    target, vault = copied.target("offsite"), copied.house.vault
    before = [each.name for each in target.store.list()]
    found = probe_locks(vault, target, LockMode.COMPLIANCE, now, os.urandom)
    assert {each.check for each in found} == {LockCheck.CLOCK, LockCheck.PARTS}  # the gaps of MiniStack
    assert [each.name for each in target.store.list()] == before
    with copies_alone(vault.layout) as mine, pytest.raises(VaultLocked):
        assert mine
        probe_locks(vault, target, LockMode.COMPLIANCE, now, os.urandom)
    vault.close()


def test_the_command_says_what_failed_and_that_a_folder_has_no_locks(
    bucket_server: BucketServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house, bucket = House(tmp_path), bucket_server.make_bucket(locked=True)
    house.seal(b"id,at,text\n1,2026-03-01T05:00:00Z,hello\n", alone=False)
    house.vault.write_log()
    (tmp_path / "disk").mkdir()

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["--config", str(house.base / "strongroom.toml"), "copy", "probe", *words])
        return int(ended.value.code or 0), *capsys.readouterr()

    with lying_server(bucket_server.port, Lie.LOSES_PARTS) as port:
        with (tmp_path / "strongroom.toml").open("a") as file:
            file.write(
                f'\n[[copy]]\nname = "disk"\npath = "{tmp_path}/disk"\n'
                f'\n[[copy]]\nname = "offsite"\n[copy.s3]\nbucket = "{bucket}"\naddressing = "path"\n'
                f'endpoint = "http://127.0.0.1:{port}"\naccess_key = "env:{ACCESS}"\nsecret_key = "env:{SECRET}"\n'
            )
        code, out, _errors = run("offsite", "--json")
        (body,) = json.loads(out)["copies"]
        assert (code, body["copy"], body["lock"]) == (1, "offsite", "compliance")
        assert [each["check"] for each in body["findings"]] == ["parts"]
        code, out, _errors = run("offsite", "--lock", "governance")
        assert code == 1 and "do not rely on governance locks of this server: 1 check failed" in out
        assert "parts: expected a lock GOVERNANCE until" in " ".join(out.split())
    code, _out, errors = run("disk")
    assert code == UsageError.exit_code and "has no object locks" in " ".join(errors.split())
    with lying_server(bucket_server.port, Lie.NOTHING) as port:
        text = (tmp_path / "strongroom.toml").read_text()
        was = text[text.index("http://127.0.0.1:") :].partition('"')[0]
        (tmp_path / "strongroom.toml").write_text(text.replace(was, f"http://127.0.0.1:{port}"))
        code, out, _errors = run("offsite")
    assert code == 0 and "the server keeps compliance locks" in out
