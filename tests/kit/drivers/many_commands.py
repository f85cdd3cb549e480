"""Run many command lines, each in a process of its own that is forked from this one, which has imported everything.

Reads tasks as JSON on standard input and writes what came of them to standard output. A child's descriptors, working
directory and arguments are what the task says; its locale is that of this process, which only a start can choose.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

LONGEST = 60.0  # seconds that a command may take before it is killed, which is a failure


def main() -> None:
    """Run the tasks one after another, those on a locked catalogue last."""
    from strongroom.vault import catalogue

    tasks = json.load(sys.stdin)
    load_program()
    gc.freeze()  # else every child copies what its collector looks at
    catalogue.BUSY_SECONDS = 0.2  # the clock is moved, so to speak: a lock that stays is told at once
    found = [_run(task) for task in tasks if not task.get("locked")]
    last = [task for task in tasks if task.get("locked")]
    with _locked([task["home"] for task in last]):
        found += [_run(task) for task in last]
    json.dump(found, sys.stdout)


@contextlib.contextmanager
def _locked(homes: list[str]) -> Iterator[None]:
    """Lock the catalogue of these homes from a process of its own, as another program would."""
    if not homes:
        yield
        return
    ready, done = os.pipe(), os.pipe()
    holder = os.fork()
    if not holder:
        held = sqlite3.connect(Path(homes[0]) / "vault" / "catalogue.sqlite", isolation_level=None)
        held.execute("PRAGMA locking_mode = EXCLUSIVE")
        held.execute("BEGIN EXCLUSIVE")
        os.write(ready[1], b"x")
        os.close(done[1])
        os.read(done[0], 1)
        os._exit(0)
    assert os.read(ready[0], 1)
    yield
    os.close(done[1])
    os.waitpid(holder, 0)


def load_program() -> None:
    """Import every command, and what commands import when they run."""
    import strongroom
    from strongroom.cli.main import cli

    _load(cli)
    for found in pkgutil.walk_packages(strongroom.__path__, "strongroom."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)


def _load(command: click.Command) -> None:
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            found = command.get_command(ctx, name)
            if found is not None:
                _load(found)


def _run(task: dict[str, Any]) -> dict[str, Any]:
    place = Path(task["place"])
    place.mkdir()
    home = Path(task["home"])
    if task["copy"]:
        home = place / "home"
        shutil.copytree(task["home"], home)
        config = home / "strongroom.toml"
        config.write_text(config.read_text(encoding="utf-8").replace(task["home"], str(home)), encoding="utf-8")
    args = [each.replace("{home}", str(home)).replace("{new}", str(place / "new")) for each in task["args"]]
    child = os.fork()
    if not child:
        _become(place, args, task)
    code = _wait(child, task.get("stop"))
    found = {name: (place / name).read_bytes().decode("utf-8", "replace") for name in ("out", "err")}
    shutil.rmtree(place)
    return {"code": code, **found}


def _wait(child: int, stop: float | None) -> int:
    ended = os.pidfd_open(child)
    try:
        if stop is not None and not select.select([ended], [], [], stop)[0]:
            os.kill(child, signal.SIGTERM)
        if not select.select([ended], [], [], LONGEST)[0]:
            os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(ended)


def _become(place: Path, args: list[str], task: dict[str, Any]) -> None:
    """Be the program from its start to its end. Never returns."""
    code = 99
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for number, path in enumerate((os.devnull, place / "out", place / "err")):
            opened = os.open(path, flags if number else os.O_RDONLY, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False))  # type: ignore[assignment, type-var]
        sys.stdout = _writer(1)
        sys.stderr = _writer(2)
        for number in task["closed"]:
            os.close(number)
            setattr(sys, ("stdin", "stdout", "stderr")[number], None)
        if task["gone"]:
            gone = place / "gone"
            gone.mkdir()
            os.chdir(gone)
            gone.rmdir()
        os.environ["HOME"] = str(place)
        sys.argv = ["strongroom", *args]
        from strongroom.cli.main import main as program

        try:
            program()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)


def _writer(number: int) -> Any:
    return io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(number, "w", closefd=False)), encoding=os.environ.get("PYTHONIOENCODING")
    )


if __name__ == "__main__":
    main()
