"""The rooms and what each may import: the contracts of pyproject.toml, and what these cannot say in a line."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOTS = (ROOT / "agent", ROOT / "tui")
LONGEST = 350
STANDS_ALONE = {"agent/strongroom/evidence/verifier.py": 1200}  # handed over as one file, joined from strongroom_verify

THIRD_PARTIES = {
    "model": {"jmespath"},
    "evidence": {"cryptography", "rfc3161_client"},
    "verify": {"cryptography"},
    "age": {"cryptography"},
    "formats": {"isal", "simdjson"},
    "providers": {"httpcore", "httpx", "pytest"},
    "vault": {"sqlite_utils"},
    "config": {"keyring", "tomlkit"},
    "copies": {"boto3", "botocore"},
    "sandbox": {"isal", "starlette", "uvicorn"},
    "engine": {"zstandard"},
    "daemon": {"apprise", "apscheduler", "prometheus_client"},
    "text": {"humanize", "rich"},
    "cli": {"click", "rich"},
    "tui": {"rich", "textual"},
}
"""A room that is not here may use the standard library and NOUNS alone: a new library is a decision, made here."""

NOUNS = {"msgspec"}  # what data are made of in every room; the verifier, which is handed to strangers, has none of it

ONE_FILE = {
    "boto3": {"s3_client.py"},
    "botocore": {"s3.py", "s3_client.py"},
    "httpx": {"wire.py"},
    "httpcore": {"wire.py"},
    "jmespath": {"expression.py"},
    "pytest": {"contract.py"},
    "rfc3161_client": {"timestamp.py"},
    "sqlite_utils": {"schema.py"},
    "tomlkit": {"edit.py"},
}
"""Libraries that a room hides behind a file or two of its own."""

PACKAGES = {"strongroom_sandbox": "sandbox", "strongroom_verify": "verify", "strongroom_tui": "tui"}
"""The room of each package but the main one, which has a room a folder."""

MACHINE_PATHS = ("/home/", "/root/", "/Users/", "/tmp/", f"{ROOT.parent}/")


def sources() -> list[Path]:
    return sorted(path for root in ROOTS for path in root.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return PACKAGES.get(parts[1], parts[2].removesuffix(".py"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Return every top-level package that a file imports, wherever in it the import stands."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def foreign(path: Path) -> set[str]:
    ours = {"strongroom", *PACKAGES, "_typeshed"}
    return imported(path) - set(sys.stdlib_module_names) - ours


@pytest.mark.slow
def test_the_contracts_of_import_linter_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert " 0 broken" in done.stdout


def given(path: Path) -> set[str]:
    alone = path.name == "verifier.py" or room_of(path) == "verify"
    return THIRD_PARTIES.get(room_of(path), set()) | (set() if alone else NOUNS)


def test_every_room_uses_only_the_libraries_it_was_given() -> None:
    wrong = {str(path.relative_to(ROOT)): extra for path in sources() if (extra := foreign(path) - given(path))}
    assert wrong == {}


def test_a_library_that_is_kept_behind_one_file_stays_there() -> None:
    users = {name: {path.name for path in sources() if name in imported(path)} for name in ONE_FILE}
    assert users == ONE_FILE


def test_the_model_asks_neither_clock_nor_chance_nor_the_system() -> None:
    banned = {"os", "pathlib", "random", "secrets", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time"}
    model = ROOT / "agent" / "strongroom" / "model"
    found = {path.name: names for path in model.glob("*.py") if (names := imported(path) & banned)}
    assert found == {}


def test_no_file_is_so_long_that_its_seam_was_overlooked() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert {path: lines for path, lines in long.items() if lines > STANDS_ALONE.get(path, LONGEST)} == {}


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    files = [*sources(), *(path for root in ROOTS for suffix in ("sql", "tcss") for path in root.rglob(f"*.{suffix}"))]
    assert len(files) > len(sources())
    found = [
        f"{path.relative_to(ROOT)}: {word}" for path in files for word in MACHINE_PATHS if word in path.read_text()
    ]
    assert found == []


def test_the_source_roots_are_no_packages() -> None:
    assert [path for folder in ("agent", "tui", "packaging") for path in (ROOT / folder).glob("__init__.py")] == []
