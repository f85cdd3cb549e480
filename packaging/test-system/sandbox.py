"""The simulated provider as a service of the guest. Its key, links and records hold text that no journal may show."""

from __future__ import annotations

from strongroom_sandbox.options import ZavuOptions
from strongroom_sandbox.server import SandboxSettings, serve
from strongroom_sandbox.zavu_records import DataOptions

PORT = 8790
KEY = "zv_live_canarykeyofthetest"
LINK = "canarylinkofthetest"
TEXT = "canary-text-of-the-test"


def main() -> None:
    """Serve until asked to stop."""
    data = DataOptions(per_day={"messages": 2000}, canary=TEXT)
    zavu = ZavuOptions(max_per_hour=60)
    serve(SandboxSettings(api_key=KEY, token_prefix=LINK, data=data, zavu=zavu, api_port=PORT), lambda _running: None)


if __name__ == "__main__":
    main()
