"""A copy in a bucket behind a network that loses, tears, delays and repeats: nothing is lost, nothing is there twice.

STRONGROOM_COPY_SEED chooses other faults, and STRONGROOM_COPY_SEEDS how many of these are tried.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from kit.buckets import CANARY, BucketServer
from kit.copies import CopiedHouse, make_copied_house
from kit.faulty_proxy import Fault, FaultyProxy, faulty_proxy
from strongroom.copies.port import CopyAway, digest_of, read_whole
from strongroom.engine.copies.contents import objects_of
from strongroom.engine.copies.copy_scrub import scrub_copy
from strongroom.engine.copies.fetch import is_sound
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.repair.copy_repair import apply_repair, open_repair, plan_repair
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError
from strongroom.vault.vault import open_vault

SEED = int(os.environ.get("STRONGROOM_COPY_SEED", "1"))
SEEDS = int(os.environ.get("STRONGROOM_COPY_SEEDS", "2"))
TRIES = 60
Result = TypeVar("Result")


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.fixture
def proxy(bucket_server: BucketServer) -> Iterator[FaultyProxy]:
    with faulty_proxy(bucket_server.port) as made:
        yield made


@pytest.fixture
def bucket(bucket_server: BucketServer) -> str:
    return bucket_server.make_bucket(versioned=True)


@pytest.fixture
def copied(tmp_path: Path, bucket_server: BucketServer, bucket: str, proxy: FaultyProxy) -> Iterator[CopiedHouse]:
    settings = bucket_server.copy(bucket, "disk", port=proxy.port, timeout=timedelta(seconds=5))
    made = make_copied_house(tmp_path, copies=(settings,))
    yield made
    made.house.vault.close()


def persist(copied: CopiedHouse, act: Callable[[], Result], said: list[str]) -> Result:
    """Do something until it is done, as the daemon and a person would; keep what was said in between."""
    for _ in range(TRIES):
        try:
            return act()
        except StrongroomError as error:
            said.append(error.sentences)
            copied.house.now += timedelta(hours=1)
    raise AssertionError(said)


KINDS = [each for each in Fault if each not in (Fault.HANG, Fault.OTHER)]


def break_at_random(proxy: FaultyProxy, seed: int) -> None:
    chance = random.Random(seed)

    def choose(_method: str, _path: str) -> Fault | None:
        roll = chance.random()
        if roll < 0.01 and Fault.HANG not in proxy.faults:  # once: it takes as long as the client waits
            return Fault.HANG
        return chance.choice(KINDS) if roll < 0.25 else None

    proxy.choose = choose


def destroy(copied: CopiedHouse, doomed: Archive) -> None:
    carry_out(copied.house.context(remove_from_copies=copied.remove))
    if not copied.house.vault.layout.certificate(doomed.id).exists():
        raise CopyAway("the destruction is incomplete")


def repair(copied: CopiedHouse, damaged: Archive) -> None:
    order = open_repair(copied.context(), [copied.target()])
    done = apply_repair(order, plan_repair(order, deep=True))
    if not is_sound(copied.house.vault.payload_path(damaged), damaged.seal.sealed_sha256):
        raise CopyAway("; ".join([*order.away, *done.failed, "not repaired"]))


def restore(copied: CopiedHouse, to: Path) -> None:
    done = restore_vault(CopyRestore(copied.target().store, to, lambda: copied.now))
    if done.faults:  # of an old answer: it is named as missing, and the vault is restored once more
        shutil.rmtree(to)
        raise CopyAway("; ".join(done.faults))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
def test_nothing_is_lost_or_there_twice_whatever_the_network_does(
    copied: CopiedHouse, proxy: FaultyProxy, bucket_server: BucketServer, bucket: str, tmp_path: Path, seed: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    said, vault = list[str](), copied.house.vault
    doomed, *kept = copied.house.add(5)
    key = vault.key_path(doomed).read_bytes()
    break_at_random(proxy, seed)
    persist(copied, copied.copy, said)
    copied.house.approve_and_cool(doomed)
    persist(copied, lambda: destroy(copied, doomed), said)
    kept += copied.house.add(2)
    persist(copied, copied.copy, said)
    vault.payload_path(kept[0]).write_bytes(b"noise")
    persist(copied, lambda: repair(copied, kept[0]), said)
    persist(copied, lambda: restore(copied, tmp_path / "new"), said)
    proxy.choose = lambda _method, _path: None
    assert set(proxy.faults) >= set(KINDS)
    copied.copy()
    with closing(open_vault(tmp_path / "new")) as restored:
        for each in (each for archive in kept for each in objects_of(restored, archive)):
            assert each.path is not None
            there = digest_of(copied.target().store.read(each.name))
            assert there == digest_of(iter([each.path.read_bytes()])) == each.sha256
    assert scrub_copy(copied.context(), copied.target(), 1 << 62).findings == 0
    assert copied.house.kinds().count("archive.destroyed") == 1
    assert key not in bucket_server.all_bytes(bucket)
    found = bucket_server.client().list_object_versions(Bucket=bucket)
    names = [each["Key"] for each in found["Versions"]]
    assert len(names) == len(set(names)) and "DeleteMarkers" not in found
    assert "Uploads" not in bucket_server.client().list_multipart_uploads(Bucket=bucket)
    assert CANARY not in caplog.text + str(said)


WORDS = {
    Fault.RESET: "the connection was closed",
    Fault.LOST: "the connection was closed",
    Fault.TORN: "the answer broke off",
    Fault.SLOW_DOWN: "the server answered SlowDown. The server asks for fewer requests; it is tried again later",
    Fault.HANG: "no answer in time",
}


@pytest.mark.parametrize("fault", WORDS)
def test_a_network_that_stays_broken_is_named_in_words(copied: CopiedHouse, proxy: FaultyProxy, fault: Fault) -> None:
    copied.house.add(1)
    copied.copy()
    proxy.choose = lambda _method, _path: fault
    hasty = replace(copied.config.copies[0].s3, timeout=timedelta(seconds=1))
    copied.config = replace(copied.config, copies=(replace(copied.config.copies[0], s3=hasty),))
    with pytest.raises(CopyAway) as caught:
        copied.copy()
    said = caught.value.sentences
    assert WORDS[fault] in said and said.startswith("the copy disk is away: cannot read ")
    assert "forget" not in said  # it is not known to be lost


def test_an_error_that_breaks_off_and_a_web_page_in_its_place_are_errors_in_words(
    copied: CopiedHouse, proxy: FaultyProxy
) -> None:
    store = copied.target().store
    proxy.choose = lambda _method, _path: Fault.TORN
    with pytest.raises(CopyAway, match="the answer broke off"):
        read_whole(store, "README.txt")  # is not there
    proxy.choose = lambda _method, _path: Fault.OTHER
    for act in (lambda: list(store.list()), store.begin, copied.copy):
        with pytest.raises(CopyAway, match="the server answered 500"):
            act()


@pytest.mark.parametrize("begun", [False, True])
def test_a_clock_that_is_wrong_is_named_as_such(copied: CopiedHouse, proxy: FaultyProxy, begun: bool) -> None:
    copied.house.add(1)
    if begun:
        copied.copy()
    proxy.ahead = timedelta(minutes=20)
    with pytest.raises(CopyAway) as caught:
        copied.copy()
    assert "the server answered RequestTimeTooSkewed. Set the clock of this machine" in caught.value.sentences
    proxy.ahead = timedelta(0)
    assert copied.copy().complete
