"""What a daemon takes that has nothing to do: memory, CPU, and how often it wakes.

    python benchmarks/at_rest.py [--seconds 60]

One source at a simulated provider, all its windows archived, and the metrics endpoint listening. Read from /proc: the
CPU of all threads in nanoseconds, and their voluntary switches, of which each is a wake-up.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct

from strongroom.config.load import load_config
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.vault.archives import archive_totals
from strongroom_sandbox.server import Sandbox

SETTLE = 75.0  # seconds after the last archive: what was started for it has ended by then
TARGETS = {"MB resident": 45.0, "% of a core": 0.05, "wake-ups a second": 1.0}


class Taken(Struct, frozen=True):
    """What a process has taken so far, and what it has."""

    cpu: float  # seconds
    wakeups: int
    memory: float  # MB, resident


def look(process: int) -> Taken:
    """Read it from the kernel."""
    home = Path("/proc") / str(process)
    threads = list(home.joinpath("task").iterdir())
    cpu = sum(int(each.joinpath("schedstat").read_text().split()[0]) for each in threads) / 1e9
    switches = sum(int(_field(each / "status", "voluntary_ctxt_switches")) for each in threads)
    return Taken(cpu, switches, int(_field(home / "status", "VmRSS").split()[0]) * 1024 / 1e6)


def _field(path: Path, name: str) -> str:
    return next(line.split(":", 1)[1] for line in path.read_text().splitlines() if line.startswith(f"{name}:"))


def set_up(folder: Path, sandbox: Sandbox) -> Path:
    """Make the vault and a configuration with one stream of yesterday."""
    file, key = folder / "strongroom.toml", folder / "key"
    wanted = NewVault(folder / "vault", file, folder / "identity.age", None, None)
    initialize(wanted, make_identity(os.urandom), Dependencies())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    key.touch(mode=0o600)
    key.write_text(sandbox.api_key)
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    with file.open("a") as open_file:
        open_file.write(
            f'\n[[source]]\nname = "one"\nprovider = "zavu"\napi_key = "file:{key}"\n'
            f'base_url = "{sandbox.api_url}"\nallow_private_addresses = true\n'
            f'\n[[stream]]\nname = "one"\nsource = "one"\ndatasets = ["messages"]\nsince = {since}\nsettle = "0s"\n'
            f'\n[metrics]\nlisten = "127.0.0.1:{port}"\n'
        )
    return file


def await_archive(config: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the window is archived."""
    for _ in range(240):
        time.sleep(0.5)
        if process.poll() is not None:
            raise SystemExit(f"the daemon ended with {process.returncode}")
        with open_reading(load_config(config)) as vault:
            if archive_totals(vault.catalogue):
                return
    raise SystemExit("the window was not archived within two minutes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--settle", type=float, default=SETTLE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        config = set_up(Path(folder), sandbox)
        line = [sys.executable, "-m", "strongroom", "--config", str(config), "daemon"]
        with subprocess.Popen(line, stderr=subprocess.DEVNULL) as process:
            try:
                await_archive(config, process)
                time.sleep(options.settle)
                before = look(process.pid)
                time.sleep(options.seconds)
                after = look(process.pid)
            finally:
                process.terminate()
    found = {
        "MB resident": after.memory,
        "% of a core": 100 * (after.cpu - before.cpu) / options.seconds,
        "wake-ups a second": (after.wakeups - before.wakeups) / options.seconds,
    }
    print("| a daemon at rest | | target |\n| --- | --- | --- |")
    for name, value in found.items():
        print(f"| {name} | **{value:.3g}** | ≤ {TARGETS[name]:g} {'met' if value <= TARGETS[name] else '**missed**'} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
