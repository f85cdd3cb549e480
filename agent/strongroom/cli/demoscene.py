"""The scene of the demo: a simulated provider that misbehaves on purpose, and a fresh vault with three streams."""

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
from strongroom.engine.keys import make_identity
from strongroom.model.errors import UsageError
from strongroom.sandbox.faults import Fault, FaultKind
from strongroom.sandbox.recorder import Operation
from strongroom.sandbox.records import DataOptions
from strongroom.sandbox.server import Sandbox, SandboxSettings
from strongroom.sandbox.transfer import Manners
from strongroom.sandbox.zavu_options import ZavuOptions

STREAMS = {"messages": "messages", "conversations": "conversations", "agents": "agentExecutions"}
DAYS = 2
CUT_AT = 300_000  # bytes; less than any of the files has
_RECORDS_A_DAY = {"messages": 40_000, "conversations": 12_000, "agentExecutions": 12_000, "activities": 5_000}
_RATE = 2_000_000  # bytes a second for one download, so that there is something to watch


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
def simulated_provider() -> Iterator[Sandbox]:
    """Serve Zavu with two faults: one create is lost after it took effect, one download is cut in the middle."""
    settings = SandboxSettings(zavu=ZavuOptions(manners=Manners(rate=_RATE)), data=DataOptions(per_day=_RECORDS_A_DAY))
    with Sandbox(settings) as sandbox:
        sandbox.faults.add(Fault(FaultKind.ANSWER, on=Operation.CREATE, nth=2, after=True, status=503))
        sandbox.faults.add(Fault(FaultKind.CUT, nth=1, at=CUT_AT))
        yield sandbox


def build_vault(scene: Scene, sandbox: Sandbox) -> Config:
    """Make the vault and its configuration as `init` does, then add the account and its streams as a person would."""
    scene.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file = scene.folder / "zavu-api-key"
    key_file.touch(mode=0o600)
    key_file.write_text(f"{sandbox.api_key}\n")
    wishes = Wishes(
        vault=scene.folder / "vault",
        config=scene.config,
        identity=scene.identity,
        passphrase=None,
        recovery_file=scene.folder / "recovery-identity.txt",
    )
    doors = Doors()
    initialise(wishes, make_identity(doors.chance), doors)
    with scene.config.open("a") as file:
        file.write(_account(sandbox.api_url, key_file, doors.clock()))
    return load_config(scene.config)


def add_stream(scene: Scene, name: str, dataset: str, now: datetime) -> None:
    """Add one more stream of one day to the configuration, as a person would in an editor."""
    since = (now.astimezone(UTC) - timedelta(days=1)).date()
    with scene.config.open("a") as file:
        file.write(_stream(name, dataset, since))


def _account(url: str, key_file: Path, now: datetime) -> str:
    since = (now.astimezone(UTC) - timedelta(days=DAYS)).date()
    source = (
        f'\n[[source]]\nname = "zavu-demo"\nprovider = "zavu"\napi_key = "file:{key_file}"\nbase_url = "{url}"\n'
        "allow_private_addresses = true  # the simulated provider is on this machine\nretention_days = 90\n"
    )
    return source + "".join(_stream(name, dataset, since) for name, dataset in STREAMS.items())


def _stream(name: str, dataset: str, since: date) -> str:
    return (
        f'\n[[stream]]\nname = "{name}"\nsource = "zavu-demo"\ndatasets = ["{dataset}"]\nsince = {since}\n'
        'window = "day"\nsettle = "0s"\n'
    )
