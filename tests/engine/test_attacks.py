"""What somebody who can write to a vault, its log, its configuration or a clock might try, and who finds it.

The table is in `kit/attacks/table.py`, the acts stand beside it.
Each is tried on a copy of one vault, then the programs look at it. Whatever they find: no file of an archive that was
not condemned is touched, nothing is listed as destroyed that was not, and no program ends in anything but words.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from kit.attacks.configs import CLOCKS, CONFIGURATIONS
from kit.attacks.files import FILES, FOREIGN, LINKS, NAMES, PIPES
from kit.attacks.logs import LOGS, RECOMPUTED
from kit.attacks.people import PEOPLE
from kit.attacks.rows import SQL, sql
from kit.attacks.scene import PROGRAMS, Scene, clock_ahead, copy_scene, first_code, make_scene, run
from kit.attacks.table import TABLE
from kit.evidence_chain import (
    AT,
    SCRIPT,
    Keep,
    chained,
    codes,
    copy_keep,
    forge_note,
    make_keep,
    read_lines,
    run_alone,
    sign_anew,
    sizes_of,
    ticking,
    write_lines,
)
from strongroom.age.identity_file import parse_archive_key
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.engine.core.identities import load_identities
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.evidence.line import Entry
from strongroom.model.errors import VaultError
from strongroom.vault.archives import get_archive
from strongroom.vault.checkpoints import all_checkpoints
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest

ALWAYS = {"audit", "recover", "alone", "destroy"}
ACTS: dict[tuple[str, str], dict[str, Callable[[Scene], object]]] = {
    ("catalogue", "statement"): {name: partial(sql, statement=statement) for name, statement in SQL.items()},
    ("files", "change"): FILES,
    ("files", "name"): NAMES,
    ("files", "link"): LINKS,
    ("files", "pipe"): PIPES,
    ("log", "change"): LOGS,
    ("all", "recomputed"): RECOMPUTED,
    ("configuration", "change"): CONFIGURATIONS,
    ("clock", "clock"): CLOCKS,
    ("people", "name"): PEOPLE,
}


@dataclass(frozen=True)
class Row:
    """One attack, and what is expected of it."""

    writer: str
    way: str
    name: str
    found: str
    why: str = ""  # what nothing finds is no harm

    @property
    def title(self) -> str:
        return f"{self.writer} | {self.way} | {self.name}"

    @property
    def programs(self) -> list[str]:
        """Return what is run: always the same, and what must find something besides; in the order of the programs."""
        named = {word.partition("=")[0].partition(":")[0] for word in self.found.split()}
        return [name for name in PROGRAMS if name in ALWAYS | named]


def rows() -> list[Row]:
    parts = ([part.strip() for part in line.split(" | ")] for line in TABLE.strip().splitlines())
    return [Row(writer, way, name, found.strip("-"), *why) for writer, way, name, found, *why in parts]


def found_by(scene: Scene, row: Row, ahead: timedelta | None) -> str:
    """Run the programs, and return which of them found something, in the words of the table."""
    found = []
    for name in row.programs:
        with clock_ahead(ahead) if ahead else nullcontext():
            told = PROGRAMS[name](scene)
        if told.code == 1:
            found.append(f"{name}:{code}" if (code := first_code(told)) else name)
        elif told.code:
            found.append(f"{name}={told.code}")
    return " ".join(found)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene") / "here")


def listed(scene: Scene) -> set[str]:
    told = run(scene, "destroy", "list", "--json")
    return set() if told.code else {each["id"] for each in json.loads(told.output)["destroyed"]}


def test_nothing_is_found_in_an_untouched_vault(scene: Scene, tmp_path: Path) -> None:
    copy = copy_scene(scene, tmp_path / "here")
    assert {name: program(copy).code for name, program in PROGRAMS.items()} == dict.fromkeys(PROGRAMS, 0) | {
        "propose": 2  # there is nothing
    }
    assert listed(copy) == {scene.names["dead"]}


def test_the_table_has_every_act_and_its_columns() -> None:
    told = [(row.writer, row.way, row.name) for row in rows()]
    acts = [(*key, name) for key, names in ACTS.items() for name in names]
    assert sorted(told) == sorted(acts)
    assert len(told) >= 100
    assert all(row.why for row in rows() if not row.found)


@pytest.mark.slow
@pytest.mark.parametrize("row", rows(), ids=[row.title for row in rows()])
def test_an_attack_is_found_by_what_should_find_it(row: Row, scene: Scene, tmp_path: Path) -> None:
    copy = copy_scene(scene, tmp_path / "here")
    act = ACTS[row.writer, row.way][row.name]
    ahead, dead = act(copy), scene.names["dead"]
    before = copy.files()
    assert found_by(copy, row, ahead if isinstance(ahead, timedelta) else None) == row.found
    after = copy.files()
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert [name for name in changed if dead not in name] == []
    if ("destroy" in row.found or row.way == "recomputed") and row.way != "pipe":
        assert listed(copy) <= {dead, *_told_as_destroyed(copy)}


def _told_as_destroyed(scene: Scene) -> set[str]:
    """Return what a line in the chain says was destroyed: whoever can append well-chained lines makes such a one."""
    kinds = ("archive.destroyed", "destruction.begun")
    return {str(body.get("archive")) for body in read_lines(scene) if body["kind"] in kinds}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return make_keep(tmp_path_factory.mktemp("keep") / "here")


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


def test_an_untouched_vault_is_sound(keep: Keep) -> None:
    report = keep.audit()
    assert codes(report) == []
    assert report.vouched
    assert "of 4 archives, the files of 4 are the ones recorded in the log" in report.proven
    assert codes(keep.alone()) == []
    assert codes(keep.alone(keep.log)) == []


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


def test_a_replaced_archive_differs_in_payload_and_manifest_too(keep: Keep) -> None:
    replace_archive(keep)
    assert codes(keep.alone())[:1] == ["sealed"]
    assert set(codes(keep.audit())) == {"row", "payload", "manifest"}


def test_a_log_that_was_made_anew_with_a_foreign_key_convinces_only_who_trusts_that_key(keep: Keep) -> None:
    bodies, sizes = read_lines(keep), sizes_of(keep)
    (certificate,) = (keep.log.parent / "certificates").glob("*.note")
    certificate.write_text(FOREIGN.sign(certificate.read_text().partition("\n\n")[0] + "\n"))
    digest = hashlib.sha256(certificate.read_bytes()).hexdigest()
    next(body for body in bodies if body["kind"] == "archive.destroyed")["facts"]["certificate_sha256"] = digest
    bodies[0]["facts"]["verifier"] = str(FOREIGN.verifier)
    write_lines(keep, chained(bodies, FOREIGN))
    sign_anew(keep, FOREIGN, sizes)
    keep.outside.unlink()
    foreign = str(FOREIGN.verifier)
    assert codes(keep.alone(key=foreign)) == []
    assert set(codes(keep.alone())) == {"signature"}


def test_a_checkpoint_that_the_log_tells_of_and_that_is_gone_is_missed(keep: Keep) -> None:
    (keep.log.parent / "checkpoints" / f"{sizes_of(keep)[0]}.note").unlink()
    assert codes(keep.audit()) == ["checkpoint", "row"]


def test_a_damage_that_the_log_tells_of_is_no_finding_but_proves_nothing(keep: Keep) -> None:
    keep.place("archives", keep.archives[0]).unlink()
    assert codes(keep.audit()) == ["missing"]
    with keep.opened() as vault:
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("archive.damaged", AT, archive=keep.archives_told[0]))
        vault.write_log()
    report = keep.audit()
    assert codes(report) == []
    assert any("damaged" in each for each in report.unproven)


def test_without_any_key_nothing_is_vouched_for(keep: Keep) -> None:
    told = run_alone(SCRIPT, keep.root)
    assert told.returncode == 3
    assert "no key that you gave signed it" in told.stdout
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
