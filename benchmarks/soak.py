"""A daemon for a long time: does it take more and more of anything?

    python benchmarks/soak.py [--minutes 30] [--speed 60] [--streams 50] [--picture docs/pictures/soak.svg]

Hourly streams at simulated providers, with a clock that runs `speed` times as fast for daemon and providers alike. The
daemon is a process of its own, watched from outside every few seconds: memory, descriptors, threads and children, the
catalogue's write-ahead log, and how much evidence log there is for each archive. The first tenth is warming up; the
rest is compared half with half. Ends with 1 if the second half took more than a tenth more of anything.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct
from soak_picture import Panel, draw

from strongroom.config.load import load_config
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.vault.archives import archive_totals
from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DATASETS, DataOptions

EVERY = 5.0  # seconds between two looks
WARMING = 0.1  # of the time, which is not compared
MORE = 1.1  # of the first half, at the most, in the second
SLACK = {"memory": 2.0, "descriptors": 3.0, "threads": 2.0, "processes": 2.0, "wal": 0.5, "log": 0.2}  # of each unit


class Sample(Struct, frozen=True):
    """How much the daemon has at one moment."""

    minutes: float
    memory: float  # MiB, resident
    descriptors: float
    threads: float
    processes: float  # children
    wal: float  # MB
    log: float  # KB of evidence log for each archive
    archives: int


class FastClock:
    """An instant that runs so many times as fast as the machine's, from one moment on; the same in every process."""

    def __init__(self, began: float, speed: float) -> None:
        self._began, self._speed = began, speed
        self._boot = time.clock_gettime(time.CLOCK_BOOTTIME) - (time.time() - began)

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self._began + (time.time() - self._began) * self._speed, UTC)

    def boot(self) -> float:
        """Return seconds since the start, as fast: the daemon compares both, and believes neither alone."""
        return (time.clock_gettime(time.CLOCK_BOOTTIME) - self._boot) * self._speed


def run_daemon(config: Path, clock: FastClock) -> int:
    """Be the daemon, on the fast clock; what runs beside its loop keeps to the machine's."""
    from strongroom.daemon import daemon as room
    from strongroom.daemon.schedule import Schedule

    room.boot_seconds = clock.boot  # type: ignore[assignment]
    room.Schedule = lambda tasks, _clock: Schedule(tasks, lambda: datetime.now(UTC))  # type: ignore[assignment,misc]
    return room.Daemon(load_config(config), Dependencies(clock=clock)).run()


@contextmanager
def providers(count: int, clock: FastClock) -> Iterator[list[Sandbox]]:
    """Serve so many accounts, each with a few records an hour and without a quota."""
    options = ZavuOptions(max_concurrent=None, max_per_hour=None, requests_per_minute=10**6)
    with ExitStack() as running:
        settings = SandboxSettings(zavu=options, data=DataOptions(per_day=dict.fromkeys(DATASETS, 2_400)))
        yield [running.enter_context(Sandbox(settings, clock=clock)) for _ in range(count)]


def set_up(folder: Path, served: list[Sandbox], streams: int, clock: FastClock) -> Path:
    """Make the vault, and a configuration with so many hourly streams of the accounts."""
    file = folder / "strongroom.toml"
    wanted = NewVault(folder / "vault", file, folder / "identity.age", None, None)
    initialize(wanted, make_identity(os.urandom), Dependencies(clock=clock))
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(served[0].api_key)
    lines = [
        f'\n[[source]]\nname = "account-{number}"\nprovider = "zavu"\napi_key = "file:{key}"\n'
        f'base_url = "{each.api_url}"\nallow_private_addresses = true\n'
        "limits = { concurrent = 100, per_hour = 100000 }\n"
        for number, each in enumerate(served)
    ]
    since = (clock() - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    lines += [
        f'\n[[stream]]\nname = "stream-{number}"\nsource = "account-{number // len(DATASETS)}"\n'
        f'datasets = ["{list(DATASETS)[number % len(DATASETS)]}"]\nwindow = "hour"\nsettle = "0s"\n'
        f"since = {since:%Y-%m-%dT%H:%M:%SZ}\n"
        for number in range(streams)
    ]
    with file.open("a") as open_file:
        open_file.writelines(lines)
    load_config(file)
    return file


def look(process: int, config: Path, began: float) -> Sample:
    """Measure the daemon from outside."""
    home = Path("/proc") / str(process)
    fields = dict(line.split(":", 1) for line in (home / "status").read_text().splitlines())
    children = " ".join(task.joinpath("children").read_text() for task in home.joinpath("task").iterdir())
    loaded = load_config(config)
    with open_reading(loaded) as vault:
        archives = sum(each.count for each in archive_totals(vault.catalogue).values())
        wal = vault.layout.catalogue.with_name("catalogue.sqlite-wal")
        return Sample(
            (time.monotonic() - began) / 60,
            int(fields["VmRSS"].split()[0]) / 1024,
            len(list(home.joinpath("fd").iterdir())),
            int(fields["Threads"]),
            len(children.split()),
            wal.stat().st_size / 1e6 if wal.exists() else 0.0,
            vault.layout.log.stat().st_size / 1e3 / max(1, archives),
            archives,
        )


def watch(process: subprocess.Popen[bytes], config: Path, minutes: float) -> list[Sample]:
    """Look again and again, and stop the daemon at the end."""
    began, samples = time.monotonic(), []
    while time.monotonic() - began < minutes * 60:
        time.sleep(EVERY)
        if process.poll() is not None:
            raise SystemExit(f"the daemon ended with {process.returncode} after {len(samples)} looks")
        samples.append(look(process.pid, config, began))
        if len(samples) % 12 == 0:
            print(json.dumps({name: getattr(samples[-1], name) for name in Sample.__struct_fields__}), flush=True)
    process.send_signal(signal.SIGTERM)
    if process.wait(30):
        raise SystemExit(f"the daemon ended with {process.returncode}")
    return samples


def compare(samples: list[Sample]) -> list[str]:
    """Return what grew: the highest of the second half against the highest of the first, warming up left out."""
    kept = samples[int(len(samples) * WARMING) :]
    first, second = kept[: len(kept) // 2], kept[len(kept) // 2 :]
    grown = []
    for name, slack in SLACK.items():
        before, after = (max(getattr(each, name) for each in half) for half in (first, second))
        print(f"{name:<12} at most {before:>9.1f} in the first half, {after:>9.1f} in the second")
        if after > before * MORE + slack:
            grown.append(name)
    return grown


def panels(samples: list[Sample]) -> list[Panel]:
    """Return what the picture shows."""
    names = {
        "memory": "memory of the daemon, MiB",
        "descriptors": "open descriptors",
        "threads": "threads",
        "processes": "worker processes",
        "wal": "write-ahead log of the catalogue, MB",
        "log": "evidence log, KB for each archive",
        "archives": "archives",
    }
    return [
        Panel(title, [(each.minutes, float(getattr(each, name))) for each in samples]) for name, title in names.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="for the vault; by default that for temporary files")
    parser.add_argument("--picture", type=Path, help="where the SVG goes")
    parser.add_argument("--daemon", nargs=2, help=argparse.SUPPRESS)  # the configuration, and when the clock began
    options = parser.parse_args()
    if options.daemon:
        return run_daemon(Path(options.daemon[0]), FastClock(float(options.daemon[1]), options.speed))
    began = time.time()
    clock = FastClock(began, options.speed)
    accounts = -(-options.streams // len(DATASETS))
    with tempfile.TemporaryDirectory(dir=options.folder) as base, providers(accounts, clock) as served:
        config = set_up(Path(base), served, options.streams, clock)
        line = [sys.executable, __file__, "--speed", str(options.speed), "--daemon", str(config), str(began)]
        with (Path(base) / "daemon.log").open("wb") as log:
            process = subprocess.Popen(line, stderr=log)
            try:
                samples = watch(process, config, options.minutes)
            except BaseException:
                process.kill()
                print((Path(base) / "daemon.log").read_text()[-2000:], file=sys.stderr)
                raise
    hours = (clock() - datetime.fromtimestamp(began, UTC)) / timedelta(hours=1)
    done = f"{hours:.0f} hours in {options.minutes:g} minutes, {samples[-1].archives:,} archives"
    print(f"{options.streams} hourly streams, {done}")
    grown = compare(samples)
    if options.picture:
        options.picture.write_text(draw(panels(samples)))
    print(f"grew: {', '.join(grown)}" if grown else "nothing grew")
    return int(bool(grown))


if __name__ == "__main__":
    sys.exit(main())
