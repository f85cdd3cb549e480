"""How a sandbox is set up, and the one thing that no setting can change: it listens only on loopback."""

from __future__ import annotations

import base64
import ipaddress

from msgspec import Struct, field

from strongroom.model.errors import UsageError
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions, ZavuOptions
from strongroom_sandbox.recorder import SandboxOrigin
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.zavu_records import DataOptions

DEFAULT_KEY = "zv_test_sandbox"
"""The API key of a sandbox, unless its settings name another. It opens nothing else."""
DEFAULT_HOOKBRIDGE_KEY = "hb_test_sandbox"
DEFAULT_QLARA_KEY = "ql_test_sandbox"
DEFAULT_QLARA_LOGIN = ("sandbox", "ql_test_password")
"""A user and a password, which Qlara accepts as well as its key."""
QLARA_PATH = "/api/partner-gateway/v1"
"""What all paths of Qlara's API begin with."""


class SandboxSettings(Struct, frozen=True):
    """How a sandbox is set up; a port of 0 means any free one."""

    api_key: str = DEFAULT_KEY  # Zavu's
    hookbridge_key: str = DEFAULT_HOOKBRIDGE_KEY
    qlara_key: str = DEFAULT_QLARA_KEY
    qlara_login: tuple[str, str] = DEFAULT_QLARA_LOGIN
    token_prefix: str = ""  # put before the token of each download link
    zavu: ZavuOptions = field(default_factory=ZavuOptions)
    hookbridge: HookBridgeOptions | None = None  # None: it is not started
    qlara: QlaraOptions | None = None  # None: it is not started
    data: DataOptions = field(default_factory=DataOptions)  # of Zavu
    rows: RowOptions = field(default_factory=RowOptions)  # of the other two
    host: str = "127.0.0.1"
    api_port: int = 0
    hookbridge_port: int = 0
    qlara_port: int = 0
    storage_port: int = 0
    mirror_port: int = 0

    @property
    def ports(self) -> dict[SandboxOrigin, int]:
        """The port of each origin that this sandbox could have."""
        return {
            SandboxOrigin.API: self.api_port,
            SandboxOrigin.HOOKBRIDGE: self.hookbridge_port,
            SandboxOrigin.QLARA: self.qlara_port,
            SandboxOrigin.STORAGE: self.storage_port,
            SandboxOrigin.MIRROR: self.mirror_port,
        }

    @property
    def homes(self) -> dict[str, frozenset[SandboxOrigin]]:
        """Each credential as it is sent, and the origins that it belongs to; more than one where keys are equal."""
        user, password = self.qlara_login
        owned = [
            (self.api_key, SandboxOrigin.API),
            (self.hookbridge_key, SandboxOrigin.HOOKBRIDGE),
            (self.qlara_key, SandboxOrigin.QLARA),
            (password, SandboxOrigin.QLARA),
            (base64.b64encode(f"{user}:{password}".encode()).decode(), SandboxOrigin.QLARA),
        ]
        return {secret: frozenset(home for each, home in owned if each == secret) for secret, _ in owned}


def require_loopback(host: str) -> str:
    """Return the host as an address; raise UsageError when it is not a loopback address."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise UsageError(
            f"the sandbox listens on loopback addresses only, got {host}",
            hint="its data are invented, its key is public, and anyone can switch its faults on: use 127.0.0.1",
        )
    return str(address)
