"""What somebody who can write to a vault might try, and what both auditors say to it: the first word is the reason.

Every attack is made as well as it can be: file and catalogue are changed together, and all that follows is computed
anew. What the attacker cannot do is to sign with the agent's key and to change what has left the host.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from attackkit import (
    AT,
    Keep,
    chained,
    codes,
    copy_keep,
    forge_note,
    make_keep,
    raw,
    read_lines,
    sign_anew,
    sizes_of,
    ticking,
    write_lines,
)

from strongroom.engine.keys.identities import load_identities
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.evidence.line import Entry
from strongroom.evidence.note import Signer
from strongroom.model.errors import VaultError
from strongroom.sealing.keyfile import parse_archive_key
from strongroom.sealing.seal import open_bytes, seal_bytes
from strongroom.vault.archives import get_archive
from strongroom.vault.checkpoints import all_checkpoints
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest

FOREIGN = Signer.generate("strongroom", os.urandom)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return make_keep(tmp_path_factory.mktemp("keep") / "here")


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


def edit(keep: Keep) -> None:
    bodies = read_lines(keep)
    bodies[1]["facts"]["sealed_sha256"] = "0" * 64
    write_lines(keep, [raw(body) for body in bodies])


def edit_well(keep: Keep) -> None:
    bodies = read_lines(keep)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    write_lines(keep, chained(bodies))


def remove(keep: Keep) -> None:
    bodies = read_lines(keep)
    write_lines(keep, [raw(body) for body in bodies[:1] + bodies[2:]])


def remove_well(keep: Keep) -> None:
    bodies = read_lines(keep)
    extra = [{**bodies[-1], "kind": "job.delayed"}]
    write_lines(keep, chained(bodies[:1] + bodies[2:] + extra))


def insert_well(keep: Keep) -> None:
    bodies = read_lines(keep)
    write_lines(keep, chained([*bodies[:1], {**bodies[0], "kind": "job.planned"}, *bodies[1:]]))


def reorder(keep: Keep) -> None:
    bodies = read_lines(keep)
    write_lines(keep, [raw(body) for body in (bodies[0], bodies[2], bodies[1], *bodies[3:])])


def reorder_well(keep: Keep) -> None:
    bodies = read_lines(keep)
    write_lines(keep, chained([bodies[0], bodies[2], bodies[1], *bodies[3:]]))


def cut(keep: Keep) -> None:
    write_lines(keep, chained(read_lines(keep)[:2]))


def cut_and_forget(keep: Keep) -> None:
    """Nothing in the vault remembers that there was more: only what left the host does."""
    later = [*keep.archives[1:], certificate(keep).stem]
    write_lines(keep, chained(read_lines(keep)[:2]))
    sign_anew(keep, FOREIGN, [])
    for archive in later:
        forget(keep, archive)


def forget(keep: Keep, archive: str) -> None:
    for room in ("archives", "keys", "manifests"):
        keep.place(room, archive).unlink(missing_ok=True)
    shutil.rmtree(keep.log.parent / "certificates", ignore_errors=True)
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM archives WHERE id = ?", archive)


def rebuild(keep: Keep) -> None:
    """Make the whole log anew from its first line on, with a key of one's own, and sign all of it."""
    forge_certificate_and_entry(keep)
    bodies, sizes = read_lines(keep), sizes_of(keep)
    bodies[0]["facts"]["verifier"] = str(FOREIGN.verifier)
    write_lines(keep, chained(bodies))
    sign_anew(keep, FOREIGN, sizes)


def rebuild_with_stolen_key(keep: Keep) -> None:
    """Even the agent's own key cannot contradict what it signed before."""
    bodies, sizes = read_lines(keep), sizes_of(keep)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    write_lines(keep, chained(bodies))
    sign_anew(keep, keep.signer, sizes[1:])


def begin_anew_with_stolen_key(keep: Keep) -> None:
    bodies, sizes = read_lines(keep), sizes_of(keep)
    bodies[0]["at"] = "2020-01-01T00:00:00Z"
    write_lines(keep, chained(bodies))
    sign_anew(keep, keep.signer, sizes)


def fork(keep: Keep) -> None:
    """Show two histories of the same length to two people."""
    bodies, sizes = read_lines(keep), sizes_of(keep)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    note = forge_note(chained(bodies), sizes[0], keep.signer)
    keep.outside.write_text(note)


def swap_checkpoint(keep: Keep) -> None:
    first, second = (keep.log.parent / "checkpoints" / f"{size}.note" for size in sizes_of(keep))
    second.write_bytes(first.read_bytes())


def foreign_checkpoint(keep: Keep) -> None:
    path = keep.log.parent / "checkpoints" / f"{sizes_of(keep)[0]}.note"
    path.write_text(forge_note([b"another log", *chained(read_lines(keep))], sizes_of(keep)[0], keep.signer))


def replace_archive(keep: Keep) -> None:
    """Seal other records to the same recipients, so that everything opens, and mend manifest and catalogue."""
    archive_id, identities = keep.archives[0], load_identities(keep.base / "identity.age", lambda: "")
    with keep.opened() as vault:
        archive = get_archive(vault.catalogue, archive_id)
        assert archive is not None
        key = parse_archive_key(open_bytes(vault.layout.key(archive_id).read_bytes(), identities))
        sealed = seal_bytes(b"id,at,text\nx,2026-03-01T10:00:00Z,forged\n", [key.identity.recipient], os.urandom)
        keep.place("archives", archive_id).write_bytes(sealed)
        text = write_manifest(archive).decode()
        text = text.replace(archive.seal.sealed_sha256, hashlib.sha256(sealed).hexdigest())
        text = text.replace(f'"size": {archive.seal.sealed_size}', f'"size": {len(sealed)}')
        keep.place("manifests", archive_id).write_text(text)
        with vault.catalogue.transaction():
            vault.catalogue.write("UPDATE archives SET manifest = ? WHERE id = ?", text, archive_id)


def swap_manifests(keep: Keep) -> None:
    one, other = (keep.place("manifests", archive) for archive in keep.archives[:2])
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def swap_keys(keep: Keep) -> None:
    one, other = (keep.place("keys", archive) for archive in keep.archives[:2])
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def lose_payload(keep: Keep) -> None:
    keep.place("archives", keep.archives[0]).unlink()


def add_archive(keep: Keep) -> None:
    stranger = keep.archives[0][:-3] + "zzz"
    path = keep.place("archives", stranger)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"?")


def certificate(keep: Keep) -> Path:
    (path,) = (keep.log.parent / "certificates").glob("*.note")
    return path


def lose_certificate(keep: Keep) -> None:
    certificate(keep).unlink()


def forge_certificate(keep: Keep) -> None:
    text = certificate(keep).read_text().partition("\n\n")[0] + "\n"
    certificate(keep).write_text(FOREIGN.sign(text))


def forge_certificate_and_entry(keep: Keep) -> None:
    """Sign another certificate with a key of one's own, and have the log name its digest."""
    forge_certificate(keep)
    bodies, digest = read_lines(keep), hashlib.sha256(certificate(keep).read_bytes()).hexdigest()
    next(body for body in bodies if body["kind"] == "archive.destroyed")["facts"]["certificate_sha256"] = digest
    write_lines(keep, chained(bodies))


def revive(keep: Keep) -> None:
    """Put a payload back where the log says that it was destroyed."""
    path = keep.place("archives", certificate(keep).stem)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"?")


Attack = Callable[[Keep], None]
TABLE: list[tuple[Attack, str, str]] = [
    # what is done, what `audit verify` says first, what strongroom-verify says first: it sees files, and no catalogue
    (edit, "chain", "chain"),
    (edit_well, "root", "root"),
    (remove, "sequence", "sequence"),
    (remove_well, "root", "root"),
    (insert_well, "root", "root"),
    (reorder, "sequence", "sequence"),
    (reorder_well, "root", "root"),
    (cut, "cut", "cut"),
    (cut_and_forget, "cut", "cut"),
    (rebuild, "signature", "signature"),
    (rebuild_with_stolen_key, "root", "root"),
    (begin_anew_with_stolen_key, "origin", "origin"),
    (fork, "fork", "fork"),
    (swap_checkpoint, "form", "form"),
    (foreign_checkpoint, "origin", "origin"),
    (replace_archive, "row", "sealed"),
    (swap_manifests, "manifest", "manifest"),
    (swap_keys, "key", "key"),
    (lose_payload, "missing", "missing"),
    (add_archive, "stray", "stray"),
    (lose_certificate, "missing", "missing"),
    (forge_certificate, "certificate", "certificate"),
    (forge_certificate_and_entry, "root", "root"),
    (revive, "not-destroyed", "not-destroyed"),
]


def test_an_untouched_vault_is_sound(keep: Keep) -> None:
    report = keep.audit()
    assert codes(report) == []
    assert report.vouched
    assert "of 4 archives, the files of 4 are the ones that the log tells of" in report.proven
    assert codes(keep.alone()) == []
    assert codes(keep.alone(keep.log)) == []


@pytest.mark.parametrize(("attack", "expected", "alone"), TABLE, ids=[attack.__name__ for attack, *_ in TABLE])
def test_an_attack_is_found_for_the_right_reason(attack: Attack, expected: str, alone: str, keep: Keep) -> None:
    attack(keep)
    assert codes(keep.audit())[:1] == [expected]
    assert codes(keep.alone())[:1] == [alone]


def test_a_replaced_archive_differs_in_payload_and_manifest_too(keep: Keep) -> None:
    replace_archive(keep)
    assert set(codes(keep.audit())) == {"row", "payload", "manifest"}


def test_a_vault_that_was_rolled_back_as_a_whole_is_sound_in_itself_and_contradicts_what_left_it(
    untouched: Keep, tmp_path: Path
) -> None:
    keep = copy_keep(untouched, tmp_path / "here")
    older = copy_keep(untouched, tmp_path / "older")
    cut_and_forget(older)
    shutil.rmtree(keep.root)
    shutil.copytree(older.root, keep.root)
    assert codes(keep.audit())[:1] == ["cut"]
    assert codes(keep.alone()) == ["cut"]
    keep.outside.unlink()
    assert codes(keep.audit()) == []
    assert any("rolled back" in each for each in keep.audit().unproven)


def test_a_log_that_was_made_anew_with_a_foreign_key_convinces_only_who_trusts_that_key(keep: Keep) -> None:
    rebuild(keep)
    keep.outside.unlink()
    foreign = str(FOREIGN.verifier)
    assert codes(keep.alone(key=foreign)) == []
    assert set(codes(keep.alone())) == {"signature"}


def test_a_file_that_was_cut_alone_is_found_by_its_rows(keep: Keep) -> None:
    lines = keep.log.read_bytes().splitlines()
    write_lines(keep, lines[:-1], rows=False)
    assert codes(keep.audit()) == ["row"]
    write_lines(keep, lines[:-2], rows=False)
    assert codes(keep.audit())[:1] == ["cut"]


def test_half_a_line_is_found(keep: Keep) -> None:
    keep.log.write_bytes(keep.log.read_bytes()[:-9])
    assert codes(keep.audit())[:1] == ["line"]
    assert codes(keep.alone())[:1] == ["line"]


def test_a_checkpoint_that_the_log_tells_of_and_that_is_gone_is_missed(keep: Keep) -> None:
    (keep.log.parent / "checkpoints" / f"{sizes_of(keep)[0]}.note").unlink()
    assert codes(keep.audit()) == ["checkpoint", "row"]


def test_a_damage_that_the_log_tells_of_is_no_finding_but_proves_nothing(keep: Keep) -> None:
    lose_payload(keep)
    assert codes(keep.audit()) == ["missing"]
    with keep.opened() as vault:
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("archive.damaged", AT, archive=keep.archives_told[0]))
        vault.write_log()
    report = keep.audit()
    assert codes(report) == []
    assert any("damaged" in each for each in report.unproven)


def test_without_any_key_nothing_is_vouched_for(keep: Keep) -> None:
    from attackkit import SCRIPT, run_alone

    told = run_alone(SCRIPT, keep.root)
    assert told.returncode == 3
    assert "nobody vouches for it" in told.stdout
    assert "WRONG" not in told.stdout


@pytest.mark.parametrize("way", ["unsigned", "foreign", "replayed"])
def test_a_checkpoint_that_is_not_ours_is_not_adopted(keep: Keep, way: str) -> None:
    lines, folder = keep.log.read_bytes().splitlines(), keep.log.parent / "checkpoints"
    forged = forge_note(lines, 2, FOREIGN)
    note = {"unsigned": forged.partition("\n\n")[0] + "\n", "foreign": forged, "replayed": keep.outside.read_text()}
    (folder / "2.note").write_text(note[way])
    with keep.opened() as vault:
        before = [each.size for each in all_checkpoints(vault.catalogue)]
        with pytest.raises(VaultError):
            sign_log(vault, signer_of(keep.config), ticking())
        assert [each.size for each in all_checkpoints(vault.catalogue)] == before
