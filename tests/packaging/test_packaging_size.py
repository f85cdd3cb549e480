"""What an installation weighs, and that it imports no library that is not declared."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import files, packages_distributions
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement

from kit.code_figures import imports
from kit.systemd_units import ROOT
from release.bill import installed_names
from release.pinned import needed, normal
from release.system_package import unpack

MB = 1_000_000
MOST = 90 * MB
ROOMS = tuple(ROOT / name for name in ("agent/strongroom", "agent/strongroom_sandbox", "tui/strongroom_tui"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STUBS = "_typeshed"
"""Known to type checkers, and never imported while the program runs."""


def weight(distribution: str) -> int:
    """Return the bytes of an installed library, without what Python compiles."""
    paths = [Path(str(each.locate())) for each in files(distribution) or [] if each.suffix != ".pyc"]
    return sum(path.stat().st_size for path in paths if path.is_file())


def own_weight() -> int:
    """Return the bytes of the program itself, without what Python compiles."""
    paths = [path for room in ROOMS for path in room.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sum(path.stat().st_size for path in paths)


def test_the_program_with_what_it_always_needs_keeps_to_its_weight() -> None:
    names = needed("strongroom", frozenset(), set()) & installed_names()
    weights = {name: weight(name) for name in names} | {"strongroom": own_weight()}
    assert len(weights) > 30
    assert sum(weights.values()) <= MOST, sorted(weights.items(), key=lambda each: -each[1])[:10]


def test_what_the_program_uses_of_a_library_is_not_left_out(tmp_path: Path) -> None:
    kept = (
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "botocore/data/sts/2011-06-15/service-2.json.gz",
        "botocore/data/endpoints.json",
        "zstandard/__init__.py",
    )
    spared = ("botocore/data/ec2/2016-11-15/service-2.json.gz", "simdjson/simdjson.cpp", "pip/__init__.py")
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as wheel:
        for name in (*kept, *spared, "pip-1.dist-info/METADATA", "simdjson/__init__.py"):
            wheel.writestr(name, "")
    unpack([tmp_path / "one.whl"], tmp_path / "tree")
    held = {str(path.relative_to(tmp_path / "tree")) for path in (tmp_path / "tree").rglob("*") if path.is_file()}
    assert held == {*kept, "pip-1.dist-info/METADATA", "simdjson/__init__.py"}


TRY = """
import sys, importlib.abc
from release.unused import is_unused

class Unpacked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if is_unused(name.replace(".", "/") + "/") or is_unused(name.replace(".", "/") + ".py"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Unpacked())
import strongroom.cli.main, strongroom.vault.schema, zstandard, simdjson, sqlite_utils
from strongroom.formats import sink
assert "pip" not in sys.modules and zstandard.backend == "cext"
print(simdjson.Parser().parse(zstandard.decompress(zstandard.compress(b'{"a": 1}')))["a"])
"""


def test_the_program_runs_without_the_modules_that_are_left_out() -> None:
    environment = {"PYTHONPATH": str(ROOT / "packaging"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", TRY], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_every_library_that_is_imported_is_declared() -> None:
    extras = PROJECT["optional-dependencies"]
    stated = chain(PROJECT["dependencies"], *(extras[name] for name in extras if name != "dev"))
    declared = {normal(Requirement(text).name) for text in stated}
    makers = packages_distributions()
    paths = [path for room in (*ROOMS, ROOT / "agent/strongroom_verify") for path in room.rglob("*.py")]
    found = (names[0] for path in paths for each in imports(path.read_text()) for names in each.names)
    tops = {name.split(".")[0] for name in found}
    foreign = {top for top in tops if not top.startswith("strongroom")} - {*sys.stdlib_module_names, STUBS, ""}
    assert {"click", "boto3", "starlette"} <= foreign
    assert {top for top in foreign if not declared & {normal(each) for each in makers.get(top, ())}} == set()
