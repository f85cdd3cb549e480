"""The scrub reads everything, in order, in slices, and says what is not as it was published."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from kit.sealed_vault import AT, House, as_csv, message
from strongroom.engine.repair.evidence_files import EvidencePart, evidence_files
from strongroom.engine.repair.findings import Recovery
from strongroom.engine.repair.repair import apply
from strongroom.engine.repair.scrub import Scrub
from strongroom.engine.repair.scrub_report import list_findings, scrub_alarms, scrub_state, set_aside
from strongroom.evidence.line import read_chain
from strongroom.model.archive import Archive
from strongroom.model.errors import VaultLocked
from strongroom.model.scrub import ScrubPace
from strongroom.vault.log import newest_entries
from strongroom.vault.scrubs import scrubbed_at
from strongroom.vault.vault import open_vault

DAY = timedelta(days=1)
PACE = ScrubPace(30 * DAY, 1 << 20)


@dataclass
class Moving:
    now = AT

    def __call__(self):  # type: ignore[no-untyped-def]  # a clock
        return self.now


@dataclass
class Kept:
    house: House
    archives: list[Archive]
    clock: Moving

    def scrub(self) -> Scrub:
        return Scrub(self.house.vault, self.clock, PACE)

    def lap(self) -> None:
        scrub = self.scrub()
        scrub.begin()
        while scrub.run(1 << 20, begin=False):
            pass
        scrub.finish()

    def kinds(self) -> list[str]:
        return [str(each.body["kind"]) for each in newest_entries(self.house.vault.catalogue, 50)]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[House, list[Archive]]:
    house = House(tmp_path_factory.mktemp("scrub"))
    archives = [house.seal(as_csv([message(n) for n in range(20 + 3000 * k)])) for k in range(3)]
    house.vault.write_log()
    return house, sorted(archives, key=lambda archive: archive.id)


@pytest.fixture
def kept(sealed: tuple[House, list[Archive]]) -> Iterator[Kept]:
    house, archives = sealed
    files = {path: path.read_bytes() for path in house.vault.layout.root.rglob("*.*") if "catalogue" not in path.name}
    yield Kept(house, archives, Moving())
    log = house.vault.layout.log
    for path, data in files.items():
        if path != log:
            path.write_bytes(data)
    with house.vault.catalogue.transaction():
        house.vault.catalogue.write("DELETE FROM scrubs")
        house.vault.catalogue.write("DELETE FROM scrub_findings")
        house.vault.catalogue.write("DELETE FROM vault WHERE name = 'scrubbed-at'")


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_lap_reads_everything_and_finds_nothing(kept: Kept) -> None:
    kept.lap()
    state = scrub_state(kept.house.vault, AT, PACE)
    assert state.lap is not None
    assert state.lap.archives == 3
    assert (state.lap.done, state.lap.share, state.findings) == (state.lap.total, 1.0, 0)
    assert scrubbed_at(kept.house.vault.catalogue) == AT
    assert kept.kinds()[0] == "scrub.finished"
    assert list(read_chain(kept.house.vault.layout.log.read_bytes().splitlines()))


DAMAGE: dict[str, tuple[Callable[[Kept], Path], Callable[[Path], None], str]] = {
    "payload bit": (lambda kept: kept.house.vault.payload_path(kept.archives[1]), flip, "digest"),
    "payload cut": (
        lambda kept: kept.house.vault.payload_path(kept.archives[1]),
        lambda path: os.truncate(path, 10),
        "size",
    ),
    "payload gone": (lambda kept: kept.house.vault.payload_path(kept.archives[1]), Path.unlink, "missing"),
    "key bit": (lambda kept: kept.house.vault.key_path(kept.archives[1]), flip, "key"),
    "key gone": (lambda kept: kept.house.vault.key_path(kept.archives[1]), Path.unlink, "missing"),
    "manifest bit": (lambda kept: kept.house.vault.layout.manifest(kept.archives[1].id), flip, "manifest"),
    "manifest gone": (lambda kept: kept.house.vault.layout.manifest(kept.archives[1].id), Path.unlink, "missing"),
}


@pytest.mark.parametrize("kind", list(DAMAGE))
def test_what_is_damaged_is_found_alarmed_and_cleared_by_a_later_lap_alone(kept: Kept, kind: str) -> None:
    place, damage, code = DAMAGE[kind]
    path = place(kept)
    whole = path.read_bytes()
    damage(path)
    kept.lap()
    (found,) = list_findings(kept.house.vault)
    assert (found.archive, found.code) == (kept.archives[1].id, code)
    assert found.file == str(path.relative_to(kept.house.vault.layout.root))
    assert "expected" in found.message
    (alarm,) = scrub_alarms(kept.house.vault, AT, PACE)
    assert found.file in alarm.body
    assert found.message in alarm.body
    assert kept.kinds()[:2] == ["scrub.finished", "scrub.found"]
    kept.lap()
    assert kept.kinds()[:2] == ["scrub.finished", "scrub.finished"]  # told once
    path.write_bytes(whole)
    assert len(list_findings(kept.house.vault)) == 1  # nobody has read it again yet
    kept.lap()
    assert list_findings(kept.house.vault) == []
    assert list(scrub_alarms(kept.house.vault, AT, PACE)) == []
    assert kept.kinds()[:2] == ["scrub.finished", "scrub.cleared"]


def test_what_was_mended_is_cleared_beside_what_was_not(kept: Kept) -> None:
    vault, archive = kept.house.vault, kept.archives[1]
    key, payload = vault.key_path(archive), vault.payload_path(archive)
    whole = key.read_bytes()
    flip(key)
    flip(payload)
    kept.lap()
    assert {each.code for each in list_findings(vault)} == {"key", "digest"}
    key.write_bytes(whole)
    kept.lap()
    assert {each.code for each in list_findings(vault)} == {"digest"}


def test_a_changed_line_of_the_log_is_found(kept: Kept) -> None:
    log = kept.house.vault.layout.log
    whole = log.read_bytes()
    try:
        log.write_bytes(whole.replace(b"vault.created", b"vault.creates"))
        kept.lap()
        (found,) = list_findings(kept.house.vault)
        assert (found.archive, found.file, found.code) == ("", "log/log.jsonl", "log")
        assert found.message.startswith("entry 1: expected")
    finally:
        log.write_bytes(whole)
    kept.lap()
    assert list_findings(kept.house.vault) == []


def test_what_is_read_comes_from_the_disk(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: set[str] = set()
    advise = os.posix_fadvise

    def seen(fd: int, offset: int, size: int, advice: int) -> None:
        if advice == os.POSIX_FADV_DONTNEED:
            dropped.add(Path(f"/proc/self/fd/{fd}").readlink().name)
        advise(fd, offset, size, advice)

    monkeypatch.setattr(os, "posix_fadvise", seen)
    kept.lap()
    for archive in kept.archives:
        assert {f"{archive.id}.age", f"{archive.id}.key.age", f"{archive.id}.json"} <= dropped


def test_a_lap_goes_on_after_a_restart_where_it_was(kept: Kept) -> None:
    first = kept.scrub()
    first.begin()
    first.run(kept.archives[0].seal.sealed_size + 2, begin=False)  # as much as opening and reading one costs
    first.finish()
    lap = scrub_state(kept.house.vault, AT, PACE).lap
    assert lap is not None
    assert lap.cursor == kept.archives[0].id
    flip(kept.house.vault.payload_path(kept.archives[0]))  # behind the cursor: this lap has passed it
    second = kept.scrub()
    while second.run(1 << 20, begin=False):
        pass
    state = scrub_state(kept.house.vault, AT, PACE)
    assert state.lap is not None
    assert (state.lap.number, state.lap.archives, state.findings) == (1, 3, 0)
    kept.lap()
    assert [each.archive for each in list_findings(kept.house.vault)] == [kept.archives[0].id]


def test_the_daemon_reads_no_more_than_is_due_and_the_rate_allows(kept: Kept) -> None:
    scrub, reads = kept.scrub(), []
    for _ in range(30 * 24):
        kept.clock.now += timedelta(hours=1)
        reads.append(scrub.tend())
    state = scrub_state(kept.house.vault, kept.clock.now, PACE)
    assert state.lap is not None
    assert state.lap.ended_at is not None
    assert timedelta(days=23) < state.lap.ended_at - state.lap.began_at < timedelta(days=25)
    assert not state.behind
    assert sum(1 for read in reads if read == 0) > 300
    kept.clock.now += 31 * DAY
    scrub.tend()
    state = scrub_state(kept.house.vault, kept.clock.now, PACE)
    assert state.lap is not None
    assert (state.lap.number, state.lap.ended_at) == (2, None)


def test_two_processes_never_scrub_at_once(kept: Kept) -> None:
    first, second = kept.scrub(), kept.scrub()
    first.begin()
    folder = os.open(kept.house.vault.layout.root / "archives", os.O_RDONLY)
    try:
        import fcntl

        fcntl.flock(folder, fcntl.LOCK_EX)
        assert second.tend() == 0
        with pytest.raises(VaultLocked):
            second.run(10)
    finally:
        os.close(folder)
    second.run(1 << 30, begin=False)
    assert first.run(1 << 30, begin=False) == 0  # it sees that the lap has ended meanwhile


@pytest.mark.parametrize(
    ("pace", "days", "behind"),
    [
        (PACE, 59, False),
        (PACE, 61, True),
        (ScrubPace(4 * DAY), 7, False),
        (ScrubPace(4 * DAY), 9, True),
        (None, 61, True),
    ],
)
def test_a_scrub_is_behind_by_the_pace_that_is_configured(
    kept: Kept, pace: ScrubPace | None, days: int, behind: bool
) -> None:
    kept.lap()
    assert scrub_state(kept.house.vault, AT + days * DAY, pace).behind is behind


def test_reading_leaves_nothing_in_the_page_cache(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    dropped: list[str] = []  # before it is read, so that it comes from the disk, and after it

    def advise(fd: int, at: int, size: int, advice: int) -> None:
        if (at, size, advice) == (0, 0, os.POSIX_FADV_DONTNEED):
            dropped.append(Path(f"/proc/self/fd/{fd}").readlink().name)

    monkeypatch.setattr(os, "posix_fadvise", advise)
    kept.lap()
    assert [dropped.count(f"{each.id}.age") for each in kept.archives] == [2, 2, 2]


def test_an_archive_in_quarantine_is_read_on_but_for_what_it_was_put_aside_for(tmp_path: Path) -> None:
    house, clock = House(tmp_path), Moving()
    archive = house.seal(as_csv([message(1)]))
    house.vault.write_log()
    flip(house.vault.payload_path(archive))
    house.vault.close()
    root = tmp_path / "vault"
    apply(Recovery(root, clock, lambda count: b"\1" * count, deep=True))
    vault = open_vault(root)
    try:
        assert set_aside(vault) == (archive.id,)
        assert [each.fault for each in evidence_files(vault) if each.fault] == []
        flip(vault.layout.quarantined(archive.id, ".key.age"))
        found = [(each.part, each.fault.code) for each in evidence_files(vault) if each.fault]
        assert found == [(EvidencePart.QUARANTINE, "key")]
        assert [each.fault for each in evidence_files(vault, deep=False) if each.fault] == []
    finally:
        vault.close()
