"""A vault to run commands on, and the canaries in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from strongroom.cli.main import cli
from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.server import SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

API_KEY = "zv_live_canarykey0123456789"
TEXT = "canary-in-a-message-text"
LINK = "canarylinktoken"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)

Invoke = Callable[..., Result]


@dataclass(frozen=True, slots=True)
class Home:
    """A vault with its configuration, and what it holds."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "strongroom.toml"

    @property
    def vault(self) -> Path:
        return self.folder / "vault"

    @property
    def identity(self) -> Path:
        return self.folder / "identity.age"

    def archives(self) -> list[str]:
        """Return the ids of what is held, oldest first."""
        return sorted(path.stem for path in self.vault.glob("manifests/*/*.json"))


def make_home(folder: Path, base_url: str) -> Home:
    home = Home(folder)
    folder.mkdir(exist_ok=True)
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(API_KEY)
    args = [
        *("init", "--config", home.config, "--vault", home.vault, "--identity", home.identity, "--no-passphrase"),
        *("--recovery-file", folder / "recovery.txt", "--source", "zavu-main", "--api-key", f"file:{key}"),
        *("--dataset", "messages", "--since", "2026-11-01", "--base-url", base_url, "--allow-private-addresses"),
    ]
    result = CliRunner().invoke(cli, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return home


def sandbox_settings(**zavu: object) -> SandboxSettings:
    data = DataOptions(per_day={"messages": 50, "conversations": 10}, canary=TEXT)
    options = ZavuOptions(**zavu)  # type: ignore[arg-type]
    return SandboxSettings(api_key=API_KEY, token_prefix=LINK, data=data, zavu=options)
