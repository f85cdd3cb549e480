"""Copying: what is missing, resumed where it stopped, never mixed with another history; destruction in copies."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.copies import CopiedHouse, make_copied_house, reseal
from strongroom.age.writer import seal_bytes
from strongroom.copies.port import CopyAway, read_whole
from strongroom.engine.copies.copy_status import copy_alarms, copy_statuses
from strongroom.engine.copies.copying import is_behind
from strongroom.engine.copies.targets import forget, sent_lines
from strongroom.engine.destruction.destroy import ExecutionReport, carry_out
from strongroom.engine.destruction.execute import read_certificate
from strongroom.engine.destruction.stuck import destruction_alarms
from strongroom.model.archive import Archive, Holding
from strongroom.model.copies import prefixes_of
from strongroom.model.errors import Interrupted, VaultError, VaultLocked
from strongroom.vault.copies import copies_alone, copy_findings, copy_state, known_copies
from strongroom.vault.vault import open_vault

DAY = timedelta(days=1)


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[CopiedHouse]:
    made = make_copied_house(tmp_path)
    yield made
    made.house.vault.close()


def lines_in(copied: CopiedHouse, name: str = "disk") -> bytes:
    store = copied.target(name).store
    return b"".join(read_whole(store, each.name) for each in store.list("log/lines/"))


def check_complete(copied: CopiedHouse, archives: list[Archive], name: str = "disk") -> None:
    """Compare every object with the vault, byte for byte."""
    vault, store = copied.house.vault, copied.target(name).store
    for archive in archives:
        found = {each.name for prefix in prefixes_of(archive.id) for each in store.list(prefix)}
        expected = {
            vault.key_path(archive).read_bytes(), vault.payload_path(archive).read_bytes(),
            next(path for path in vault.layout.root.rglob(f"{archive.id}.json")).read_bytes(),
        }  # fmt: skip
        assert {read_whole(store, each) for each in found} == expected
    assert vault.layout.log.read_bytes().startswith(lines_in(copied, name))


def test_a_copy_gets_everything_and_then_what_is_new(copied: CopiedHouse) -> None:
    first = [*copied.house.add(3), *copied.house.add(1, holding=Holding.QUARANTINED)]
    assert is_behind(copied.house.vault, "disk", copied.now)
    done = copied.copy()
    assert (done.archives, done.objects, done.complete, done.problems) == (4, 12, True, [])
    check_complete(copied, first)
    assert not is_behind(copied.house.vault, "disk", copied.now)
    second = copied.house.add(2)
    (status,) = copy_statuses(copied.house.vault, copied.config)
    assert (status.backlog.archives, status.begun) == (2, True)
    assert is_behind(copied.house.vault, "disk", copied.now)
    assert copied.copy().archives == 2
    check_complete(copied, [*first, *second])
    assert copied.copy().objects == 0
    state = copy_state(copied.house.vault.catalogue, "disk")
    assert (state.complete_at, state.tries, state.failure) == (copied.now, 0, "")


def test_the_first_copy_of_an_old_vault_is_not_behind_at_once(copied: CopiedHouse) -> None:
    copied.house.add(3)
    copied.house.now += 400 * DAY
    with pytest.raises(Interrupted):
        copied.copy(stop=lambda: True)
    copied.house.now += timedelta(hours=23)
    assert list(copy_alarms(copied.house.vault, copied.now)) == []
    copied.house.now += timedelta(hours=25)
    (alarm,) = copy_alarms(copied.house.vault, copied.now)
    assert alarm.title == "a copy of the vault is behind by 2 days, 3 archives"


def test_a_copy_that_is_behind_raises_an_alert_and_catches_up_by_itself(copied: CopiedHouse) -> None:
    copied.house.add(1)
    copied.copy()
    place = copied.root().parent
    place.rename(place.with_name("unplugged"))
    copied.house.add(41)
    copied.house.now += 2 * DAY
    with pytest.raises(CopyAway, match="the copy disk is not in"):
        copied.copy()
    assert not place.exists()
    state = copy_state(copied.house.vault.catalogue, "disk")
    assert state.tries == 1
    assert not is_behind(copied.house.vault, "disk", copied.now)  # it waits
    (alarm,) = copy_alarms(copied.house.vault, copied.now)
    assert "behind by" in alarm.title and "41 archives" in alarm.title and "disk" not in alarm.title
    place.mkdir()  # another disk is mounted there, or none
    with pytest.raises(CopyAway, match="is not in"):
        copied.copy()
    assert list(place.iterdir()) == []
    place.rmdir()
    place.with_name("unplugged").rename(place)
    copied.house.now += DAY
    assert is_behind(copied.house.vault, "disk", copied.now)
    assert copied.copy().archives == 41
    assert list(copy_alarms(copied.house.vault, copied.now)) == []


@pytest.mark.parametrize("die_at", [1, 5, 14, 23, 24, 25])
def test_a_run_that_stops_anywhere_resumes_and_ends_with_the_same_copy(copied: CopiedHouse, die_at: int) -> None:
    class Killed(Exception):
        """Stands in for a process that dies."""

    archives = copied.house.add(8)
    count = 0

    def die(_where: str) -> None:
        nonlocal count
        count += 1
        if count == die_at:
            raise Killed

    copied.crash_point = die
    with pytest.raises(Killed):
        copied.copy()
    copied.crash_point = lambda _where: None
    (copied.root() / "tmp" / "torn.part").write_bytes(b"half an object")
    assert copied.copy().complete
    check_complete(copied, archives)
    assert list((copied.root() / "tmp").iterdir()) == []


def test_a_request_to_stop_keeps_what_was_done(copied: CopiedHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.engine.copies.copying.TOGETHER", 2)
    archives = copied.house.add(5)
    calls = iter([False, False, True])
    with pytest.raises(Interrupted):
        copied.copy(stop=lambda: next(calls))
    assert copied.copy().objects == 3
    check_complete(copied, archives)


def test_several_vaults_share_a_folder_without_touching_each_other(tmp_path: Path) -> None:
    houses = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made = make_copied_house(tmp_path / name)
        if houses:
            (tmp_path / name / "disk").rmdir()
            (tmp_path / name / "disk").symlink_to(tmp_path / "one" / "disk")
        houses.append((made, made.house.add(2)))
        made.copy()
    assert len(list((tmp_path / "one" / "disk").iterdir())) == 2
    for made, archives in houses:
        check_complete(made, archives)
        assert made.copy().objects == 0
        made.house.vault.close()


def test_an_older_state_of_the_vault_and_a_forked_one_copy_nothing(copied: CopiedHouse, tmp_path: Path) -> None:
    copied.house.add(2)
    copied.copy()
    root = copied.house.vault.layout.root
    shutil.copytree(root, tmp_path / "backup")
    copied.house.add(2)
    copied.copy()
    before = sorted(copied.names())
    copied.house.vault.close()
    shutil.rmtree(root)
    (tmp_path / "backup").rename(root)
    copied.house.vault = open_vault(root)
    with pytest.raises(VaultError, match="older state"):
        copied.copy()
    copied.house.add(9)
    with pytest.raises(VaultError, match="not the one in the vault"):
        copied.copy()
    assert sorted(copied.names()) == before


def test_what_is_damaged_here_is_not_copied_and_named(copied: CopiedHouse) -> None:
    good, bad = copied.house.add(2)
    path = copied.house.vault.payload_path(bad)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    done = copied.copy()
    assert done.complete and len(done.problems) == 1 and bad.id in done.problems[0]
    check_complete(copied, [good])
    (finding,) = copy_findings(copied.house.vault.catalogue, "disk")
    assert (finding.archive, finding.code) == (bad.id, "missing")
    assert copied.house.kinds().count("copy.found") == 1


def test_a_rotated_key_replaces_the_former_one(copied: CopiedHouse) -> None:
    (archive,) = copied.house.add()
    copied.copy()
    vault = copied.house.vault
    former = vault.key_path(archive).read_bytes()
    fresh = seal_bytes(b"another", [copied.house.master.recipient], os.urandom)
    vault.key_path(archive).write_bytes(fresh)
    reseal(copied.house, archive)
    copied.copy()
    (name,) = copied.names(prefix=f"keys/{archive.id[-2:]}/")
    assert read_whole(copied.target().store, name) == fresh != former


def test_only_one_process_writes_to_copies(copied: CopiedHouse) -> None:
    copied.house.add()
    with copies_alone(copied.house.vault.layout) as mine, pytest.raises(VaultLocked):
        assert mine
        copied.copy()


def test_the_lines_of_the_log_are_whole_in_the_copy(copied: CopiedHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.engine.copies.copying.LINES_AT_ONCE", 3)
    monkeypatch.setattr("strongroom.engine.copies.copying.STEP", 2)
    copied.house.add(9)
    copied.copy()
    assert len(copied.names(prefix="log/lines/")) > 3
    lines = lines_in(copied).splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert sent_lines(copied.target())[0] == len(lines)


# Destruction.


def destroy(copied: CopiedHouse, *archives: Archive, approve: bool = True) -> ExecutionReport:
    if approve:
        copied.house.approve_and_cool(*archives)
    return carry_out(copied.house.context(remove_from_copies=copied.remove, crash_point=copied.crash_point))


def traces(copied: CopiedHouse, archive: Archive, *needles: bytes) -> list[str]:
    """Return every file of any copy that is named after an archive, or has one of these bytes."""
    found = [path for each in copied.config.copies for path in copied.files(each.name)]
    named = [path.name for path in found if archive.id in path.name and "tombstones" not in path.parts]
    named = [name for name in named if not name.endswith(".note")]
    return named + [path.name for path in found if any(needle in path.read_bytes() for needle in needles)]


@pytest.mark.parametrize("holding", [Holding.HELD, Holding.QUARANTINED])
def test_a_destruction_reaches_the_copy_and_the_certificate_names_it(copied: CopiedHouse, holding: Holding) -> None:
    doomed, kept = copied.house.add(2, holding=holding)
    key = copied.house.vault.key_path(doomed).read_bytes()
    copied.copy()
    execution = destroy(copied, doomed)
    assert [each.archive for each in execution.destroyed] == [doomed.id]
    assert traces(copied, doomed, key) == []
    body = read_certificate(copied.house.vault.layout.certificate(doomed.id).read_bytes())
    assert body["copies"] == ["disk"]
    assert "no object under its name in the copy disk" in body["verified"]
    copied.copy()
    assert traces(copied, doomed, key) == []
    assert f"log/certificates/{doomed.id}.note" in copied.names()
    check_complete(copied, [kept])


def test_a_copy_that_is_away_makes_the_destruction_incomplete_until_it_is_reached(tmp_path: Path) -> None:
    copied = make_copied_house(tmp_path, "disk", "usb")
    doomed, other = copied.house.add(2)
    key = copied.house.vault.key_path(doomed).read_bytes()
    copied.copy("disk"), copied.copy("usb")
    (tmp_path / "usb").rename(tmp_path / "drawer")
    execution = destroy(copied, doomed)
    assert execution.destroyed == []
    assert "usb" in execution.incomplete[0].message
    assert not copied.house.vault.layout.certificate(doomed.id).exists()
    assert not copied.house.vault.key_path(doomed).exists()
    assert traces(copied, doomed) == [] or all("drawer" in str(path) for path in (tmp_path / "drawer").rglob("*"))
    copied.house.now += DAY
    (alarm,) = destruction_alarms(copied.house.vault, copied.now)
    assert "usb" in alarm.body
    execution = destroy(copied, other)  # another destruction is not kept waiting by this one
    assert copied.house.kinds().count("destruction.begun") == 2
    (tmp_path / "drawer").rename(tmp_path / "usb")
    execution = destroy(copied, approve=False)
    assert {each.archive for each in execution.destroyed} == {doomed.id, other.id}
    assert traces(copied, doomed, key) == []
    assert list(destruction_alarms(copied.house.vault, copied.now)) == []
    copied.house.vault.close()


def test_a_copy_that_a_person_forgot_is_named_as_not_proven(copied: CopiedHouse) -> None:
    (doomed,) = copied.house.add()
    copied.copy()
    shutil.rmtree(copied.root().parent)
    assert destroy(copied, doomed).destroyed == []
    forget(copied.house.vault, "disk", "uid:1000", "the disk was shredded", copied.now)
    assert known_copies(copied.house.vault.catalogue) == {}
    assert len(destroy(copied, approve=False).destroyed) == 1
    body = read_certificate(copied.house.vault.layout.certificate(doomed.id).read_bytes())
    assert body["copies"] == []
    assert any("the copy disk was recorded as gone" in each for each in body["not_proven"])


def test_a_copy_that_lost_its_configuration_is_not_forgotten(copied: CopiedHouse) -> None:
    (doomed,) = copied.house.add()
    copied.copy()
    with copied.house.vault.catalogue.transaction():
        copied.house.vault.catalogue.write("DELETE FROM copies")
    copied.config = type(copied.config)(copied.config.file, copied.config.vault)
    execution = destroy(copied, doomed)
    assert "not in the configuration" in execution.incomplete[0].message


@pytest.mark.parametrize("die_at", range(1, 6))
def test_a_destruction_that_stops_in_a_copy_is_completed(copied: CopiedHouse, die_at: int) -> None:
    class Killed(Exception):
        """Stands in for a process that dies."""

    (doomed,) = copied.house.add()
    key = copied.house.vault.key_path(doomed).read_bytes()
    copied.copy()
    places: list[str] = []

    def die(where: str) -> None:
        places.extend([where] if where.startswith("copy:") else [])
        if len(places) == die_at:
            raise Killed

    copied.crash_point = die
    try:
        destroy(copied, doomed)
    except Killed:
        assert not copied.house.vault.layout.certificate(doomed.id).exists()
    if die_at >= 2:
        assert key not in b"".join(path.read_bytes() for path in copied.files())  # the key goes first
    copied.crash_point = lambda _where: None
    destroy(copied, approve=False)
    assert traces(copied, doomed, key) == []
    assert copied.house.kinds().count("archive.destroyed") == 1


def test_copying_removes_first_what_is_being_destroyed(copied: CopiedHouse) -> None:
    (doomed,) = copied.house.add()
    copied.copy()
    with copies_alone(copied.house.vault.layout):
        execution = destroy(copied, doomed)
    assert "being copied" in execution.incomplete[0].message
    copied.house.add(3)
    copied.copy()
    assert traces(copied, doomed) == []
    assert len(destroy(copied, approve=False).destroyed) == 1
