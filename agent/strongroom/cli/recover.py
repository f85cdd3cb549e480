"""`strongroom recover`: what is wrong with a vault, and its repair.

`strongroom rebuild`: the catalogue rebuilt from log, manifests and tombstones.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.identities import open_identities
from strongroom.cli.options import (
    OutputOption,
    PathOption,
    Session,
    identity_option,
    json_option,
    pass_session,
    passphrase_option,
)
from strongroom.cli.output import hang, put_document, quiet_option
from strongroom.cli.terminal import clean, is_screen, report, say, say_lines, width
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted
from strongroom.text.units import number

if TYPE_CHECKING:
    from strongroom.engine.repair.findings import Recovery, VaultProblem
    from strongroom.engine.repair.rebuild import Rebuilt


@click.command("recover")
@click.option("--apply", "apply", is_flag=True, help="Repair what can be repaired, without a prompt.")
@click.option("--deep", is_flag=True, help="Read every sealed byte, not only file sizes and scrub findings.")
@click.option(
    "--vault",
    "root",
    type=PathOption(path_type=Path, file_okay=False),
    metavar="PATH",
    help="The vault, if there is no configuration yet, as after an interrupted init.",
)
@click.option(
    "--accept-lost-history",
    "accepted",
    metavar="WHY",
    help="Record in the log that you know of the lost history and have placed the legal holds again.",
)
@quiet_option
@json_option
@pass_session
def recover(session: Session, apply: bool, deep: bool, root: Path | None, accepted: str | None, as_json: bool) -> int:
    """Diagnose a damaged vault and say what would be done; --apply does it.

    Nothing is deleted: damaged files move to quarantine, an older catalogue or an unfinished vault is moved aside,
    and the log records each step. Needs no identity. Exits with 1 while anything is left to repair.
    """
    from strongroom.engine.repair.diagnosis import diagnose
    from strongroom.engine.repair.repair import apply as repair

    if accepted is not None:
        _accept(session, accepted)
    recovery = _recovery(session, root, deep=deep)
    done: tuple[str, ...] = ()
    if apply:
        repaired = repair(recovery)
        done, found = repaired.done, list(repaired.left)
    else:
        found = diagnose(recovery.root, deep=deep, configured=recovery.configured)
    if as_json:
        put_document({"sound": not found, "done": list(done), "troubles": [_document(each) for each in found]})
    else:
        _say(done, found, apply=apply)
    return ExitCode.FINDINGS if found else ExitCode.OK


def _accept(session: Session, reason: str) -> None:
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.proof.log_continuity import accept_lost_history

    with open_reading(session.config()) as vault:
        accept_lost_history(vault, acting_person().token, reason, system_clock)


def _recovery(session: Session, root: Path | None, *, deep: bool) -> Recovery:
    import os

    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.repair.findings import Recovery

    if root is not None:
        return Recovery(root.absolute(), system_clock, os.urandom, deep=deep, configured=False)
    config = session.config()
    streams = {stream.name: stream.plan().stream for stream in config.streams}
    return Recovery(config.vault.path, system_clock, os.urandom, streams, deep=deep)


def _say(done: tuple[str, ...], found: list[VaultProblem], *, apply: bool) -> None:
    for each in done:
        say_lines(hang("done: ", 6, each, width()))
    for trouble in found:
        say_lines(hang(f"{click.style(trouble.kind.value, bold=True)}: ", 4, trouble.words, width()))
        say_lines(hang("    -> ", 7, f"{trouble.remedy} ({trouble.page})", width()))
    if not found:
        report("Nothing is left to repair." if apply else "Nothing wrong was found. To read every byte, add --deep.")
    elif not apply and any(each.mendable for each in found):
        report("Nothing was changed. To repair it: strongroom recover --apply")


def _document(trouble: VaultProblem) -> dict[str, object]:
    return {
        "kind": trouble.kind.value,
        "words": trouble.words,
        "remedy": trouble.remedy,
        "mendable": trouble.mendable,
        "archive": trouble.archive or None,
        "files": list(trouble.files),
        "page": trouble.page,
    }


@click.command("rebuild")
@click.option(
    "--output",
    "to",
    cls=OutputOption,
    type=PathOption(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it to this new file, and do not change the vault's own catalogue.",
)
@click.option("--lose-history", is_flag=True, help="Continue without missing log lines, if they are lost for good.")
@identity_option
@passphrase_option
@json_option
@pass_session
def rebuild(
    session: Session,
    to: Path | None,
    lose_history: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Rebuild the catalogue from the log, the manifests and the tombstones.

    Needs no identity, but only --identity restores the names of legal matters, which are sealed in the log. The current
    catalogue is kept under another name. If it is interrupted, run it again: it resumes.

    Providers' messages, requests and past alerts are stored nowhere else: they are lost with the catalogue. Exits
    with 1 if something in the vault contradicts the log.
    """
    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.repair.rebuild import Rebuild
    from strongroom.engine.repair.rebuild import rebuild as make

    config, progress = session.config(), _Progress(quiet=as_json)
    streams = {stream.name: stream.plan().stream for stream in config.streams}
    opened = open_identities(config, identity, passphrase_file) if identity else ()
    target = to.absolute() if to else None
    order = Rebuild(config.vault.path, system_clock, streams, target, lose_history, progress.watch, identities=opened)
    done = make(order)
    if as_json:
        put_document(_rebuild_document(done, progress.seconds))
    else:
        progress.end()
        _rebuild_say(done, progress.seconds)
    return ExitCode.FINDINGS if done.faults else ExitCode.OK


class _Progress:
    """One line on a screen that counts what is read."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and is_screen()
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the seconds since it began."""
        return time.monotonic() - self._began

    def watch(self, what: str, count: int) -> None:
        """Count what was read."""
        self._counts[what] += count
        if self._shown:
            words = ", ".join(
                f"{number(each)} {'lines' if name == 'log' else name}" for name, each in self._counts.items()
            )
            click.echo(f"\r{words}\x1b[K", err=True, nl=False)

    def end(self) -> None:
        """Clear the line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def _rebuild_say(done: Rebuilt, seconds: float) -> None:
    rate = f"{done.archives / seconds:,.0f} archives a second" if seconds > 0 else ""
    say(
        f"{counted(done.archives, 'archive')}, {counted(done.jobs, 'job')}, {counted(done.entries, 'log entry')}"
        f" and {counted(done.tombstones, 'tombstone')} in {seconds:.1f} s, {rate}"
    )
    for each in done.restored:
        say(clean(each))
    for fault in done.faults:
        say(clean(fault))
    if done.aside is not None:
        report(f"The old catalogue is now {done.aside}")
    if done.sealed:
        words = counted(done.sealed, "hold")
        report(f"{words} with a sealed name. To read it: strongroom rebuild --identity FILE")
    report("Next: strongroom verify, or let the daemon scrub")


def _rebuild_document(done: Rebuilt, seconds: float) -> dict[str, object]:
    return {
        "archives": done.archives,
        "jobs": done.jobs,
        "entries": done.entries,
        "tombstones": done.tombstones,
        "faults": done.faults,
        "restored": done.restored,
        "sealed": done.sealed,
        "aside": str(done.aside) if done.aside else None,
        "seconds": round(seconds, 3),
    }
