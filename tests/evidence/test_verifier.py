"""The verifier that stands alone: it imports nothing of ours, runs as a lone file, and its tree agrees with ours."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.evidence import verifier
from strongroom.evidence.note import Signer
from strongroom.evidence.tree import leaf_hash, prove
from strongroom.evidence.verifier import Key, Log, Wrong, goes_on

SCRIPT = Path(verifier.__file__)
ROOT = Path(__file__).parents[2]
LINES = st.lists(st.binary(max_size=8), min_size=1, max_size=40)
OTHER = b"longer than any of them"
SIGNER = Signer.generate("strongroom", os.urandom)


def test_it_uses_the_standard_library_and_cryptography_alone() -> None:
    tree = ast.parse(SCRIPT.read_text())
    found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    tops = {str(name).partition(".")[0] for name in found}
    assert tops - set(sys.stdlib_module_names) == {"cryptography"}
    assert len(SCRIPT.read_text().splitlines()) <= 1200  # short enough to be read by anyone who must trust it


def joiner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("join_verifier", ROOT / "packaging" / "join_verifier.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_joined_from_the_modules_as_they_are() -> None:
    assert SCRIPT.read_text() == joiner().join(), "run: make verifier"


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("vault", "def climb() -> None: ...\n", "two modules make the same name: climb"),
        ("log", "from strongroom_verify.vault import check_vault\n", "log.py imports strongroom_verify.vault"),
        ("log", "from pathlib import Path as Folder\n", "log.py imports a name under another name"),
        ("forgotten", "", "ORDER in join_verifier.py must name every module"),
    ],
)
def test_what_a_joined_file_cannot_have_is_refused(
    name: str, more: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = joiner()
    source = shutil.copytree(join.SOURCE, tmp_path / "source")
    with (source / f"{name}.py").open("a") as file:
        file.write(more)
    monkeypatch.setattr(join, "SOURCE", source)
    with pytest.raises(ValueError, match=words):
        join.join()


def test_it_runs_as_a_lone_file_where_nothing_of_ours_can_be_seen(tmp_path: Path) -> None:
    shutil.copy(SCRIPT, tmp_path / "check.py")
    script = (
        "import runpy, sys; sys.argv = ['check.py', '--help']\n"
        "try: runpy.run_path(sys.path[0] or 'check.py', run_name='__main__')\n"
        "finally: assert not [name for name in sys.modules if name.startswith('strongroom')]\n"
    )
    (tmp_path / "start.py").write_text(script.replace("sys.path[0] or 'check.py'", repr(str(tmp_path / "check.py"))))
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "start.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--checkpoint FILE" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["--key", "nonsense", "."], ["--key", "a+b+c", "."], ["--key", "k" * 300, "."], []]
)
def test_a_wrong_call_is_refused(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), *arguments], capture_output=True, check=False)
    assert done.returncode == 2


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "WRONG       missing" in done.stdout


def test_a_path_that_is_not_there_is_a_wrong_call_and_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "no\x1b[31msuch"
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(missing)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no file or folder {str(missing)!a}" in done.stderr


def test_it_grows_with_the_syntax_of_older_pythons() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 9))


@given(LINES)
def test_its_tree_is_our_tree(lines: list[bytes]) -> None:
    proofs = prove([leaf_hash(line) for line in lines], len(lines), range(len(lines)), range(1, len(lines) + 1))
    log = Log()
    roots = {}
    for line in lines:
        log._grow(leaf_hash(line))
        roots[log.size] = prove([leaf_hash(each) for each in lines], log.size).root
    for index, path in proofs.inclusion.items():
        climbed = verifier.climb(index, len(lines) - 1, [leaf_hash(lines[index])], list(path))
        assert climbed == [proofs.root]
        assert verifier.climb(index, len(lines) - 1, [leaf_hash(b"?" + lines[index])], list(path)) != [proofs.root]
    for old, path in proofs.consistency.items():
        assert goes_on(old, roots[old], len(lines), proofs.root, list(path))
        assert not goes_on(old, leaf_hash(OTHER), len(lines), proofs.root, list(path))
        assert not goes_on(old, roots[old], len(lines), proofs.root, [*path, proofs.root])
        assert not goes_on(old, roots[old], len(lines), leaf_hash(OTHER), list(path))


def test_its_keys_are_those_of_signed_notes(tmp_path: Path) -> None:
    key = Key(str(SIGNER.verifier))
    assert (key.name, key.public) == ("strongroom", SIGNER.verifier.public)
    (tmp_path / "key.txt").write_text(f"{SIGNER.verifier}\n")
    assert Key(str(tmp_path / "key.txt")).public == key.public
    note = SIGNER.sign("text\n")
    signature = note.splitlines()[-1]
    assert key.signed("text\n", signature)
    assert not key.signed("other\n", signature)
    assert not key.signed("text\n", signature.replace("strongroom", "someone"))
    assert not key.signed("text\n", "nothing")
    with pytest.raises(ValueError, match="hash"):
        Key(str(SIGNER.verifier).replace("strongroom", "someone"))


def test_a_reader_of_logs_learns_the_newest_digest() -> None:
    log = Log()
    log.learn({"kind": "job.rejected", "archive": "a", "facts": {"key_sha256": "1", "holding": "quarantined", "x": 1}})
    log.learn({"kind": "key.resealed", "archive": "a", "facts": {"key_sha256": "2", "was": "1"}})
    assert log.archives == {"a": {"key_sha256": "2", "holding": "quarantined"}}
    log.learn({"kind": "archive.destroyed", "archive": "b", "facts": {"certificate_sha256": "5"}})
    assert log.certificates == {"b": "5"}


def test_what_went_wrong_has_three_parts() -> None:
    wrong = Wrong("chain", "line 7", "expected one, found another")
    assert (wrong.code, wrong.where, wrong.message) == ("chain", "line 7", "expected one, found another")
