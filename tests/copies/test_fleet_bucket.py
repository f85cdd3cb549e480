"""`strongroom fleet` and `copy restore` over a bucket that several agents share, of which one copy is broken."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.buckets import ACCESS, SECRET, BucketServer
from kit.copies import CopiedHouse, make_copied_house
from kit.destruction import SIGNER
from strongroom.age.keys import X25519Identity
from strongroom.cli.main import cli
from strongroom.engine.proof.checkpoints import sign_log


@pytest.fixture
def houses(bucket_server: BucketServer, tmp_path: Path) -> Iterator[list[CopiedHouse]]:
    """Return three vaults with 1, 2 and 3 archives, and copies in one bucket; the configuration is that of none."""
    bucket, made = bucket_server.make_bucket(versioned=True), []
    recipient = X25519Identity.generate(os.urandom).recipient
    (tmp_path / "strongroom.toml").write_text(
        f'[vault]\npath = "{tmp_path / "none"}"\nrecipients = ["{recipient}"]\n'
        f'[[copy]]\nname = "offsite"\n[copy.s3]\nbucket = "{bucket}"\n'
        f'endpoint = "http://127.0.0.1:{bucket_server.port}"\naddressing = "path"\n'
        f'access_key = "env:{ACCESS}"\nsecret_key = "env:{SECRET}"\n'
    )
    for count in (1, 2, 3):
        folder = tmp_path / f"host{count}"
        folder.mkdir()
        copied = make_copied_house(folder, copies=(bucket_server.copy(bucket),))
        copied.house.add(count)
        sign_log(copied.house.vault, SIGNER, lambda copied=copied: copied.now)  # type: ignore[misc]
        copied.copy("offsite")
        made.append(copied)
    bucket_server.client().put_object(Bucket=bucket, Key="strongroom/notes/of-a-person.txt", Body=b"not a vault")
    bucket_server.client().put_object(Bucket=bucket, Key="other/strongroom-copy.json", Body=b"not below the prefix")
    yield made
    for each in made:
        each.house.vault.close()


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(folder / "strongroom.toml"), *words])


def everything(houses: list[CopiedHouse], server: BucketServer) -> Any:
    settings = houses[0].config.copies[0].s3
    assert settings is not None
    found = server.client().list_object_versions(Bucket=settings.bucket)
    return [(each["Key"], each["VersionId"], each["ETag"]) for each in found["Versions"]]


def test_the_vaults_of_a_bucket_are_listed_and_nothing_is_written(
    houses: list[CopiedHouse], bucket_server: BucketServer, tmp_path: Path
) -> None:
    before = everything(houses, bucket_server)
    done = run(tmp_path, "fleet", "offsite", "--public-key", str(SIGNER.verifier), "--json")
    assert done.exit_code == 0, done.output
    found = sorted(json.loads(done.stdout)["vaults"], key=lambda each: int(each["archives"]))
    assert [(each["archives"], each["checkpoints"], each["problems"]) for each in found] == [
        (count, 1, []) for count in (1, 2, 3)
    ]
    assert [each["place"] for each in found] == [each.target("offsite").store.place for each in houses]
    shown = run(tmp_path, "fleet", "offsite", "--public-key", str(SIGNER.verifier))
    assert (shown.exit_code, len(shown.stdout.splitlines())) == (0, 4)
    assert everything(houses, bucket_server) == before


def test_what_is_wrong_with_one_vault_hides_no_other_one(houses: list[CopiedHouse], tmp_path: Path) -> None:
    one, two, three = houses
    one.replace_object("strongroom-copy.json", b"noise", "offsite")
    (lines,) = two.names("offsite", "log/lines/")
    two.replace_object(lines, b"noise\n", "offsite")
    fleet = ("fleet", "offsite", "--public-key", str(SIGNER.verifier))
    done = run(tmp_path, *fleet, "--json")
    document = json.loads(done.stdout)
    assert (done.exit_code, len(document["vaults"]), len(document["unreadable"])) == (1, 2, 1)
    assert one.target("offsite").store.place in document["unreadable"][0]
    problems = {each["place"]: each["problems"] for each in document["vaults"]}
    assert problems[two.target("offsite").store.place] != []
    assert problems[three.target("offsite").store.place] == []
    assert "unreadable: strongroom-copy.json in s3://" in run(tmp_path, *fleet).stdout
    digits = three.target("offsite").store.place.rpartition("/")[2]
    restore = ("copy", "restore", "--from", "offsite", "--to", str(tmp_path / "new"), "--vault")
    restored = run(tmp_path, *restore, digits)
    assert (restored.exit_code, "3 archives" in restored.stdout) == (0, True), restored.output
    broken = run(tmp_path, *restore, one.target("offsite").store.place.rpartition("/")[2])
    assert broken.exit_code != 0 and "cannot be read" in broken.output
