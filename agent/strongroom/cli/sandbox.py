"""`strongroom sandbox`: the simulated provider in the foreground, with all that is needed to point a source at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.json_output import put_document
from strongroom.cli.options import json_option
from strongroom.cli.terminal import say, tell

if TYPE_CHECKING:
    from strongroom.sandbox.server import Sandbox

_PORT = click.IntRange(0, 65_535)


@click.command("sandbox")
@click.option("--port", type=_PORT, default=8790, show_default=True, help="The API's port; 0 for any free one.")
@click.option("--storage-port", type=_PORT, default=0, help="The port that download links point to.  [default: any]")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Other invented records.")
@json_option
def sandbox(port: int, storage_port: int, seed: int, as_json: bool) -> None:
    """Serve a simulated Zavu API on this machine until Ctrl-C.

    It holds invented records, keeps both quotas and lets faults be switched on under /_sandbox/. It listens on
    127.0.0.1 only.
    """
    from strongroom.sandbox.records import DataOptions
    from strongroom.sandbox.server import SandboxSettings, serve

    settings = SandboxSettings(data=DataOptions(seed=seed), api_port=port, storage_port=storage_port)
    serve(settings, _announce_json if as_json else _announce)


def _announce_json(running: Sandbox) -> None:
    put_document({"api_url": running.api_url, "storage_url": running.storage_url, "api_key": running.api_key})


def _announce(running: Sandbox) -> None:
    say(f"API       {running.api_url}")
    say(f"storage   {running.storage_url}")
    say(f"API key   {running.api_key}")
    tell()
    tell("A vault for it, in another terminal:")
    tell(f"  export SANDBOX_KEY={running.api_key}")
    tell("  strongroom init --config sandbox.toml --vault sandbox-vault --no-passphrase \\")
    tell("    --recovery-file sandbox-recovery.txt --source sandbox --api-key env:SANDBOX_KEY \\")
    tell(f"    --dataset messages --base-url {running.api_url} --allow-private-addresses")
    tell("  strongroom --config sandbox.toml run --once")
    tell()
    tell(f'Make a fault: curl -d \'{{"kind":"job-fails"}}\' {running.api_url}/_sandbox/faults')
    tell("Ctrl-C ends it; nothing is kept.")
