"""The scene of the demo: three simulated providers that misbehave on purpose, and a fresh vault with four streams."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.assembly import Doors
from strongroom.engine.initialise import Wishes, initialise
from strongroom.engine.keys.identities import make_identity
from strongroom.model.errors import UsageError
from strongroom.sandbox.faults import Fault, FaultKind
from strongroom.sandbox.hookbridge_options import HookBridgeOptions
from strongroom.sandbox.qlara_options import QlaraOptions
from strongroom.sandbox.recorder import Operation, Provider
from strongroom.sandbox.records import DataOptions
from strongroom.sandbox.rows import RowOptions
from strongroom.sandbox.server import Sandbox, SandboxSettings
from strongroom.sandbox.transfer import Manners
from strongroom.sandbox.zavu_options import ZavuOptions

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
_MANNERS = Manners(rate=2_000_000)  # bytes a second for one download, so that there is something to watch


@dataclass(frozen=True, slots=True)
class Scene:
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


def new_scene(folder: Path | None, now: datetime) -> Scene:
    """Choose the folder. Raises UsageError when it holds anything."""
    chosen = (folder or Path(f"strongroom-demo-{now:%Y%m%d-%H%M%S}")).absolute()
    if chosen.exists() and (not chosen.is_dir() or any(chosen.iterdir())):
        raise UsageError(f"{chosen} is not an empty folder", hint="name a new one with --dir PATH")
    return Scene(chosen)


@contextmanager
def simulated_providers() -> Iterator[Sandbox]:
    """Serve all three; of Zavu one create is lost after it took effect, and one download is cut in the middle."""
    settings = SandboxSettings(
        zavu=ZavuOptions(manners=_MANNERS),
        hookbridge=HookBridgeOptions(manners=_MANNERS),
        qlara=QlaraOptions(manners=_MANNERS),
        data=DataOptions(per_day=_RECORDS_A_DAY),
        rows=RowOptions(per_day=_ROWS_A_DAY),
    )
    with Sandbox(settings) as sandbox:
        lost = Fault(FaultKind.ANSWER, on=Operation.CREATE, nth=2, after=True, status=503, provider=Provider.ZAVU)
        sandbox.faults.add(lost)
        sandbox.faults.add(Fault(FaultKind.CUT, nth=1, at=CUT_AT, provider=Provider.ZAVU))
        yield sandbox


def build_vault(scene: Scene, sandbox: Sandbox) -> Config:
    """Make the vault and its configuration as `init` does, then add the accounts and streams as a person would."""
    scene.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wishes = Wishes(
        vault=scene.folder / "vault",
        config=scene.config,
        identity=scene.identity,
        passphrase=None,
        recovery_file=scene.folder / "recovery-identity.txt",
    )
    doors = Doors()
    initialise(wishes, make_identity(doors.chance), doors)
    since = (doors.clock().astimezone(UTC) - timedelta(days=DAYS)).date()
    with scene.config.open("a") as file:
        file.writelines(_accounts(scene, sandbox))
        file.writelines(_stream(name, source, dataset, since) for name, (source, dataset) in STREAMS.items())
    return load_config(scene.config)


def add_stream(scene: Scene, name: str, source: str, dataset: str, now: datetime) -> None:
    """Add one more stream of one day to the configuration, as a person would in an editor."""
    since = (now.astimezone(UTC) - timedelta(days=1)).date()
    with scene.config.open("a") as file:
        file.write(_stream(name, source, dataset, since))


def _accounts(scene: Scene, sandbox: Sandbox) -> Iterator[str]:
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
