"""Signing the log: what is signed goes on from everything that was signed before, or nothing is signed at all."""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from kit.evidence_chain import (
    AT,
    Keep,
    chained,
    codes,
    copy_keep,
    forge_note,
    make_keep,
    read_lines,
    sizes_of,
    ticking,
    write_lines,
)
from strongroom.engine.proof import checkpoint_delivery as notary
from strongroom.engine.proof import checkpoints
from strongroom.engine.proof.checkpoint_delivery import evidence_alarms, evidence_view, keep_up
from strongroom.engine.proof.checkpoints import LogRefused, is_due, sign_log
from strongroom.evidence.checkpoint import open_checkpoint
from strongroom.evidence.note import Signer
from strongroom.model.alert import Level
from strongroom.model.errors import CatalogueBusy, UsageError, VaultError
from strongroom.vault import catalogue
from strongroom.vault.checkpoints import KeptCheckpoint, all_checkpoints, get_trouble, keep_file, newest_checkpoint
from strongroom.vault.vault import create_vault


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return make_keep(tmp_path_factory.mktemp("keep") / "here")


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


def sign(keep: Keep, signer: Signer | None = None) -> KeptCheckpoint:
    with keep.opened() as vault:
        return sign_log(vault, signer or keep.signer, ticking())


def test_a_checkpoint_is_a_file_a_row_and_an_entry(keep: Keep) -> None:
    before = len(read_lines(keep))
    kept = sign(keep)
    told = open_checkpoint(kept.note, keep.signer.verifier)
    assert (kept.size, told.size, told.at) == (before, before, AT + timedelta(minutes=1))
    assert (keep.log.parent / "checkpoints" / f"{before}.note").read_text() == kept.note
    with keep.opened() as vault:
        assert newest_checkpoint(vault.catalogue) == kept
    last = read_lines(keep)[-1]
    assert (last["kind"], last["facts"]["entries"], last["facts"]["root"]) == (
        "checkpoint.signed",
        before,
        told.root.hex(),
    )
    assert codes(keep.audit()) == []


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        (lambda bodies: bodies[:4], "the log was cut"),
        (lambda bodies: [bodies[0], {**bodies[1], "kind": "job.broken"}, *bodies[2:]], "not the ones that were signed"),
        (lambda bodies: [{**bodies[0], "kind": "vault.remade"}, *bodies[1:]], "another log"),
    ],
    ids=["cut", "rewritten", "begun anew"],
)
def test_a_log_that_contradicts_what_was_signed_is_refused_and_alarmed(bodies: object, words: str, keep: Keep) -> None:
    assert callable(bodies)
    sizes, whole = sizes_of(keep), chained(read_lines(keep))
    write_lines(keep, chained(bodies(read_lines(keep))))
    with pytest.raises(LogRefused, match=words):
        sign(keep)
    assert sizes_of(keep) == sizes
    with keep.opened() as vault:
        (alarm,) = evidence_alarms(vault)
        assert alarm.severity is Level.CRITICAL
        assert words in alarm.body
        assert evidence_view(keep.config, vault).trouble == get_trouble(vault.catalogue) != ""
    write_lines(keep, whole)
    sign(keep)
    with keep.opened() as vault:
        assert list(evidence_alarms(vault)) == []


def test_a_line_that_is_not_its_row_is_refused(keep: Keep) -> None:
    lines = keep.log.read_bytes().splitlines()
    keep.log.write_bytes(b"\n".join([lines[0].replace(b"2026", b"2025"), *lines[1:]]) + b"\n")
    with pytest.raises(LogRefused, match="line 1 of the log"):
        sign(keep)


def test_a_chain_that_is_broken_in_file_and_rows_is_refused_even_where_nothing_was_signed_yet(keep: Keep) -> None:
    shutil.rmtree(keep.log.parent / "checkpoints")
    (keep.log.parent / "checkpoints").mkdir()
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM checkpoints")
    bodies = read_lines(keep)
    write_lines(keep, [json.dumps(body, sort_keys=True, separators=(",", ":")).encode() for body in bodies[1:]])
    with pytest.raises(VaultError):
        sign(keep)


def test_a_foreign_note_in_the_folder_stops_the_signing(keep: Keep) -> None:
    lines = keep.log.read_bytes().splitlines()
    (keep.log.parent / "checkpoints" / "2.note").write_text(forge_note([b"another", b"log"], 2, keep.signer))
    with pytest.raises(LogRefused, match="another log"):
        sign(keep)
    assert keep.log.read_bytes().splitlines() == lines


def test_a_note_that_was_changed_on_the_disk_stops_the_signing(keep: Keep) -> None:
    path = keep.log.parent / "checkpoints" / f"{sizes_of(keep)[0]}.note"
    path.write_text(path.read_text().replace("at ", "at  "))
    with pytest.raises(LogRefused, match="not the one that was signed"):
        sign(keep)


def test_what_a_crash_left_between_file_and_row_is_adopted_once(keep: Keep) -> None:
    lines = keep.log.read_bytes().splitlines()
    orphan = keep.log.parent / "checkpoints" / f"{len(lines)}.note"
    orphan.write_text(forge_note(lines, len(lines), keep.signer))
    kept = sign(keep)
    assert kept.note == orphan.read_text()
    sign(keep)
    told = [body["facts"]["entries"] for body in read_lines(keep) if body["kind"] == "checkpoint.signed"]
    assert told.count(len(lines)) == 1
    assert codes(keep.audit()) == []


def test_a_catalogue_that_was_made_again_takes_its_checkpoints_from_the_files(keep: Keep) -> None:
    sizes, before = sizes_of(keep), len(read_lines(keep))
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM checkpoints")
    sign(keep)
    with keep.opened() as vault:
        assert [kept.size for kept in all_checkpoints(vault.catalogue)] == [*sizes, before]
    told = [body["facts"]["entries"] for body in read_lines(keep) if body["kind"] == "checkpoint.signed"]
    assert told == [*sizes, before]


def test_another_key_goes_on_where_the_former_one_ended(keep: Keep) -> None:
    fresh = Signer.generate("strongroom", os.urandom)
    kept = sign(keep, fresh)
    assert open_checkpoint(kept.note, keep.signer.verifier, fresh.verifier).size == kept.size
    assert set(codes(keep.audit())) == {"signature"}


def test_a_log_without_an_entry_is_not_signed(tmp_path: Path) -> None:
    vault = create_vault(tmp_path / "vault", "how to open it\n")
    try:
        with pytest.raises(VaultError, match="has no entry"):
            sign_log(vault, Signer.generate("strongroom", os.urandom), ticking())
    finally:
        vault.close()


def test_the_day_decides_when_it_is_due_and_a_clock_set_back_does_not_put_it_off(keep: Keep) -> None:
    at = sign(keep).at
    day = timedelta(days=1)
    with keep.opened() as vault:
        assert [is_due(vault, day, at + after) for after in (-3 * day, timedelta(0), day / 2, day)] == [
            True,
            False,
            False,
            True,
        ]


def test_the_daemon_signs_once_a_day_and_works_without_a_key(keep: Keep) -> None:
    count, at = len(sizes_of(keep)), AT + timedelta(days=30)
    with keep.opened() as vault:
        for hours in (0, 1, 23, 24, 25):
            keep_up(keep.config, vault, lambda ref: str(ref), lambda hours=hours: at + timedelta(hours=hours))
    assert len(sizes_of(keep)) == count + 2
    config = keep.base / "strongroom.toml"
    lines = config.read_text().splitlines()
    config.write_text("\n".join(line for line in lines if not line.startswith("signing_key")))
    with keep.opened() as vault:
        keep_up(keep.config, vault, lambda ref: str(ref), lambda: at + timedelta(days=9))
        assert not evidence_view(keep.config, vault).signing
    assert len(sizes_of(keep)) == count + 2


def test_a_key_that_is_not_to_be_had_is_told(keep: Keep) -> None:
    (keep.base / "strongroom-signing.key").unlink()
    with keep.opened() as vault:
        with pytest.raises(UsageError):
            keep_up(keep.config, vault, lambda ref: str(ref), lambda: AT + timedelta(days=30))
        (alarm,) = evidence_alarms(vault)
    assert "needs your attention" in alarm.title


def test_a_catalogue_that_is_busy_for_a_while_is_no_trouble_of_the_log(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "BUSY_SECONDS", 0.05)
    told: list[str] = []
    for module in (checkpoints, notary):
        monkeypatch.setattr(module, "set_trouble", lambda _catalogue, words: told.append(words))
    with keep.opened() as vault:
        other = catalogue.open_catalogue(vault.layout.catalogue)
        with other.transaction(), pytest.raises(CatalogueBusy):
            keep_up(keep.config, vault, lambda ref: str(ref), lambda: AT + timedelta(days=30))
        assert told == []
        keep_up(keep.config, vault, lambda ref: str(ref), lambda: AT + timedelta(days=30))
        assert told == [""]
        other.close()


def test_a_file_that_is_there_already_must_be_the_same(keep: Keep) -> None:
    path = keep.log.parent / "checkpoints" / "77.note"
    with keep.opened() as vault:
        keep_file(vault.layout, path, b"one")
        keep_file(vault.layout, path, b"one")
        with pytest.raises(VaultError, match="says something else"):
            keep_file(vault.layout, path, b"other")
        assert list(vault.layout.tmp.iterdir()) == []
