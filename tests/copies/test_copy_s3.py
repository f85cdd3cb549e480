"""A vault with a copy in a bucket: every command of `copy`, repair, and destruction, as with a folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kit.buckets import ACCESS, SECRET, BucketServer
from kit.copies import CopiedHouse, make_copied_house, reseal
from kit.sealed_vault import House
from strongroom.age.writer import seal_bytes
from strongroom.cli.main import cli
from strongroom.copies.port import CopyAway, read_whole
from strongroom.engine.copies.copy_scrub import scrub_copy
from strongroom.engine.copies.targets import require_known, stores_of
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.execute import read_certificate
from strongroom.vault.copies import copy_findings, copy_state


def in_bucket(folder: Path, server: BucketServer, bucket: str) -> CopiedHouse:
    folder.mkdir(exist_ok=True)
    return make_copied_house(folder, copies=(server.copy(bucket),))


def test_a_destruction_reaches_every_version_in_the_bucket(bucket_server: BucketServer, tmp_path: Path) -> None:
    bucket = bucket_server.make_bucket(versioned=True)
    copied = in_bucket(tmp_path, bucket_server, bucket)
    doomed, kept = copied.house.add(2)
    copied.copy("offsite")
    vault, store = copied.house.vault, copied.target("offsite").store
    first = vault.key_path(doomed).read_bytes()
    second = seal_bytes(b"another", [copied.house.master.recipient], copied.house.context().random_bytes)
    vault.key_path(doomed).write_bytes(second)
    reseal(copied.house, doomed)
    copied.copy("offsite")
    everything = bucket_server.all_bytes(bucket)
    assert second in everything and first not in everything
    client, key = bucket_server.client(), f"strongroom/{store.place.rpartition('/')[2]}"
    for name in [each.name for each in store.list(f"keys/{doomed.id[-2:]}/")]:
        client.delete_object(Bucket=bucket, Key=f"{key}/{name}")  # hidden by a marker, as by a person
    copied.house.approve_and_cool(doomed)
    done = carry_out(copied.house.context(remove_from_copies=copied.remove))
    assert [each.archive for each in done.destroyed] == [doomed.id]
    assert second not in bucket_server.all_bytes(bucket)
    body = read_certificate(vault.layout.certificate(doomed.id).read_bytes())
    assert body["copies"] == ["offsite"]
    assert [each for each in store.list("archives/") if kept.id in each.name]
    copied.house.vault.close()


def test_a_destruction_names_the_day_until_which_the_bucket_locks_a_payload_and_the_rest_goes_on(
    bucket_server: BucketServer, tmp_path: Path
) -> None:
    bucket = bucket_server.make_bucket(locked=True)
    copied = in_bucket(tmp_path, bucket_server, bucket)
    doomed, kept = copied.house.add(2)
    copied.copy("offsite")
    vault, store, client = copied.house.vault, copied.target("offsite").store, bucket_server.client()
    key_file = vault.key_path(doomed).read_bytes()
    root = f"strongroom/{store.place.rpartition('/')[2]}"
    (payload,) = [f"{root}/{each.name}" for each in store.list(f"archives/{doomed.id[-2:]}/{doomed.id}")]
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)  # the server compares it with its own clock
    locked = {"Mode": "GOVERNANCE", "RetainUntilDate": until}
    client.put_object_retention(Bucket=bucket, Key=payload, Retention=locked)
    copied.house.approve_and_cool(doomed)
    destroying = copied.house.context(remove_from_copies=copied.remove)
    done = carry_out(destroying)
    assert f"is locked by the bucket until {until:%Y-%m-%d}" in done.incomplete[0].message
    assert not done.destroyed and not vault.layout.certificate(doomed.id).exists()
    assert key_file not in bucket_server.all_bytes(bucket)
    assert [f"{root}/{each.name}" for each in store.remnants("") if doomed.id in each.name] == [
        payload, f"{root}/tombstones/{doomed.id[-2:]}/{doomed.id}.json"
    ]  # fmt: skip
    (later,) = copied.house.add(1)
    assert copied.copy("offsite").complete  # a lock does not keep the copy from what comes after
    done_reading = scrub_copy(copied.context(), copied.target("offsite"), 1 << 40)
    assert done_reading.ended and not copy_findings(
        vault.catalogue, "offsite"
    )  # what is still locked did not come back
    assert {kept.id, later.id} <= {each.name[12:38] for each in store.list("archives/")}
    (version,) = client.list_object_versions(Bucket=bucket, Prefix=payload)["Versions"]
    client.put_object_legal_hold(Bucket=bucket, Key=payload, LegalHold={"Status": "ON"})
    assert "under a legal hold" in carry_out(destroying).incomplete[0].message
    client.put_object_legal_hold(Bucket=bucket, Key=payload, LegalHold={"Status": "OFF"})
    client.delete_object(  # as if its time were over
        Bucket=bucket, Key=payload, VersionId=version["VersionId"], BypassGovernanceRetention=True
    )
    assert [each.archive for each in carry_out(destroying).destroyed] == [doomed.id]
    assert vault.layout.certificate(doomed.id).exists()
    vault.close()


def test_agents_share_a_bucket_and_touch_nothing_of_each_other(bucket_server: BucketServer, tmp_path: Path) -> None:
    bucket = bucket_server.make_bucket()
    houses = [in_bucket(tmp_path / name, bucket_server, bucket) for name in ("one", "two")]
    for each in houses:
        each.house.add(2)
        assert each.copy("offsite").complete
    found = list(stores_of(houses[0].config.copies[0]))
    assert len({identity.vault for identity, _store in found}) == len(found) == 2
    first, second = (each.target("offsite") for each in houses)
    client = bucket_server.client()
    marker = read_whole(second.store, "strongroom-copy.json")
    key = f"{first.store.place.removeprefix(f's3://{bucket}/')}/strongroom-copy.json"
    client.put_object(Bucket=bucket, Key=key, Body=marker)
    houses[0].house.add(1)
    with pytest.raises(Exception, match="a copy of another vault"):
        houses[0].copy("offsite")
    client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(CopyAway, match="the copy offsite is not in s3://"):
        require_known(first, houses[0].house.vault)
    assert houses[1].copy("offsite").complete
    for each in houses:
        each.house.vault.close()


@pytest.fixture
def house(bucket_server: BucketServer, tmp_path: Path) -> House:
    made = House(tmp_path)
    for number in range(3):
        made.seal(f"id,at,text\n{number},2026-03-01T05:00:00Z,hello\n".encode(), alone=False)
    made.vault.write_log()
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(
            f'\n[[copy]]\nname = "offsite"\n[copy.s3]\nbucket = "{bucket_server.make_bucket()}"\n'
            f'endpoint = "http://127.0.0.1:{bucket_server.port}"\naddressing = "path"\n'
            f'access_key = "env:{ACCESS}"\nsecret_key = "env:{SECRET}"\n'
        )
    return made


def test_the_commands_work_with_a_bucket_as_with_a_folder(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(["--config", str(house.base / "strongroom.toml"), *words])
        return int(ended.value.code or 0), capsys.readouterr().out

    def standing() -> dict[str, Any]:
        (found,) = json.loads(run("copy", "status", "--json")[1])["copies"]
        return dict(found)

    code, out = run("copy", "run")
    assert (code, "offsite: 3 archives copied" in out) == (0, True)
    assert standing()["place"].startswith("s3://records-")
    assert standing()["complete"] is True
    assert run("copy", "scrub", "offsite")[0] == 0
    assert run("copy", "rehearse", "offsite", "--json")[0] == 0
    code, out = run("copy", "list", "--json")
    assert len(json.loads(out)["copies"]) == 1
    payload = next((house.base / "vault" / "archives").rglob("*.age"))
    data = payload.read_bytes()
    payload.unlink()
    assert run("repair", "--deep", "--apply")[0] == 0
    assert payload.read_bytes() == data
    code, out = run("copy", "restore", "--from", "offsite", "--to", str(house.base / "new"))
    assert (code, "3 archives" in out) == (0, True)
    restored = next((house.base / "new" / "archives").rglob(payload.name))
    assert restored.read_bytes() == data
    assert run("copy", "forget", "offsite", "--reason", "the bucket was removed")[0] == 0
    assert copy_state(house.vault.catalogue, "offsite").complete_at is None
