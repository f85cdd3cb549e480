"""An archive that was destroyed does not come back from a copy, whatever somebody puts back there."""

from __future__ import annotations

import os
from pathlib import Path

from kit.buckets import BucketServer
from kit.copies import CopiedHouse, make_copied_house
from strongroom.copies.port import read_whole
from strongroom.engine.copies.contents import objects_of
from strongroom.engine.copies.copy_scrub import scrub_copy
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.execute import read_certificate
from strongroom.engine.repair.copy_rehearsal import RehearsalOrder, rehearse
from strongroom.engine.repair.copy_repair import apply_repair, open_repair, plan_repair
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault


def files_with(root: Path, *needles: bytes) -> list[Path]:
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path for path in files if any(needle in path.read_bytes() for needle in needles)]


def test_neither_repair_nor_restore_nor_rehearsal_brings_back_what_was_destroyed(
    copied_anywhere: CopiedHouse, tmp_path: Path
) -> None:
    copied, vault = copied_anywhere, copied_anywhere.house.vault
    doomed, kept = copied.house.add(2)
    copied.copy()
    store = copied.target().store
    backup = {each.name: read_whole(store, each.name) for each in objects_of(vault, doomed)}
    secrets = [data for name, data in backup.items() if name.endswith(".age")]
    assert len(secrets) == 2
    copied.house.approve_and_cool(doomed)
    carry_out(copied.house.context(remove_from_copies=copied.remove))
    copied.copy()
    for name, data in backup.items():
        copied.replace_object(name, data)
    order = open_repair(copied.context(), [copied.target()])
    assert apply_repair(order, plan_repair(order, deep=True)).done == ()

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    seen: list[str] = []

    def look(where: str) -> None:
        seen.append(where)
        assert files_with(scratch, *secrets) == []

    rehearsal = RehearsalOrder(vault, copied.target(), lambda: copied.now, os.urandom, scratch, crash_point=look)
    found = rehearse(rehearsal)
    assert (found.archives, found.faults, "restored object" in seen) == (1, (), True)
    restored = restore_vault(CopyRestore(store, tmp_path / "new", lambda: copied.now))
    assert (restored.archives, restored.tombstones, restored.faults) == (1, 1, [])
    assert files_with(tmp_path / "new", *secrets) == files_with(vault.layout.root, *secrets) == []
    assert scrub_copy(copied.context(), copied.target(), 1 << 62).findings == 0
    assert "copy.found" in copied.house.kinds()
    left = {each.name for each in store.remnants("")}
    assert not left & set(backup) and {each.name for each in objects_of(vault, kept)} <= left


def test_no_byte_of_a_key_is_left_in_a_version_or_an_unfinished_upload(
    bucket_server: BucketServer, tmp_path: Path
) -> None:
    bucket, client = bucket_server.make_bucket(versioned=True), bucket_server.client()
    copied = make_copied_house(tmp_path, copies=(bucket_server.copy(bucket, "disk"),))
    doomed, kept = copied.house.add(2)
    copied.copy()
    vault, store = copied.house.vault, copied.target().store
    parts = {each.name: read_whole(store, each.name) for each in objects_of(vault, doomed)[:2]}
    root = store.place.removeprefix(f"s3://{bucket}/")
    for name, data in parts.items():
        copied.replace_object(name, b"other bytes")  # a newer version hides the one that counts
        copied.replace_object(name, None)  # and a marker hides both
        upload = client.create_multipart_upload(Bucket=bucket, Key=f"{root}/{name}")
        client.upload_part(
            Bucket=bucket, Key=f"{root}/{name}", UploadId=upload["UploadId"], PartNumber=1, Body=data
        )  # fmt: skip
    everything = bucket_server.all_bytes(bucket)
    assert all(data in everything for data in parts.values())
    copied.house.approve_and_cool(doomed)
    done = carry_out(copied.house.context(remove_from_copies=copied.remove))
    assert [each.archive for each in done.destroyed] == [doomed.id]
    everything = bucket_server.all_bytes(bucket)
    assert not any(data in everything for data in parts.values())
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)
    listed = client.list_object_versions(Bucket=bucket)
    assert "DeleteMarkers" not in listed
    named = [each["Key"] for each in listed["Versions"] if doomed.id in each["Key"]]
    assert named == [f"{root}/tombstones/{doomed.id[-2:]}/{doomed.id}.json"]
    assert read_certificate(vault.layout.certificate(doomed.id).read_bytes())["copies"] == ["disk"]
    assert copied.copy().complete
    assert {each.name for each in objects_of(vault, kept)} <= {each.name for each in store.list()}
    vault.close()
