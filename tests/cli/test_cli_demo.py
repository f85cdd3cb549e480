"""The demo, from end to end, as `make demo` runs it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.cli_home import Invoke


def test_a_folder_that_holds_anything_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    result = invoke("demo", "--dir", tmp_path)
    assert result.exit_code == 2
    assert "not an empty folder" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.slow
def test_the_demo_shows_the_whole_way(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "strongroom", "demo", "--dir", str(tmp_path / "demo")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "8 archived" in done.stdout
    assert "adopted, not repeated" in " ".join(done.stderr.split())
    assert "resumed from there" in " ".join(done.stderr.split())
    assert "8 exports were made" in done.stderr
    assert "the same job, the same export, one archive" in " ".join(done.stderr.split())
    assert "nothing is wrong" in done.stderr
    if shutil.which("age"):
        assert "the same bytes" in done.stderr
    (around,) = (line for line in done.stderr.splitlines() if line.endswith(" tui"))
    assert shutil.which(shlex.split(around)[0], path=environment.get("PATH")), "what it says to type is not found"
    narrow = [line for line in done.stdout.splitlines() if not line.startswith("age -d")]
    assert all(len(line) <= 80 for line in narrow)
    moments = re.compile(r"\d\d:\d\d:\d\d ")  # one line each, however long: for logs
    told = [line for line in done.stderr.splitlines() if str(tmp_path) not in line and not moments.match(line)]
    assert all(len(line) <= 80 for line in told)
    for provider in ("Zavu", "HookBridge", "Qlara"):
        assert provider in done.stderr
    if shutil.which("zstd"):
        assert "| zstd -d >" in done.stdout
    look = [
        sys.executable,
        "-m",
        "strongroom",
        "--config",
        str(tmp_path / "demo" / "strongroom.toml"),
        "status",
        "--json",
    ]
    status = json.loads(subprocess.run(look, env=environment, capture_output=True, text=True, check=True).stdout)
    assert status["jobs"] == {"archived": 9}
    assert len(status["coverage"]) == 5


@pytest.mark.slow
def test_the_demo_as_json_and_removed(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "strongroom", "demo", "--dir", str(tmp_path / "demo"), "--json", "--remove"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["event"] == "demo"
    assert lines[-1]["sound"] is True
    assert lines[-1]["caught_up"] is True
    assert lines[-1]["age_agrees"] in (True, None)
    assert not (tmp_path / "demo").exists()
