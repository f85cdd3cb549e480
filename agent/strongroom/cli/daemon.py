"""`strongroom daemon`: keep everything covered until asked to stop."""

from __future__ import annotations

import click

from strongroom.cli.session import Session
from strongroom.cli.wishes import wake
from strongroom.model.errors import ExitCode


@click.group("daemon", invoke_without_command=True)
@click.pass_context
def daemon(ctx: click.Context) -> int:
    """Keep every stream covered: plan, export, seal, verify, watch and raise the alarm, for as long as it runs.

    SIGTERM parks what is under way and leaves within ten seconds; SIGHUP reads the configuration again. One daemon
    works in a vault at a time.
    """
    if ctx.invoked_subcommand is not None:
        return ExitCode.OK
    from strongroom.daemon.daemon import Daemon

    return Daemon(ctx.ensure_object(Session).config()).run()


daemon.add_command(wake)
