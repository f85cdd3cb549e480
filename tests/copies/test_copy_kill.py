"""Killed by SIGKILL while copying, restoring, rehearsing, repairing, destroying, and started again: nothing is lost.

The copy is in a folder, or in a bucket; there also between a request and its answer.

A seeded sample of the places; STRONGROOM_COPY_KILLS=whole takes all of them.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.buckets import BucketServer
from kit.copies import CopiedHouse, make_copied_house
from kit.forks import run_until_killed
from strongroom.copies.port import digest_of
from strongroom.engine.copies.contents import objects_of
from strongroom.engine.copies.copy_scrub import scrub_copy
from strongroom.model.archive import Archive
from strongroom.vault.copies import copy_findings
from strongroom.vault.vault import open_vault

PLACES = {
    ("folder", "copy"): 32,
    ("folder", "restore"): 8,
    ("folder", "rehearse"): 9,
    ("folder", "repair"): 6,
    ("folder", "destroy"): 13,
    ("bucket", "copy"): 100,
    ("bucket", "restore"): 8,
    ("bucket", "rehearse"): 9,
    ("bucket", "repair"): 20,
    ("bucket", "destroy"): 27,
}  # crash points with 3 archives
SAMPLE = 14


def chosen() -> list[tuple[str, str, int]]:
    whole = [(*kind, place) for kind, count in PLACES.items() for place in range(1, count + 1)]
    if os.environ.get("STRONGROOM_COPY_KILLS") == "whole":
        return whole
    chance = random.Random(os.environ.get("STRONGROOM_COPY_SEED", "1"))
    firsts = [chance.choice([each for each in whole if each[:2] == kind]) for kind in PLACES]
    return sorted({*firsts, *chance.sample(whole, SAMPLE - len(firsts))})


@dataclass
class Scene:
    """A vault with a copy in a folder or a bucket, and what a process of its own needs for the copy."""

    copied: CopiedHouse
    server: BucketServer | None = None
    bucket: str = ""

    def drive(self, act: str, die_at: int) -> int:
        base, now = self.copied.house.vault.layout.root.parent, self.copied.now.isoformat()
        where = (self.server.port, self.bucket) if self.server else ()
        return run_until_killed("copies", act, base, die_at, base / "places", now, *where)

    def assert_nothing_twice(self) -> None:
        """Each object is there once, and no upload is left: what is kept besides costs money, and may be a key."""
        if self.server is not None:
            client = self.server.client()
            pages = client.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
            kept = [
                each["Key"] for page in pages for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            ]
            assert len(kept) == len(set(kept)) == len(list(self.copied.target().store.list()))
            assert "Uploads" not in client.list_multipart_uploads(Bucket=self.bucket)

    def all_bytes(self) -> bytes:
        """Return whatever the vault's folder, the folder of the copy, or any version in the bucket has."""
        base = self.copied.house.vault.layout.root.parent
        files = b"".join(path.read_bytes() for path in base.rglob("*") if path.is_file())
        return files + (self.server.all_bytes(self.bucket) if self.server else b"")


def make_scene(where: str, folder: Path, request: pytest.FixtureRequest) -> Scene:
    if where == "folder":
        return Scene(make_copied_house(folder))
    server: BucketServer = request.getfixturevalue("bucket_server")
    bucket = server.make_bucket(versioned=True)
    return Scene(make_copied_house(folder, copies=(server.copy(bucket, "disk"),)), server, bucket)


def assert_named_is_whole(copied: CopiedHouse, archives: Sequence[Archive]) -> None:
    """What has its name is whole, also where others of its group have none."""
    named = {each.name: each.sha256 for archive in archives for each in objects_of(copied.house.vault, archive)}
    store = copied.target().store
    assert all(digest_of(store.read(each.name)) == named[each.name] for each in store.list() if each.name in named)


def assert_act_is_done(scene: Scene, act: str, key: bytes) -> None:
    """Each act is done once, and leaves nothing of what it must not."""
    house = scene.copied.house
    if act == "destroy":
        assert house.kinds().count("archive.destroyed") == 1
        assert key not in scene.all_bytes()
        scene.copied.copy()  # which ends the upload of a tombstone that was killed
    if act == "repair":
        # Killed once the object was sound and before that was logged, it is found sound, and its finding is cleared.
        assert (house.kinds().count("copy.repaired"), house.kinds().count("copy.cleared")) in ((2, 1), (3, 1))
        assert copy_findings(house.vault.catalogue, "disk") == []
    if act == "rehearse":
        assert house.kinds().count("copy.rehearsed") == 1
        assert list(house.vault.layout.tmp.iterdir()) == []
    scene.assert_nothing_twice()


def damage(scene: Scene, archives: Sequence[Archive]) -> None:
    """Damage the vault and the copy, each in other places, and let the copy be read again."""
    vault = scene.copied.house.vault
    vault.payload_path(archives[0]).write_bytes(b"noise")
    vault.key_path(archives[1]).unlink()
    scene.copied.replace_object(objects_of(vault, archives[2])[1].name, b"noise")
    assert scrub_copy(scene.copied.context(), scene.copied.target(), 1 << 62).findings == 1


@pytest.mark.slow
@pytest.mark.parametrize(("where", "act", "die_at"), chosen())
def test_killed_anywhere_and_started_again(
    tmp_path: Path, where: str, act: str, die_at: int, request: pytest.FixtureRequest
) -> None:
    scene = make_scene(where, tmp_path, request)
    copied, vault = scene.copied, scene.copied.house.vault
    archives = copied.house.add(3)
    if act != "copy":
        copied.copy()
    doomed, key = archives[0], vault.key_path(archives[0]).read_bytes()
    if act == "destroy":
        copied.house.approve_and_cool(doomed)
        archives = archives[1:]
    if act == "repair":
        damage(scene, archives)
    status = scene.drive(act, die_at)
    assert status == -signal.SIGKILL
    if act == "copy":
        assert_named_is_whole(copied, archives)
    assert act != "rehearse" or not list(vault.layout.tmp.rglob("*.key.age"))  # what is left opens nothing
    assert scene.drive(act, 0) == 0
    restored = open_vault(tmp_path / "new") if act == "restore" else vault
    store = copied.target().store
    for archive in archives:
        for each in objects_of(restored, archive):
            assert each.path is not None
            assert digest_of(store.read(each.name)) == each.sha256
            assert digest_of(iter([each.path.read_bytes()])) == each.sha256
    assert_act_is_done(scene, act, key)
    if act == "restore":
        restored.close()
    vault.close()
