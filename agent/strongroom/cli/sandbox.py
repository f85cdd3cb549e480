"""`strongroom sandbox`: simulated providers in the foreground, and how to point a source at each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import click
from msgspec import Struct
from msgspec.structs import asdict

from strongroom.cli.options import json_option
from strongroom.cli.output import put_document
from strongroom.cli.terminal import report, say
from strongroom.model.errors import UsageError

if TYPE_CHECKING:
    from strongroom_sandbox.server import Sandbox

_PORT = click.IntRange(0, 65_535)
_DATASETS = {"zavu": "messages", "hookbridge": "outbound", "qlara": "message-history"}


INSTALL = "pip install 'strongroom[demo]'"


class Served(Struct, frozen=True):
    """One simulated API."""

    provider: str
    api_url: str
    api_key: str


def require_sandbox() -> None:
    """Import the simulated providers. Raises UsageError where the libraries of the extra `demo` are absent."""
    try:
        import_module("strongroom_sandbox.server")
    except ImportError as absent:
        name = (absent.name or "").partition(".")[0]
        if name == "strongroom" or (name == "strongroom_sandbox" and absent.name != name):
            raise  # a bug, which no installation fixes
        words = f"the simulated providers are not installed here{f' ({name} is missing)' if name else ''}"
        raise UsageError(words, hint=INSTALL) from None


@click.command("sandbox")
@click.option(
    "--provider",
    "providers",
    type=click.Choice(list(_DATASETS)),
    multiple=True,
    default=("zavu",),
    show_default=True,
    help="The provider whose API to simulate; may be repeated.",
)
@click.option(
    "--port", type=_PORT, default=8790, show_default=True, help="The port of the first API; 0 for any free one."
)
@click.option("--storage-port", type=_PORT, default=0, help="The port that download links point to.  [default: any]")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the invented records.")
@json_option
def sandbox(providers: tuple[str, ...], port: int, storage_port: int, seed: int, as_json: bool) -> None:
    """Serve simulated export APIs on this machine until Ctrl-C.

    They have invented records, keep the documented quotas, and let you switch on faults under /_sandbox/. They listen
    on 127.0.0.1 only.
    """
    require_sandbox()
    from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
    from strongroom_sandbox.records import RowOptions
    from strongroom_sandbox.server import SandboxSettings, serve
    from strongroom_sandbox.zavu_records import DataOptions

    wanted = tuple(dict.fromkeys(providers))
    ports = {wanted[0]: port}
    settings = SandboxSettings(
        hookbridge=HookBridgeOptions() if "hookbridge" in wanted else None,
        qlara=QlaraOptions() if "qlara" in wanted else None,
        data=DataOptions(seed=seed),
        rows=RowOptions(seed=seed),
        api_port=ports.get("zavu", 0),
        hookbridge_port=ports.get("hookbridge", 0),
        qlara_port=ports.get("qlara", 0),
        storage_port=storage_port,
    )
    announce = _announce_json if as_json else _announce
    serve(settings, lambda running: announce(running, [_served(running, name) for name in wanted]))


def _served(running: Sandbox, provider: str) -> Served:
    settings = running.settings
    if provider == "hookbridge":
        return Served(provider, running.hookbridge_url, settings.hookbridge_key)
    if provider == "qlara":
        return Served(provider, running.qlara_url, settings.qlara_key)
    return Served(provider, running.api_url, running.api_key)


def _announce_json(running: Sandbox, served: list[Served]) -> None:
    first = asdict(served[0])
    more = {"storage_url": running.storage_url, "control_url": _control(running)}
    put_document({**first, **more, "providers": [asdict(each) for each in served]})


def _announce(running: Sandbox, served: list[Served]) -> None:
    for each in served:
        say(f"API       {each.api_url}" + (f"  ({each.provider})" if len(served) > 1 else ""))
        say(f"API key   {each.api_key}")
    say(f"storage   {running.storage_url}")
    report()
    report("A vault for it, in another terminal:")
    for line in _setup(served[0]):
        report(f"  {line}")
    report()
    report(f'Make a fault: curl -d \'{{"kind":"job-fails"}}\' {_control(running)}/faults')
    report("Press Ctrl-C to end it; nothing is stored.")


def _setup(served: Served) -> Iterator[str]:
    yield f"export SANDBOX_KEY={served.api_key}"
    yield "strongroom init --config sandbox.toml --vault sandbox-vault --no-passphrase \\"
    yield "  --recovery-file sandbox-recovery.txt --source sandbox --api-key env:SANDBOX_KEY \\"
    yield f"  --provider {served.provider} --dataset {_DATASETS[served.provider]} \\"
    yield f"  --base-url {served.api_url} --allow-private-addresses"
    yield "strongroom --config sandbox.toml run --once"


def _control(running: Sandbox) -> str:
    return f"{running.api_url}/_sandbox"
