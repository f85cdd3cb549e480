"""What a fresh interpreter has loaded after importing a room: heavy libraries are paid for by those who use them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = (
    "apscheduler",
    "cryptography",
    "httpcore",
    "httpx",
    "isal",
    "keyring",
    "rfc3161_client",
    "rich",
    "simdjson",
    "sqlite_utils",
    "starlette",
    "textual",
    "uvicorn",
)

ALLOWED = {
    "model": set(),
    "evidence": {"cryptography"},  # the signatures of notes
    "config": {"keyring"},
    "age": {"cryptography"},
    "formats": {"isal", "simdjson"},
    "vault": set(),
    "providers": {"httpcore", "httpx"},
    "sandbox": {"isal", "starlette", "uvicorn", "rich"},  # uvicorn's way, not ours
    "engine": {"cryptography", "isal", "simdjson"},
    "text": {"cryptography", "isal", "simdjson"},  # the engine's; rich when text is measured
}

WALK = """
import importlib, json, pkgutil, sys
room = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(found.name)
print(json.dumps(sorted(name for name in sys.modules if sys.modules[name])))
"""

HELP = """
import json, sys
from strongroom.cli.main import cli
try:
    cli.main(sys.argv[1:])
except SystemExit as left:
    code = left.code
print("\\n" + json.dumps([code, sorted(name for name in sys.modules if sys.modules[name])]))
"""


def fresh(script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def loaded(modules: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules} & set(HEAVY)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_a_room_loads_only_its_own_heavy_libraries(room: str) -> None:
    found = loaded(json.loads(fresh(WALK, "strongroom_sandbox" if room == "sandbox" else f"strongroom.{room}")))
    assert found <= ALLOWED[room]


def test_the_command_line_loads_neither_the_screen_nor_http_nor_cryptography_by_itself() -> None:
    code, modules = json.loads(fresh(HELP, "--help"))
    assert code == 0
    assert loaded(modules) == set()
    assert "sqlite3" not in modules
    assert "asyncio" not in modules


@pytest.mark.parametrize("command", ["run", "export", "jobs", "archives", "status", "verify", "restore", "tui"])
def test_the_help_of_a_command_loads_neither_the_screen_nor_http(command: str) -> None:
    code, modules = json.loads(fresh(HELP, command, "--help"))
    assert code == 0
    assert loaded(modules) <= {"msgspec", "rich"}


def test_looking_at_jobs_pays_for_no_network_library(tmp_path: Path) -> None:
    code, modules = json.loads(fresh(HELP, "--config", str(tmp_path / "none.toml"), "status"))
    assert code == 2
    assert not loaded(modules) & {"httpx", "httpcore", "textual", "starlette", "uvicorn"}


PARSERS = frozenset({"isal", "simdjson", "zipfile", "csv"})
NETWORK = frozenset({"httpx", "httpcore", "ssl", "email", "anyio", "h11"})
STARTERS = frozenset({"subprocess", "concurrent", "multiprocessing", "asyncio", "ctypes"})
OTHERS = frozenset(
    {
        "apprise",
        "apscheduler",
        "argparse",
        "keyring",
        "prometheus_client",
        "rich",
        "sqlite_utils",
        "statistics",
        "textual",
    }
)
BUDGETS = {
    "--help": PARSERS | NETWORK | STARTERS | OTHERS | {"cryptography", "msgspec", "pathlib", "sqlite3", "shutil"},
    "archives": PARSERS | NETWORK | STARTERS | OTHERS | {"cryptography", "socket"},
    "status": PARSERS | NETWORK | STARTERS | OTHERS,
    "run --once": {"httpx", "httpcore", "asyncio", "multiprocessing"} | OTHERS - {"rich"},
}
"""What a command must not import when it has a vault and nothing unusual to do: each costs every call of it."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new vault with a source that has nothing pending."""
    folder = tmp_path_factory.mktemp("vault")
    file = folder / "strongroom.toml"
    line = ["--vault", folder / "vault", "--config", file, "--identity", folder / "identity", "--recovery-file"]
    line += [
        folder / "recovery",
        "--no-passphrase",
        "--source",
        "zavu",
        "--api-key",
        "env:NONE",
        "--dataset",
        "messages",
    ]
    code, _ = json.loads(fresh(HELP, "init", *map(str, line), "--since", f"{datetime.now(UTC):%Y-%m-%d}"))
    assert code == 0
    return file


@pytest.mark.parametrize("command", BUDGETS)
def test_a_command_imports_only_what_it_uses(command: str, config: Path) -> None:
    code, modules = json.loads(fresh(HELP, "--config", str(config), *command.split()))
    assert code in (0, 1)
    assert {name.partition(".")[0] for name in modules} & BUDGETS[command] == set()
