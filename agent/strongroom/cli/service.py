"""`strongroom service`: put the daemon under your own systemd, and see how it does there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.amounts import instant_words
from strongroom.cli.json_output import put_document
from strongroom.cli.options import json_option
from strongroom.cli.quiet import quiet_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.table import render_fields
from strongroom.cli.terminal import clean, say, tell, width
from strongroom.cli.unitstate import NoManager, UnitState, ask_systemd
from strongroom.cli.userunit import cautions, place_unit, program, render_unit, unit_path
from strongroom.model.errors import ExitCode, StrongroomError, UsageError

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.health.heartbeat import Heartbeat

STEPS = (
    ("systemctl --user daemon-reload", "let systemd read it"),
    ("systemctl --user enable --now strongroom", "start it, now and at every login"),
    ("loginctl enable-linger", "let it run while you are logged out, and from boot"),
    ("strongroom service status", "see how it does"),
)


@click.group("service")
def service() -> None:
    """Put the daemon under your own systemd, or see how it does there."""


@service.command("install")
@click.option("--user", is_flag=True, help="For your own systemd: the only kind there is, and meant even as root.")
@click.option("--force", is_flag=True, help="Replace a unit that is there already.")
@json_option
@pass_session
def install(session: Session, user: bool, force: bool, as_json: bool) -> None:
    """Write a unit for your own systemd that runs this program with the configuration in force.

    Nothing is started: the commands for that are shown. The unit for a server comes with packaging/systemd.
    """
    if os.geteuid() == 0 and not user:
        raise UsageError(
            "root's own systemd is hardly what you mean",
            hint="for a server see docs/systemd.md; add --user if you do mean it",
        )
    config = session.config()
    path = unit_path(os.environ, Path.home())
    written = place_unit(path, render_unit(program(), config.file), force=force)
    notes = list(cautions(config))
    if as_json:
        steps = [command for command, _why in STEPS]
        put_document({"unit": str(path), "written": written, "cautions": notes, "next": steps})
        return
    say(f"{'Wrote' if written else 'As it should be already:'} {clean(str(path))}")
    for note in notes:
        tell(f"note: {clean(note)}")
    tell("Next:")
    for command, why in STEPS:
        tell(f"  {command:<41} {why}")


@service.command("status")
@click.option("--user/--system", "user", default=True, help="Ask your own systemd (the default), or the machine's.")
@quiet_option
@json_option
@pass_session
def status(session: Session, user: bool, as_json: bool) -> int:
    """Show what systemd says of the daemon, and when the daemon last said that it lives.

    Leaves with 1 where it does not work, whatever runs it.
    """
    from strongroom.engine.assembly import system_clock

    state, silence = _ask(user=user)
    beat, held, trouble = _listen(session.config())
    working = held and beat is not None and beat.fresh(system_clock())
    if as_json:
        put_document(
            {
                "manager": "user" if user else "system",
                "systemd": asdict(state) if state else None,
                "silence": silence.words if silence else "",
                "heartbeat": {"at": beat.at, "pid": beat.pid, "words": beat.words} if beat else None,
                "trouble": trouble,
                "working": working,
            }
        )
    else:
        _show(state, silence, [*_beat_fields(beat, trouble, working=working)])
    return ExitCode.OK if working else ExitCode.FINDINGS


def _ask(*, user: bool) -> tuple[UnitState | None, NoManager | None]:
    try:
        return ask_systemd(user=user), None
    except NoManager as silence:
        return None, silence


def _listen(config: Config) -> tuple[Heartbeat | None, bool, str]:
    """Return the newest heartbeat, whether anybody holds the vault, and why neither can be read where that is so."""
    from strongroom.engine.assembly import open_reading
    from strongroom.engine.health.heartbeat import last_heartbeat
    from strongroom.engine.readings import worked_on_by

    try:
        with open_reading(config) as vault:
            return last_heartbeat(vault), bool(worked_on_by(vault)), ""
    except StrongroomError as error:
        return None, False, error.message


def _show(state: UnitState | None, silence: NoManager | None, beat: list[tuple[str, str]]) -> None:
    fields = [*(_unit_fields(state) if state else [("systemd", silence.words if silence else "")]), *beat]
    for line in render_fields([(name, clean(words)) for name, words in fields], width()):
        say(line)
    if silence:
        tell(f"hint: {silence.hint}")


def _unit_fields(state: UnitState) -> Iterator[tuple[str, str]]:
    if state.load == "not-found":
        yield "unit", "not installed (strongroom service install)"
        return
    yield "unit", f"{state.active} ({state.sub}) {f'since {state.since}' if state.since else ''}".strip()
    yield "at login", state.file or "-"
    if state.text:
        yield "says", state.text
    if state.pid:
        yield "process", str(state.pid)
    if state.restarts or state.result != "success":
        yield "restarts", f"{state.restarts}, last result {state.result}"


def _beat_fields(beat: Heartbeat | None, trouble: str, *, working: bool) -> Iterator[tuple[str, str]]:
    if beat is None:
        yield "heartbeat", trouble or "none yet: no daemon ever worked in this vault"
        return
    yield "heartbeat", f"{instant_words(beat.at)}{'' if working else ', and it does not work now'}"
    yield "doing", f"{beat.words} (process {beat.pid})"
