"""docs/evidence.md tells commands for stock tools: each is run on a real vault, sound and changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.evidence_chain import Keep, chained, copy_keep, make_keep, read_lines, sizes_of, write_lines
from kit.timestamp_authority import Authority
from strongroom.engine.proof.inclusion_proofs import custody_of, proof_document, prove_entries
from strongroom.evidence.timestamp import get_stamp
from strongroom.vault.archives import get_archive

PAGE = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return make_keep(tmp_path_factory.mktemp("keep") / "here")


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


def run(name: str, folder: Path, **variables: object) -> str:
    found = re.search(rf"<!-- tested: {name} -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/evidence.md has no command marked {name}"
    for tool in ("openssl", "sha256sum", "base64", "python3", "bash"):
        if tool in found[1] + "bash" and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed here")
    env = {**os.environ, "LC_ALL": "C", **{key: str(value) for key, value in variables.items()}}
    script = ["bash", "-uo", "pipefail", "-c", found[1]]
    done = subprocess.run(script, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def notes(keep: Keep) -> list[Path]:
    return [keep.log.parent / "checkpoints" / f"{size}.note" for size in sizes_of(keep)]


def test_the_signature(keep: Keep) -> None:
    for note in notes(keep):
        assert "Signature Verified Successfully" in run("signature", keep.log.parent, KEY=keep.key, NOTE=note)
    note = notes(keep)[0]
    note.write_text(note.read_text().replace("at 2026", "at 2025"))
    assert "Signature Verified Successfully" not in run("signature", keep.log.parent, KEY=keep.key, NOTE=note)


def test_the_root(keep: Keep) -> None:
    for note in notes(keep):
        assert run("root", keep.log.parent, NOTE=note) == "the same\n"
    bodies = read_lines(keep)
    for changed in (
        [*bodies[:1], {**bodies[1], "kind": "x"}, *bodies[2:]],
        bodies[:2],
        [{**bodies[0], "v": 2}, *bodies[1:]],
    ):
        write_lines(keep, chained(changed), rows=False)
        assert run("root", keep.log.parent, NOTE=notes(keep)[0]) == "ANOTHER LOG, OR CHANGED\n"


def test_the_files(keep: Keep) -> None:
    assert run("files", keep.root, ID=keep.archives[0]).count(": OK\n") == 2
    keep.place("manifests", keep.archives[0]).write_text("another")
    assert ": FAILED\n" in run("files", keep.root, ID=keep.archives[0])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, the authority, is not installed")
def test_the_stamp(keep: Keep, tmp_path: Path) -> None:
    authority, note = Authority(tmp_path / "tsa"), notes(keep)[0]
    stamp = get_stamp(note.read_bytes(), authority.certificates.read_bytes(), authority.answer)
    note.with_suffix(".tsr").write_bytes(stamp.data)
    assert "Verification: OK" in run("stamp", keep.log.parent, NOTE=note, CA=authority.certificates)
    note.write_text(note.read_text() + " ")
    assert "Verification: OK" not in run("stamp", keep.log.parent, NOTE=note, CA=authority.certificates)


def test_the_inclusion(keep: Keep, tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    for archive_id in keep.archives:
        with keep.opened() as vault:
            archive = get_archive(vault.catalogue, archive_id)
            assert archive is not None
            entries = custody_of(vault, archive)
            document = proof_document(entries, prove_entries(vault, entries))
        path.write_text(json.dumps(document))
        assert run("inclusion", tmp_path, PROOF=path) == "in the log\n" * len(entries)
        path.write_text(json.dumps(document).replace("job.proven", "job.broken"))
        assert run("inclusion", tmp_path, PROOF=path) == "NOT IN THE LOG\n" * len(entries)
