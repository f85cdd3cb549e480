"""Time one whole command: wall, CPU of all its processes, and the resident memory of the largest of them.

A small interpreter starts the command and waits for it with wait4. The kernel then gives, for the command and all
descendants that were waited for, the sum of their CPU times and the *maximum* of their peak resident sizes. A new
process inherits the peak of the one that starts it, so the small interpreter's own size (about 10 MiB) is the least
that can be told, and the benchmark itself, which is larger, must not start the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

_LAUNCHER = """
import json, os, sys, time
order = json.loads(sys.argv[1])
os.chdir(order["folder"])
log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
began, clock = time.time(), time.perf_counter()
actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
child = os.posix_spawnp(order["argv"][0], order["argv"], order["env"], file_actions=actions)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - clock
print(json.dumps({
    "began": began, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime,
    "peak": usage.ru_maxrss / 1024, "status": os.waitstatus_to_exitcode(status),
}))
"""


class Command(Struct, frozen=True):
    """What is run, and where."""

    argv: tuple[str, ...]
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)


class Sample(Struct, frozen=True):
    """What one run took."""

    began: float  # seconds since 1970
    wall: float  # seconds
    cpu: float  # seconds, of all processes
    peak: float  # MiB, resident, of the largest process
    durable: float | None = None  # seconds until the file was sealed and flushed, where known


def measure(command: Command) -> Sample:
    """Run the command once; ends the benchmark with the command's own words when it fails."""
    log = command.folder / "output.log"
    order = {
        "argv": command.argv,
        "folder": str(command.folder),
        "log": str(log),
        "env": {**os.environ, **command.env},
    }
    os.sync()  # what earlier runs wrote must not be waited for in this one
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, json.dumps(order)]
    told = json.loads(subprocess.run(launcher, check=True, capture_output=True).stdout)
    if told["status"] != 0:
        raise SystemExit(f"{' '.join(command.argv)}\nended with {told['status']}:\n{log.read_text()[-2000:]}")
    return Sample(told["began"], told["wall"], told["cpu"], told["peak"])
