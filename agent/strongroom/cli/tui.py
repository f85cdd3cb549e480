"""`strongroom tui`: the screen, where there is one to draw on."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, pass_session
from strongroom.cli.sandbox import require_sandbox
from strongroom.cli.terminal import working_folder
from strongroom.model.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from strongroom.config.schema import Config


@click.command("tui")
@click.option(
    "--read-only",
    is_flag=True,
    help="Change nothing and contact no provider. With an identity, archives can still be read and restored.",
)
@click.option("--demo", is_flag=True, help="Open an invented company, in a temporary vault with simulated providers.")
@click.option("--fast", is_flag=True, help="With --demo: a day of the company takes six minutes instead of 24.")
@pass_session
def tui(session: Session, read_only: bool, demo: bool, fast: bool) -> int:
    """Open the screen: coverage, schedules, jobs, archives, retention, evidence, health and search.

    Needs a terminal; without one, use status, coverage, jobs and archives. If there is no configuration, the screen
    helps you create one, as `strongroom init` does.
    """
    if demo:
        require_sandbox()
    if fast and not demo:
        raise UsageError("--fast sets the pace of the demo", hint="run: strongroom tui --demo --fast")
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError(
            "the screen needs a terminal",
            hint="use: strongroom status, strongroom jobs, strongroom archives (each also with --json)",
        )
    if demo:
        return _show_demo(read_only=read_only, fast=fast)
    gc.disable()  # until the first picture is drawn; see the screen's gc_control.py
    from strongroom_tui.app import run  # slow to import: only the screen pays for it

    found = _found(session)
    return ExitCode.INTERRUPTED if found is None else run(found, read_only=read_only)


def _show_demo(*, read_only: bool, fast: bool) -> int:
    """Show the screen on the demo company; the first time for a version, its past is worked through before."""
    from strongroom.cli.demo_clock import FAST, PACE
    from strongroom.cli.demo_live import cache_folder, prepared_company, running_demo

    company = prepared_company(cache_folder(os.environ), _tell_progress)
    gc.disable()  # until the first picture is drawn
    from strongroom_tui.app import run

    with running_demo(company, pace=FAST if fast else PACE) as live:
        return run(live.config, read_only=read_only, demo=live.clock)


def _tell_progress(share: float) -> None:
    """Show on one line how far the company's past has been worked through; take the line back at the end."""
    words = f"Preparing the demo, once for this version: {share:.0%} of fourteen months of real exports"
    sys.stderr.write("\r\x1b[K" + (words if share < 1 else ""))
    sys.stderr.flush()


def _found(session: Session) -> Config | None:
    """Return the configuration; where there is none and none was named, lead the person to one."""
    from strongroom.config.load import load_config, no_config

    if session.config_path is not None or not no_config(os.environ, working_folder()):
        return session.config()
    from strongroom.cli.init import usual_folders
    from strongroom.cli.service import start_daemon
    from strongroom_tui.screens.first_run import set_up

    made = set_up(*usual_folders())
    if made is None:
        return None
    if made.start:
        start_daemon(made.config)
    return load_config(made.config)
