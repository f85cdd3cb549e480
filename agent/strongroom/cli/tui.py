"""`strongroom tui`: the screen, where there is one to draw on."""

from __future__ import annotations

import os
import sys

import click

from strongroom.cli.session import Session, pass_session
from strongroom.model.errors import UsageError


@click.command("tui")
@pass_session
def tui(session: Session) -> int:
    """Open the screen of jobs and archives. Needs a terminal; without one use status, jobs and archives."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "the screen needs a terminal to draw on",
            hint="use: strongroom status, strongroom jobs, strongroom archives (each also with --json)",
        )
    config = session.config()
    from strongroom_tui.app import run  # slow to import: only the screen pays for it

    return run(config)
