"""Files of a vault are opened, listed and removed in one place, which follows no link: vault/files.py."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "agent" / "strongroom"
ROOMS = ("vault", "engine", "daemon", "cli")
THE_ONE = "vault/files.py"

METHODS = {
    *("open", "read_bytes", "read_text", "write_bytes", "write_text", "unlink", "rename", "touch", "mkdir", "rmdir"),
    *("iterdir", "glob", "rglob", "walk", "symlink_to", "hardlink_to"),
}
FUNCTIONS = {
    *("open", "unlink", "remove", "rename", "replace", "link", "symlink", "mkdir", "makedirs", "rmdir", "listdir"),
    *("scandir", "walk", "truncate", "rmtree", "move", "copyfile", "copy", "copy2"),
}
MODULES = {"os", "shutil", "io"}

OUTSIDE = {
    "vault/durable.py": "`create` makes files of a package, `flush_folder` flushes",
    "vault/schema.py": "the migrations, which are part of the program",
    "engine/core/sources.py": "the certificate authorities of the configuration",
    "engine/queries/initialize.py": "keys and configuration beside the vault",
    "engine/queries/setup_answers.py": "the answers to a first run",
    "engine/core/identities.py": "identity files of people",
    "engine/access/key_files.py": "the target that a person names",
    "engine/access/identity_files.py": "identity files of people",
    "engine/core/people.py": "/proc",
    "engine/proof/package.py": "the package that a person takes away",
    "engine/proof/package_files.py": "its files",
    "engine/production": "the production that a person takes away",
    "engine/proof/known_checkpoints.py": "the note beside the signing key, and folders that got checkpoints",
    "engine/proof/checkpoint_delivery.py": "the authorities of a time stamp",
    "engine/access/restore.py": "the target that a person names",
    "vault/vault.py": "the folder above a new vault",
    "engine/queries/service_owner.py": "the configuration, which the daemon's user is to read",
    "engine/repair/copy_restore.py": "the folder above a new vault",
    "engine/repair/copy_rehearsal.py": "the scratch folder of a rehearsal, which it made itself",
    "cli": "reaches the vault through the engine alone",
    "daemon": "reaches the vault through the engine alone",
}
"""Who opens files that are no vault's, and which."""


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open":
            yield f"open, line {node.lineno}"
        elif isinstance(called, ast.Attribute):
            of_module = isinstance(called.value, ast.Name) and called.value.id in MODULES
            if called.attr in (FUNCTIONS if of_module else METHODS):
                yield f"{called.attr}, line {node.lineno}"


def test_no_other_file_opens_lists_or_removes_what_is_in_a_vault() -> None:
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            excused = any(name == each or name.startswith(f"{each}/") for each in OUTSIDE)
            if name != THE_ONE and not excused and (direct := list(calls(path))):
                found[name] = direct
    assert found == {}


def test_whoever_is_excused_is_there_and_needs_it() -> None:
    idle = []
    for each in OUTSIDE:
        paths = [ROOT / each] if each.endswith(".py") else sorted((ROOT / each).rglob("*.py"))
        if not any(path.exists() and list(calls(path)) for path in paths):
            idle.append(each)
    assert idle == []
