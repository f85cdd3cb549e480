"""Every kind of file, damaged in every way, under every command that checks; and after the mending all of them agree.

A sample of the table runs; which one, STRONGROOM_DAMAGE_SEED says. STRONGROOM_DAMAGE_TABLE=whole runs all of it.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from kit.damage import (
    COMMANDS,
    DAMAGES,
    PLACES,
    Stage,
    bound_by_modes,
    copy_home,
    damage_file,
    furnish,
    with_write_ahead,
)

SAMPLE = 6
NOTHING = "0 0 0 0 1 2 0 0"
"""A sound vault: `coverage` has a window that failed, and nothing is to be proposed."""

FOUND = {
    "payload": "1 0 1 1 1 2 1 1",
    "key": "1 0 1 1 1 2 1 1",
    "manifest": "1 0 1 1 1 2 1 1",
    "quarantined payload": "1 0 1 1 1 2 1 1",
    "quarantined manifest": "1 0 1 1 1 2 1 1",
    "log": "0 1 1 1 1 2 1 1",
    "checkpoint": "0 1 1 1 1 2 1 1",
    "certificate": "0 0 1 1 1 2 1 1",
    "tombstone": "0 0 1 1 1 2 1 1",
    "aside": "0 0 0 1 1 2 1 1",
    "readme": "0 0 0 1 1 2 0 1",
    "lock": NOTHING,
    "leftover": NOTHING,
    "catalogue": "4 1 4 1 4 4 0 4",
    "wal": "0 1 1 1 1 2 0 4",
}
"""The exit code of each command, in the order of COMMANDS, whatever the damage, where SPECIAL says nothing else."""

SPECIAL = {
    ("log", "cut"): "0 1 1 1 1 2 1 0",
    ("log", "older"): "0 1 1 1 1 2 1 0",
    ("aside", "removed"): NOTHING,
    ("lock", "folder"): "0 1 0 1 1 2 0 0",
    ("leftover", "folder"): "0 1 0 1 1 2 0 0",
    ("checkpoint", "removed"): "0 0 1 1 1 2 1 1",
    ("catalogue", "older"): "1 1 1 1 1 2 0 4",
    ("catalogue", "appended"): "0 0 0 1 1 2 0 0",
    ("catalogue", "unreadable"): "6 1 6 6 6 6 0 6",
    ("wal", "appended"): NOTHING,
    ("wal", "folder"): "4 1 4 1 4 4 0 4",
    ("wal", "unreadable"): "6 1 6 6 6 6 0 6",
    ("tombstone", "swapped"): "1 0 1 1 1 2 1 1",
}
"""A log that lacks its newest lines may be of a crash: the scrub brings it level. What was set aside may be removed."""

NAMES = ("verify", "audit verify", "recover --deep", "strongroom-verify", "scrub run")
"""The commands that name each file that is wrong."""


def rows() -> list[tuple[str, str]]:
    whole = [(kind, damage) for kind in PLACES for damage in DAMAGES]
    if os.environ.get("STRONGROOM_DAMAGE_TABLE") == "whole":
        return whole
    return random.Random(os.environ.get("STRONGROOM_DAMAGE_SEED", "1")).sample(whole, SAMPLE)


@pytest.fixture(scope="session")
def furnished(kept_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home, Path]:
    base = tmp_path_factory.mktemp("damage")
    home = copy_home(kept_home, base / "home")
    furnish(home, base / "older")
    return home, with_write_ahead(copy_home(home, base / "open"), base / "unsaved"), base / "older"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "damage"), rows())
def test_a_damage_is_found_and_after_the_mending_all_checks_agree(
    furnished: tuple[Home, Home, Path], invoke: Invoke, tmp_path: Path, kind: str, damage: str
) -> None:
    template = furnished[1] if kind == "wal" else furnished[0]
    stage = Stage(copy_home(template, tmp_path / "vault"), furnished[2], invoke)
    whole = tmp_path / "whole"
    shutil.copytree(stage.home.vault, whole)
    path = damage_file(stage, kind, damage)
    with bound_by_modes():
        told = {words: stage.run(words) for words in COMMANDS}
        codes = " ".join(str(code) for code, _ in told.values())
        assert codes == expected(kind, damage)
        if damage != "swapped":  # then its sibling is named as well, or alone
            require_named(told, path)
        mend(stage, path, whole)
        assert " ".join(str(stage.run(words)[0]) for words in COMMANDS) == NOTHING


def expected(kind: str, damage: str) -> str:
    """Return the exit codes of a row. Doctor looks at the type and the mode of every file, and at no other damage."""
    codes = SPECIAL.get((kind, damage), FOUND[kind]).split()
    if damage in ("unreadable", "folder"):
        codes[COMMANDS.index("doctor --offline")] = "1"
    return " ".join(codes)


def require_named(told: dict[str, tuple[int, str]], path: Path) -> None:
    """Fail unless each check that found something names the file, or the archive that it belongs to."""
    name = path.name.partition(".")[0]
    for words in NAMES:
        code, output = told[words]
        assert code != 1 or name in "".join(output.split()), (words, output)


def mend(stage: Stage, path: Path, whole: Path) -> None:
    """Do what the program says: let it mend, rebuild, or put the file back from a copy."""
    for _ in range(3):
        code, output = stage.run("recover --deep --apply")
        if code == 0 and (not path.exists() or is_readable(path)):
            return
        if "strongroom rebuild" in " ".join(output.split()):
            stage.run("rebuild")
            continue
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        shutil.copy2(whole / path.relative_to(stage.home.vault), fresh(path))
    raise AssertionError(output)


def is_readable(path: Path) -> bool:
    try:
        path.open("rb").close()
    except OSError:
        return False
    return True


def fresh(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
