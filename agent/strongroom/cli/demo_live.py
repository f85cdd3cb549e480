"""The demo of the screen, alive: a copy of the company's vault, simulated providers, and a daemon, at a faster time.

The company's past is worked through once for each version of the program and kept in the cache folder; every demo gets
a copy of its own, which ends with it.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from strongroom.cli import demo_company, demo_history
from strongroom.cli.demo_clock import PACE, DemoClock, boot_seconds
from strongroom.cli.demo_company import NOW, CompanyFolder, provider_settings
from strongroom.cli.demo_daemon import write_clock
from strongroom.cli.demo_history import Progress, build_company
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.sources import Dependencies
from strongroom_sandbox.server import Sandbox

_PREFIX = "demo-company-"
_RATE = 20_000  # bytes a second of a download, so that there is something to watch
_LEAVE = 10.0  # seconds for the daemon to end


class LiveDemo(Struct, frozen=True):
    """A demo that is running."""

    config: Config
    clock: DemoClock


@contextmanager
def running_demo(company: Path, *, pace: float = PACE) -> Iterator[LiveDemo]:
    """Run a copy of a company's vault with its providers and a daemon; all of it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="strongroom-demo-") as name:
        folder = copy_company(company, Path(name))
        clock = DemoClock(NOW, boot_seconds(), pace)
        with Sandbox(provider_settings(pace=1, rate=_RATE), clock=clock) as sandbox:
            recipients = load_config(company / "strongroom.toml").vault.recipients
            folder.write_config(recipients, sandbox, by_month=False)
            write_clock(folder.root, clock)
            with _daemon(folder.root):
                yield LiveDemo(load_config(folder.config), clock)


def copy_company(company: Path, to: Path) -> CompanyFolder:
    """Copy a company's vault and keys to an existing folder, with a configuration that still names the old one."""
    shutil.copytree(company, to, dirs_exist_ok=True)
    return CompanyFolder(to)


@contextmanager
def _daemon(folder: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "strongroom.cli.demo_daemon", str(folder)]
    with (folder / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        daemon.terminate()
        try:
            daemon.wait(_LEAVE)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def prepared_company(cache: Path, progress: Progress) -> Path:
    """Return the folder with the company of this version; make it below `cache` where it is not there yet."""
    folder = cache / f"{_PREFIX}{_edition()}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=f".{_PREFIX}", dir=cache) as name:
            made = CompanyFolder(Path(name) / "company")
            build_company(made, Dependencies(), progress)
            for older in cache.glob(f"{_PREFIX}*"):
                shutil.rmtree(older, ignore_errors=True)
            made.root.rename(folder)
    return folder


def cache_folder(env: Mapping[str, str]) -> Path:
    """Return where the program keeps what it can make again."""
    named = Path(env.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "strongroom"


def _edition() -> str:
    """Return a digest of what makes a company: the program's version, the catalogue's schema, and the story."""
    digest = hashlib.sha256(version("strongroom").encode())
    for script in sorted(files("strongroom.vault").joinpath("migrations").iterdir(), key=lambda each: each.name):
        if script.name.endswith(".sql"):
            digest.update(script.read_bytes())
    for story in (demo_company.__file__, demo_history.__file__):
        digest.update(Path(story).read_bytes())
    return digest.hexdigest()[:16]
