"""`strongroom rebuild`: the catalogue made again from log, manifests and tombstones."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.amounts import count_words
from strongroom.cli.identities import open_identities
from strongroom.cli.json_output import put_document
from strongroom.cli.options import identity_option, json_option, passphrase_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.terminal import clean, is_screen, say, tell
from strongroom.model.counts import counted
from strongroom.model.errors import ExitCode

if TYPE_CHECKING:
    from strongroom.engine.recovery.rebuild import Rebuilt


@click.command("rebuild")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Make it in a new file and leave the vault's own catalogue alone.",
)
@click.option("--lose-history", is_flag=True, help="Go on though lines of the log are gone: only if they are for good.")
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
    """Make the catalogue again from what does not depend on it: log, manifests and tombstones.

    Needs no identity; with --identity the names of legal matters come back too, which the log holds sealed. The
    catalogue that is there is kept under another name. Interrupted, it goes on where it was.
    What a provider said in words, wishes and past alarms are in no other place and are gone with a lost catalogue.
    Leaves with 1 when something in the vault contradicts the log.
    """
    from strongroom.engine.assembly import system_clock
    from strongroom.engine.recovery.rebuild import Rebuild
    from strongroom.engine.recovery.rebuild import rebuild as make

    config, progress = session.config(), _Progress(quiet=as_json)
    streams = {stream.name: stream.plan().stream for stream in config.streams}
    opened = open_identities(config, identity, passphrase_file) if identity else ()
    order = Rebuild(config.vault.path, system_clock, streams, to, lose_history, progress.watch, identities=opened)
    done = make(order)
    if as_json:
        put_document(_document(done, progress.seconds))
    else:
        progress.end()
        _say(done, progress.seconds)
    return ExitCode.FINDINGS if done.faults else ExitCode.OK


class _Progress:
    """One line on a screen that counts what is read."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and is_screen()
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def watch(self, what: str, count: int) -> None:
        """Hear that more of something was read."""
        self._counts[what] += count
        if self._shown:
            words = ", ".join(
                f"{count_words(each)} {'lines' if name == 'log' else name}" for name, each in self._counts.items()
            )
            click.echo(f"\r{words}\x1b[K", err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def _say(done: Rebuilt, seconds: float) -> None:
    rate = f"{done.archives / seconds:,.0f} archives in a second" if seconds > 0 else ""
    say(
        f"{counted(done.archives, 'archive')}, {counted(done.jobs, 'job')}, {counted(done.entries, 'log entry')}"
        f" and {counted(done.tombstones, 'tombstone')} in {seconds:.1f} s, {rate}"
    )
    for each in done.restored:
        say(clean(each))
    for fault in done.faults:
        say(clean(fault))
    if done.aside is not None:
        tell(f"The catalogue that was there is now {done.aside}")
    if done.sealed:
        words = counted(done.sealed, "hold")
        tell(f"{words} with a sealed name. To read it: strongroom rebuild --identity FILE")
    tell("Next: strongroom verify, or let the daemon scrub")


def _document(done: Rebuilt, seconds: float) -> dict[str, object]:
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
