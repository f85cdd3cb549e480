"""An installation without the extras: it does everything but the simulation, and says in words how to get that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What a server does not have. The words of several command lines are printed one after the other.
WITHOUT = """
import contextlib, importlib, importlib.abc, io, json, pkgutil, sys

ABSENT = ("starlette", "uvicorn", "pytest", "apprise", "rfc3161_client")

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""
RUN = """
from strongroom.cli.main import cli
results = []
for line in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(line)
        except SystemExit as left:
            code = left.code
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""
LOAD = """
failed = []
for room in ("strongroom", "strongroom_tui"):
    for found in pkgutil.walk_packages(importlib.import_module(room).__path__, room + "."):
        try:
            found.name.endswith("__main__") or importlib.import_module(found.name)
        except ImportError as error:
            failed.append([found.name, error.name.partition(".")[0]])
print(json.dumps(failed))
"""
HINT = "pip install 'strongroom[demo]'"


def fresh(script: str, *arguments: str, folder: Path) -> str:
    environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [sys.executable, "-c", WITHOUT + script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_what_needs_the_simulation_says_how_to_install_it(tmp_path: Path) -> None:
    lines = [
        *(["demo"], ["demo", "--dir", "here"], ["sandbox"], ["sandbox", "--provider", "qlara"], ["tui", "--demo"]),
        *(["demo", "--json"], ["sandbox", "--json"]),
    ]
    results = json.loads(fresh(RUN, json.dumps(lines), folder=tmp_path))
    for line, (code, out, err) in zip(lines, results, strict=True):
        assert code == 2, line
        assert "simulated providers are not installed" in err and f"hint: {HINT}" in err, line
        assert "Traceback" not in err
        if "--json" in line:
            document = json.loads(out)
            assert (document["hint"], document["exit_code"]) == (HINT, 2)
        else:
            assert out == ""
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


def test_the_rest_works_without_it(tmp_path: Path) -> None:
    asked = ["init", "--config", "c.toml", "--vault", "v", "--no-passphrase", "--recovery-file", "r.txt"]
    asked += ["--source", "main", "--api-key", "env:KEY", "--dataset", "messages", "--since", "2026-11-01"]
    on = ["--config", "c.toml"]
    lines = [["--help"], ["demo", "--help"], ["tui", "--help"], asked]
    lines += [[*on, "config", "check"], [*on, "archives"], [*on, "jobs"], [*on, "verify"], [*on, "coverage", "--json"]]
    results = json.loads(fresh(RUN, json.dumps(lines), folder=tmp_path))
    wrong = {" ".join(line): result for line, result in zip(lines, results, strict=True) if result[0] != 0}
    assert wrong == {}


@pytest.mark.slow
def test_every_other_file_can_be_imported_without_them(tmp_path: Path) -> None:
    assert json.loads(fresh(LOAD, folder=tmp_path)) == [
        ["strongroom.cli.demo_company", "starlette"],
        ["strongroom.cli.demo_history", "starlette"],
        ["strongroom.cli.demo_live", "starlette"],
        ["strongroom.cli.demo_scene", "starlette"],
        ["strongroom.providers.contract", "pytest"],
    ]


def test_a_fault_of_our_own_is_not_taken_for_an_absent_library(tmp_path: Path) -> None:
    script = f"del sys.meta_path[0]; sys.modules['strongroom_sandbox.storage'] = None{RUN}"
    ((code, _, err),) = json.loads(fresh(script, json.dumps([["sandbox"]]), folder=tmp_path))
    assert code == 70
    assert "pip install" not in err
