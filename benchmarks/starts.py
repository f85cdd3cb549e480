"""How long a command takes to start, against a bare interpreter, in CPU seconds of the whole process.

    python benchmarks/starts.py [--rounds 15]

Each round runs every command once, after a bare `python -c pass`; the ratio is taken round by round, so that a machine
whose speed drifts changes little. The vault has one source and no archive.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

PROGRAM = str(Path(sys.executable).with_name("strongroom"))
BARE = (sys.executable, "-c", "pass")
COMMANDS = {"--help": 3.5, "status": 8.0, "archives": 7.0}
"""Each command, and the highest ratio wanted."""


def cpu(line: tuple[str, ...]) -> float:
    """Run it once, its output thrown away; return the CPU seconds of the process."""
    null = os.open(os.devnull, os.O_WRONLY)
    quiet = [(os.POSIX_SPAWN_DUP2, null, number) for number in (1, 2)]
    try:
        process = os.posix_spawn(line[0], line, os.environ, file_actions=quiet)
    finally:
        os.close(null)
    _, status, usage = os.wait4(process, 0)
    if os.waitstatus_to_exitcode(status) > 1:  # 1: something is wrong with the vault, which is shown
        raise SystemExit(f"{' '.join(line)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def make_vault(folder: Path) -> Path:
    """Make a vault with one source; return its configuration."""
    config = folder / "strongroom.toml"
    places = {"--vault": "vault", "--identity": "identity", "--recovery-file": "recovery"}
    line = [PROGRAM, "init", "--config", str(config), "--no-passphrase", "--source", "zavu", "--api-key", "env:NONE"]
    line += [word for name, place in places.items() for word in (name, str(folder / place))]
    cpu((*line, "--dataset", "messages"))
    return config


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = (PROGRAM, "--config", str(make_vault(Path(folder))))
        lines = {name: (*start, name) for name in COMMANDS}
        rounds = [(cpu(BARE), {name: cpu(line) for name, line in lines.items()}) for _ in range(options.rounds + 1)][
            1:
        ]  # the first compiles what is not compiled
    print("| command | against a bare interpreter | spread | target |\n| --- | --- | --- | --- |")
    for name, target in COMMANDS.items():
        ratios = sorted(taken[name] / bare for bare, taken in rounds)
        verdict = "met" if median(ratios) <= target else "**missed**"
        print(f"| `{name}` | **{median(ratios):.1f}** | {ratios[0]:.1f}-{ratios[-1]:.1f} | ≤ {target:g} {verdict} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
