"""A vault that was rolled back as a whole contradicts nothing in itself: what lies outside it tells, and stops it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kit.evidence_chain import AT, Keep, chained, copy_keep, forge_note, make_keep, read_lines, sizes_of, write_lines
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.monitor.doctor import CheckResult, examine
from strongroom.engine.proof.audit import audit_vault
from strongroom.engine.proof.checkpoint_delivery import build_targets, evidence_alarms, keep_up, send_owed
from strongroom.engine.proof.checkpoints import LogRefused, sign_log
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.evidence.line import Entry
from strongroom.model.alert import Level
from strongroom.vault.log import add_entry


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return make_keep(tmp_path_factory.mktemp("keep") / "here")


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    """Give a vault with a target folder, and an older copy of it beside it."""
    keep = copy_keep(untouched, tmp_path / "here")
    (keep.base / "target").mkdir()
    config = keep.base / "strongroom.toml"
    config.write_text(
        f'{config.read_text()}\n[[evidence.send_to]]\nname = "disk"\ndirectory = "{keep.base / "target"}"\n'
    )
    shutil.copytree(keep.root, keep.base / "older")
    return keep


def later(days: float) -> Callable[[], datetime]:
    return lambda: AT + timedelta(days=days)


def live(keep: Keep, days: float, kind: str = "job.moved", entries: int = 1) -> None:
    """Let something happen."""
    with keep.opened() as vault:
        with vault.catalogue.transaction():
            for _ in range(entries):
                add_entry(vault.catalogue, Entry(kind, later(days)()))
        vault.write_log()


def sign_and_send(keep: Keep, days: float) -> int:
    config = keep.config
    with keep.opened() as vault:
        kept = sign_log(vault, keep.signer, later(days), known_checkpoints(config))
        send_owed(vault, build_targets(config, vault.layout, str, later(days)), later(days), at_once=True)
    return kept.size


def roll_back(keep: Keep) -> None:
    shutil.rmtree(keep.root)
    shutil.copytree(keep.base / "older", keep.root)


def memory(keep: Keep) -> Path:
    (path,) = keep.base.glob("strongroom-signing.key.*.note")
    return path


@pytest.mark.parametrize("entries", [0, 20], ids=["as it was", "grown past what was signed"])
@pytest.mark.parametrize("left", ["target", "memory"])
def test_a_vault_that_was_rolled_back_is_not_signed_and_an_alarm_says_so(left: str, entries: int, keep: Keep) -> None:
    live(keep, 1)
    signed = sign_and_send(keep, 1)
    assert (keep.base / "target" / f"{signed}.note").exists()
    shutil.rmtree(keep.base / "target") if left == "memory" else memory(keep).unlink()
    (keep.base / "target").mkdir(exist_ok=True)
    roll_back(keep)
    if entries:
        live(keep, 2, "job.broken", entries)
    sizes, there = sizes_of(keep), sorted((keep.base / "target").iterdir())
    with pytest.raises(LogRefused, match="there is a newer history outside the vault"):
        sign_and_send(keep, 2)
    assert sizes_of(keep) == sizes
    assert sorted((keep.base / "target").iterdir()) == there
    with keep.opened() as vault:
        (alarm,) = evidence_alarms(vault)
    assert alarm.severity is Level.CRITICAL


def test_the_daemon_looks_outside_before_it_signs(keep: Keep) -> None:
    live(keep, 1)
    sign_and_send(keep, 1)
    roll_back(keep)
    sizes = sizes_of(keep)
    with keep.opened() as vault, pytest.raises(LogRefused, match="outside the vault"):
        keep_up(keep.config, vault, str, later(3))
    assert sizes_of(keep) == sizes


def test_a_log_that_goes_on_is_signed_day_by_day(keep: Keep) -> None:
    for day in range(1, 4):
        live(keep, day)
        size = sign_and_send(keep, day)
        assert memory(keep).read_text() == (keep.base / "target" / f"{size}.note").read_text()
    assert memory(keep).stat().st_mode & 0o077 == 0


def test_what_is_no_checkpoint_of_this_log_is_passed_over(keep: Keep) -> None:
    folder = keep.base / "target"
    (folder / "900.note").write_text(forge_note([b"another", b"log"], 2, keep.signer))
    (folder / "901.note").write_text("no note at all")
    (folder / "902.note").mkdir()
    (folder / "readme.note").write_bytes(b"\xff")
    live(keep, 1)
    assert sign_and_send(keep, 1) > 0


def test_a_folder_that_is_not_there_and_a_key_in_a_read_only_place_hold_nothing_up(keep: Keep) -> None:
    shutil.rmtree(keep.base / "target")
    (keep.base / f"strongroom-signing.key.{'0' * 16}.note").write_text("of another log")
    live(keep, 1)
    with keep.opened() as vault:
        known_places = known_checkpoints(keep.config)
        elsewhere = type(known_places)(known_places.folders, keep.base / "nowhere" / "key")
        assert sign_log(vault, keep.signer, later(1), elsewhere).size > 0


def test_a_log_that_was_written_anew_in_file_rows_and_checkpoints_is_found_from_outside(keep: Keep) -> None:
    live(keep, 1)
    sign_and_send(keep, 1)
    bodies = read_lines(keep)
    write_lines(keep, chained([*bodies[:3], {**bodies[3], "kind": "job.never"}, *bodies[4:]]))
    shutil.rmtree(keep.log.parent / "checkpoints")
    (keep.log.parent / "checkpoints").mkdir()
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM checkpoints")
    with pytest.raises(LogRefused, match="outside the vault"):
        sign_and_send(keep, 2)


def test_the_lookout_of_a_configuration(keep: Keep) -> None:
    config: Config = load_config(keep.base / "strongroom.toml")
    found = known_checkpoints(config)
    assert found.folders == (keep.base / "target",)
    assert found.key == keep.base / "strongroom-signing.key"


def told_by_audit(keep: Keep) -> dict[str, str]:
    config = keep.config
    with keep.opened() as vault:
        report = audit_vault(vault, [keep.key], [], known_places=known_checkpoints(config), payloads=False)
    return {each.code: each.where for each in report.findings}


def told_by_doctor(keep: Keep) -> list[str]:
    config = keep.config
    return [
        f"{each.verdict.value} {each.message}"
        for each in examine(config, Dependencies(clock=later(2)), offline=True)
        if each.name == "checkpoints" and each.verdict is not CheckResult.OK
    ]


@pytest.mark.parametrize("left", ["target", "memory"])
def test_audit_and_doctor_find_a_vault_that_was_rolled_back(left: str, keep: Keep) -> None:
    live(keep, 1, "scrub.ended")
    signed = sign_and_send(keep, 1)
    assert told_by_audit(keep) == {}
    assert told_by_doctor(keep) == []
    memory(keep).unlink() if left == "target" else (keep.base / "target" / f"{signed}.note").unlink()
    roll_back(keep)
    place = "checkpoint target disk" if left == "target" else "the note beside the signing key"
    found = told_by_audit(keep)
    assert found["cut"].startswith(place)
    assert any(place in words and "was cut" in words for words in told_by_doctor(keep))


def test_audit_and_doctor_find_a_log_that_was_written_anew(keep: Keep) -> None:
    live(keep, 1, "scrub.ended")
    sign_and_send(keep, 1)
    bodies = read_lines(keep)
    write_lines(keep, chained([*bodies[:3], {**bodies[3], "kind": "job.never"}, *bodies[4:]]))
    shutil.rmtree(keep.log.parent / "checkpoints")
    (keep.log.parent / "checkpoints").mkdir()
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM checkpoints")
    assert "root" in told_by_audit(keep)
    assert any("not the ones that were signed" in words for words in told_by_doctor(keep))


def test_a_target_that_cannot_be_looked_at_is_said_and_not_passed_over(keep: Keep) -> None:
    live(keep, 1, "scrub.ended")
    sign_and_send(keep, 1)
    shutil.rmtree(keep.base / "target")
    assert told_by_audit(keep) == {"unreachable": "checkpoint target disk"}
    told = "checkpoint target disk could not be read: No such file or directory"
    assert any(told in words for words in told_by_doctor(keep))


def test_a_note_that_cannot_be_kept_beside_the_key_is_told_until_it_can(keep: Keep) -> None:
    live(keep, 1, "scrub.ended")
    sign_and_send(keep, 1)
    path = memory(keep)
    path.unlink()
    path.mkdir()
    live(keep, 2, "scrub.ended")
    sign_and_send(keep, 2)
    with keep.opened() as vault:
        (alarm,) = evidence_alarms(vault)
    assert alarm.severity is Level.WARNING
    assert str(path) in alarm.body
    assert any("could not be kept beside the signing key" in words for words in told_by_doctor(keep))
    path.rmdir()
    sign_and_send(keep, 3)
    with keep.opened() as vault:
        assert list(evidence_alarms(vault)) == []
    assert told_by_doctor(keep) == []


@pytest.mark.parametrize("way", ["pipe", "text"])
def test_what_is_no_checkpoint_in_place_of_the_note_beside_the_key_is_told(keep: Keep, way: str) -> None:
    live(keep, 1, "scrub.ended")
    sign_and_send(keep, 1)
    path = memory(keep)
    path.unlink()
    os.mkfifo(path) if way == "pipe" else path.write_text("nothing of ours")
    assert told_by_audit(keep) == {"unreachable": "the note beside the signing key"}
    assert any("it contains no checkpoint of this log" in words for words in told_by_doctor(keep))


def test_the_note_beside_the_key_is_not_read_through_a_link(keep: Keep) -> None:
    live(keep, 1, "scrub.ended")
    sign_and_send(keep, 1)
    path = memory(keep)
    elsewhere = path.rename(path.with_name("elsewhere"))
    path.symlink_to(elsewhere)  # the same note: whoever made the link decides what it will say tomorrow
    assert told_by_audit(keep) == {"unreachable": "the note beside the signing key"}
    assert any("a symbolic link, which is not followed" in words for words in told_by_doctor(keep))
