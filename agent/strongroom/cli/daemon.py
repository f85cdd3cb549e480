"""`strongroom daemon`: keep everything covered until asked to stop."""

from __future__ import annotations

import click

from strongroom.cli.session import Session, pass_session


@click.command("daemon")
@pass_session
def daemon(session: Session) -> int:
    """Keep every stream covered: plan, export, seal, verify, watch and raise the alarm, for as long as it runs.

    SIGTERM parks what is under way and leaves within ten seconds; SIGHUP reads the configuration again. One daemon
    works in a vault at a time.
    """
    from strongroom.daemon.daemon import Daemon

    return Daemon(session.config()).run()
