"""Cron, completions, and the scripts of the test in a booted system."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import get_completion_class

from kit.systemd_units import PACKAGING, ROOT, tool
from strongroom.cli.main import cli

TEST_SYSTEM = PACKAGING / "test-system"
GUIDE = (ROOT / "docs" / "systemd.md").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completions_are_what_the_program_gives(shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None
    text = kind(cli, {}, "strongroom", "_STRONGROOM_COMPLETE").source()
    assert (PACKAGING / "completions" / f"strongroom.{shell}").read_text().strip() == text.strip()


def cron_command() -> str:
    (line,) = [line for line in (PACKAGING / "cron" / "strongroom").read_text().splitlines() if re.match(r"\d", line)]
    *times, user, command = line.split(maxsplit=6)
    assert len(times) == 5 and user == "strongroom"
    assert "%" not in command, "cron would end the line there"
    return command


@pytest.mark.parametrize(("code", "words"), [(0, ""), (5, ""), (1, "strongroom left with 1: told\n"), (70, "70: told")])
def test_cron_is_silent_when_all_went_well_or_another_worked(code: int, words: str, tmp_path: Path) -> None:
    program = tmp_path / "strongroom"
    program.write_text(f"#!/bin/sh\necho told\nexit {code}\n")
    program.chmod(0o755)
    command = cron_command().replace("/opt/strongroom/bin/strongroom", str(program))
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert words in done.stdout if words else done.stdout == ""


def test_every_block_that_is_called_tested_is_run() -> None:
    marked = set(re.findall(r"<!-- tested: (\w+) -->\n```sh\n", GUIDE))
    scripts = "".join(path.read_text() for path in TEST_SYSTEM.glob("*.py"))
    assert marked == set(re.findall(r'follow\("(\w+)"', scripts))
    assert GUIDE.count("*Tested:*") == len(marked)


def test_the_guide_names_files_that_are_here() -> None:
    named = set(re.findall(r"packaging/[\w./-]+\w", GUIDE))
    assert len(named) > 4
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_checks_search_for_the_secrets_that_the_sandbox_holds() -> None:
    sandbox, house = load("sandbox"), load("house")
    assert sandbox.PORT == house.PORT
    assert {sandbox.KEY, sandbox.LINK, sandbox.TEXT} <= set(house.SECRETS)
    assert house.KEY == sandbox.KEY


def load(name: str) -> object:
    spec = importlib.util.spec_from_file_location(f"test_system_{name}", TEST_SYSTEM / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_of_the_pinned_dependencies_the_sandbox_of_the_booted_system_gets_only_what_it_needs() -> None:
    command = [sys.executable, str(PACKAGING / "release" / "pinned.py"), str(ROOT / "requirements-dev.lock"), "demo"]
    pinned = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {line.split("==")[0] for line in pinned.splitlines() if "==" in line and not line.startswith(" ")}
    assert {"apscheduler", "click", "cryptography", "cffi", "httpx", "starlette", "uvicorn"} <= names
    assert not {"pytest", "mypy", "ruff", "hypothesis", "hatchling", "apprise"} & names
    assert pinned.count("--hash=sha256:") > len(names)


@pytest.mark.skipif(os.geteuid() == 0, reason="root would really run it")
def test_without_root_the_booted_test_is_skipped_in_words() -> None:
    done = subprocess.run([str(TEST_SYSTEM / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "skipped: it needs root" in done.stdout


def test_without_its_tools_the_booted_test_is_skipped_in_words(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "env"):
        (tmp_path / name).symlink_to(tool(name))
    identity = tmp_path / "id"
    identity.write_text("#!/bin/sh\necho 0\n")
    identity.chmod(0o755)
    done = subprocess.run(
        [str(TEST_SYSTEM / "run")], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "skipped: mmdebstrap is not here" in done.stdout
