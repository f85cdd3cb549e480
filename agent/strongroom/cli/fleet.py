"""`strongroom fleet`: the vaults that have a copy in one place, read from the copies alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.copy_restore import settings_of
from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import TextColumn, hang, put_document, quiet_option, render_table
from strongroom.cli.terminal import clean, report, say_lines, width
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted
from strongroom.model.times import rough_duration
from strongroom.text.times import utc, utc_day

if TYPE_CHECKING:
    from datetime import datetime

    from strongroom.engine.copies.fleet import FleetVault

_COLUMNS = (
    TextColumn("VAULT", least=16),
    TextColumn("NAME", least=8),
    TextColumn("ARCHIVES", right=True),
    TextColumn("COVERED", least=12),
    TextColumn("LAST ENTRY", least=12),
    TextColumn("CHECKPOINTS", least=12),
)


@click.command("fleet")
@click.argument("target")
@click.option("--public-key", "keys", multiple=True, metavar="KEY", help="A public key of the logs' signatures.")
@quiet_option
@json_option
@pass_session
def fleet(session: Session, target: str, keys: tuple[str, ...], as_json: bool) -> int:
    """List the vaults that have a copy in one place: a folder, or the folder or bucket of a configured copy.

    Reads only the copies and writes nothing, so it works on any machine that can read them. Each log is read to its
    end and compared with the checkpoints beside it. Without --public-key, the key that the log itself names is used.
    Exits with 1 if something is wrong with one of them.
    """
    from strongroom.engine.copies.fleet import read_fleet
    from strongroom.engine.copies.targets import stores_of
    from strongroom.engine.core.sources import system_clock

    unreadable: list[str] = []
    found = list(read_fleet(stores_of(settings_of(session, target), unreadable=unreadable), keys))
    if as_json:
        put_document({"vaults": found, "unreadable": unreadable})
    elif found:
        now = system_clock()
        say_lines(render_table(_COLUMNS, [_row(each, now) for each in found], width()))
        for each in found:
            for words in each.problems:
                say_lines(hang(f"{each.vault[:16]}: ", 4, clean(words), width()))
    elif not unreadable:
        report("There is no copy of a vault there.")
    for words in () if as_json else unreadable:
        say_lines(hang("unreadable: ", 4, clean(words), width()))
    return ExitCode.FINDINGS if unreadable or any(each.problems for each in found) else ExitCode.OK


def _row(each: FleetVault, now: datetime) -> tuple[str, ...]:
    last = f"{rough_duration(max(now - each.at, now - now))} ago" if each.at else "none"
    signed = f"{each.checkpoints} checked, {utc(each.signed_at)}" if each.signed_at else "none"
    return (each.vault[:16], clean(each.name) or "-", f"{each.archives:,}", _covered(each), last, signed)


def _covered(each: FleetVault) -> str:
    if not each.streams:
        return "nothing"
    first, last = min(stream.start for stream in each.streams), max(stream.end for stream in each.streams)
    gaps = sum(stream.gaps for stream in each.streams)
    words = f"{utc_day(first)} to {utc_day(last)}, {counted(len(each.streams), 'stream')}"
    return f"{words}, {counted(gaps, 'gap')}" if gaps else words
