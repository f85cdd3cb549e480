"""The scene of the demo: three simulated providers that misbehave on purpose, and a fresh vault with four streams.

The last step of the demo: a daemon is killed in the middle of an export, started again, and resumes.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import list_jobs
from strongroom.model.errors import UsageError
from strongroom.model.job import Job, State
from strongroom_sandbox.faults import FaultKind, InjectedFault
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions, TransferOptions, ZavuOptions
from strongroom_sandbox.recorder import Operation, ProviderName
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

if TYPE_CHECKING:
    from strongroom.config.schema import Config


STREAMS = {
    "messages": ("zavu", "messages"),
    "conversations": ("zavu", "conversations"),
    "deliveries": ("hookbridge", "outbound"),
    "texts": ("qlara", "message-history"),
}
DAYS = 2
CUT_AT = 300_000  # bytes; less than any of Zavu's files has
_RECORDS_A_DAY = {"messages": 40_000, "conversations": 12_000, "activities": 5_000}
_ROWS_A_DAY = {"outbound": 15_000, "api": 15_000}
_TRANSFER = TransferOptions(rate=2_000_000)  # bytes a second for one download, so that there is something to watch


class DemoScene(Struct, frozen=True):
    """Where everything of a demo is."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.folder / "strongroom.toml"

    @property
    def identity(self) -> Path:
        """The working identity, in the clear: this is a demo."""
        return self.folder / "identity.txt"

    @property
    def restored(self) -> Path:
        """Where the restored file goes."""
        return self.folder / "restored"


def new_scene(folder: Path | None, now: datetime) -> DemoScene:
    """Choose the folder. Raises UsageError when it holds anything."""
    chosen = (folder or Path(f"strongroom-demo-{now:%Y%m%d-%H%M%S}")).absolute()
    if chosen.exists() and (not chosen.is_dir() or any(chosen.iterdir())):
        raise UsageError(f"{chosen} is not an empty folder", hint="choose a new one with --dir PATH")
    return DemoScene(chosen)


@contextmanager
def simulated_providers() -> Iterator[Sandbox]:
    """Serve all three; of Zavu one create is lost after it took effect, and one download is cut in the middle."""
    settings = SandboxSettings(
        zavu=ZavuOptions(transfer=_TRANSFER),
        hookbridge=HookBridgeOptions(transfer=_TRANSFER),
        qlara=QlaraOptions(transfer=_TRANSFER),
        data=DataOptions(per_day=_RECORDS_A_DAY),
        rows=RowOptions(per_day=_ROWS_A_DAY),
    )
    with Sandbox(settings) as sandbox:
        lost = InjectedFault(
            FaultKind.ANSWER, on=Operation.CREATE, nth=2, after=True, status=503, provider=ProviderName.ZAVU
        )
        sandbox.faults.add(lost)
        sandbox.faults.add(InjectedFault(FaultKind.CUT, nth=1, at=CUT_AT, provider=ProviderName.ZAVU))
        yield sandbox


def build_vault(scene: DemoScene, sandbox: Sandbox) -> Config:
    """Make the vault and its configuration as `init` does, then add the accounts and streams as a person would."""
    scene.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = NewVault(
        vault=scene.folder / "vault",
        config=scene.config,
        identity=scene.identity,
        passphrase=None,
        recovery_file=scene.folder / "recovery-identity.txt",
    )
    dependencies = Dependencies()
    initialize(wanted, make_identity(dependencies.random_bytes), dependencies)
    since = (dependencies.clock().astimezone(UTC) - timedelta(days=DAYS)).date()
    with scene.config.open("a") as file:
        file.writelines(_accounts(scene, sandbox))
        file.writelines(_stream(name, source, dataset, since) for name, (source, dataset) in STREAMS.items())
    return load_config(scene.config)


def add_stream(scene: DemoScene, name: str, source: str, dataset: str, now: datetime) -> None:
    """Add one more stream of one day to the configuration, as a person would in an editor."""
    since = (now.astimezone(UTC) - timedelta(days=1)).date()
    with scene.config.open("a") as file:
        file.write(_stream(name, source, dataset, since))


def _accounts(scene: DemoScene, sandbox: Sandbox) -> Iterator[str]:
    """Yield a section for each account, its key in a file of its own."""
    settings = sandbox.settings
    accounts = (
        ("zavu", settings.api_key, sandbox.api_url),
        ("hookbridge", settings.hookbridge_key, sandbox.hookbridge_url),
        ("qlara", settings.qlara_key, sandbox.qlara_url),
    )
    for provider, key, url in accounts:
        key_file = scene.folder / f"{provider}-api-key"
        key_file.touch(mode=0o600)
        key_file.write_text(f"{key}\n")
        yield (
            f'\n[[source]]\nname = "{provider}-demo"\nprovider = "{provider}"\napi_key = "file:{key_file}"\n'
            f'base_url = "{url}"\nallow_private_addresses = true  # the simulated provider is on this machine\n'
        )


def _stream(name: str, source: str, dataset: str, since: date) -> str:
    return (
        f'\n[[stream]]\nname = "{name}"\nsource = "{source}-demo"\ndatasets = ["{dataset}"]\nsince = {since}\n'
        'window = "day"\nsettle = "0s"\n'
    )


STREAM = "account"
PATIENCE = 45.0  # seconds for one stage
_TOLD = (State.WAITING, State.READY, State.FETCHING, State.SEALED)


def kill_and_catch_up(config: Path) -> tuple[bool, str]:
    """Start a daemon, kill it while the provider prepares an export, start it again; say whether all went well."""
    first = _start(config)
    job = _wait(config, _TOLD)
    first.send_signal(signal.SIGKILL)
    first.wait()
    if job is None:
        return False, "the daemon did not request an export in time"
    second = _start(config)
    done = _wait(config, (State.ARCHIVED,))
    second.send_signal(signal.SIGTERM)
    left = second.wait(timeout=15)
    if done is None or done.id != job.id or left:
        return False, "the second daemon did not complete the export in time"
    return True, (
        f"killed with SIGKILL while export {job.ref} was in progress, started again: the same job, the same export, "
        "one archive; stopped with SIGTERM"
    )


def _start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "strongroom", "--config", str(config), "daemon"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _wait(config: Path, states: tuple[State, ...]) -> Job | None:
    """Read the catalogue until the stream's job is in one of these states."""
    deadline = time.monotonic() + PATIENCE
    with open_reading(load_config(config)) as vault:
        while time.monotonic() < deadline:
            for job in list_jobs(vault, stream=STREAM):
                if job.state in states:
                    return job
            time.sleep(0.1)
    return None
