"""`strongroom copy list` and `copy restore`: what a copy has, and a vault made from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from strongroom.cli.options import PathOption, Session, identity_option, json_option, pass_session, passphrase_option
from strongroom.cli.output import TextColumn, hang, put_document, quiet_option, render_table
from strongroom.cli.terminal import clean, counting, report, say, say_lines, width
from strongroom.model.errors import ExitCode, UsageError, VaultError
from strongroom.model.text import counted
from strongroom.text.times import utc
from strongroom.text.units import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from strongroom.config.copies import CopySettings
    from strongroom.engine.copies.targets import CopyStore
    from strongroom.engine.core.identities import Identities


def progress(watch: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """Return a function that takes how many further items are done and shows how many are."""
    done = 0

    def count(entries: int) -> None:
        nonlocal done
        done += entries
        watch(done, max(done, total))

    return count


_COLUMNS = (
    TextColumn("VAULT", least=16),
    TextColumn("ENTRIES", right=True),
    TextColumn("LAST ENTRY", least=16),
    TextColumn("PLACE", least=20),
)


@click.command("list")
@click.argument("folder", type=PathOption(path_type=Path, file_okay=False), required=False)
@quiet_option
@json_option
@pass_session
def list_(session: Session, folder: Path | None, as_json: bool) -> int:
    """List the vaults that have a copy in a folder, or in the folders of the configuration.

    Reads only the copies, so it also works on a machine without a vault.
    """
    from strongroom.config.copies import CopySettings
    from strongroom.engine.copies.copied_log import end_of_log
    from strongroom.engine.copies.targets import stores_of

    settings = [CopySettings("", folder)] if folder else session.config().copies
    unreadable: list[str] = []
    found = [
        (each.place, identity, end_of_log(store))
        for each in settings
        for identity, store in stores_of(each, unreadable=unreadable)
    ]
    if as_json:
        fields = [
            {"folder": str(each), "vault": identity.vault, "copy": identity.place, "entries": entries, "at": at}
            for each, identity, (entries, at) in found
        ]
        put_document({"copies": fields, "unreadable": unreadable})
    else:
        rows = [
            (identity.vault[:16], f"{entries:,}", utc(at) if at else "none", str(each))
            for each, identity, (entries, at) in found
        ]
        if rows:
            say_lines(render_table(_COLUMNS, rows, width()))
        elif not unreadable:
            report("There is no copy of a vault there.")
        for words in unreadable:
            say_lines(hang("unreadable: ", 4, clean(words), width()))
    return ExitCode.FINDINGS if unreadable else ExitCode.OK


@click.command("restore")
@click.option("--from", "source", required=True, metavar="COPY", help="The name of a configured copy, or a folder.")
@click.option(
    "--to", type=PathOption(path_type=Path, file_okay=False), required=True, metavar="PATH", help="A new folder."
)
@click.option("--vault", "digest", default="", metavar="DIGITS", help="Which vault, if the folder has several.")
@click.option(
    "--checkpoint", "checkpoints", type=PathOption(path_type=Path), multiple=True, metavar="FILE",
    help="A checkpoint that was kept elsewhere, to compare the log with; may be repeated.",
)  # fmt: skip
@click.option("--public-key", "keys", multiple=True, metavar="KEY", help="The public key of the log's signatures.")
@identity_option
@passphrase_option
@json_option
@pass_session
def restore(
    session: Session,
    source: str,
    to: Path,
    digest: str,
    checkpoints: tuple[Path, ...],
    keys: tuple[str, ...],
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Create a complete vault in a new folder, from nothing but a copy.

    Every file is read back and compared with manifest and log; the catalogue is rebuilt, and the log is compared with
    every checkpoint. Destroyed archives are not restored. If it is interrupted, run it again: it resumes. Needs no
    identity, but only --identity restores the names of legal matters. Exits with 1 if anything is lost or damaged, and
    names it.
    """
    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault

    order = CopyRestore(
        _store(session, source, digest),
        to.absolute(),
        system_clock,
        identities=identities_in(identity, passphrase_file),
        checkpoints=checkpoints,
        keys=keys,
    )
    with counting("restore", quiet=as_json) as watch:
        done = restore_vault(replace(order, watch=progress(watch, 0)))
    if as_json:
        fields = ("archives", "tombstones", "entries", "size", "at", "seconds", "faults")
        put_document({name: getattr(done, name) for name in fields})
    else:
        words = f"{counted(done.archives, 'archive')}, {counted(done.tombstones, 'tombstone')}, {size(done.size)}"
        say(f"{words} in {done.seconds:.1f} s; as of {utc(done.at) if done.at else 'an empty log'}")
        for fault in done.faults:
            say_lines(hang("lost or damaged: ", 4, clean(fault), width()))
        report("Next: name the folder in [vault] path of the configuration, then run: strongroom doctor")
    return ExitCode.FINDINGS if done.faults else ExitCode.OK


def settings_of(session: Session, source: str) -> CopySettings:
    """Return where copies are: a folder, or what the configuration has under this name. Raises UsageError."""
    from strongroom.config.copies import CopySettings

    if source and Path(source).is_dir():
        return CopySettings("", Path(source))
    named = [each for each in session.config().copies if each.name == source]
    if not named:
        raise UsageError(f"{source!r:.70} is neither a folder nor a copy of the configuration", hint="give a folder")
    return named[0]


def _store(session: Session, source: str, digest: str) -> CopyStore:
    from strongroom.engine.copies.targets import stores_of

    settings, unreadable = settings_of(session, source), list[str]()
    found = list(stores_of(settings, digest, unreadable))
    if unreadable and not found:
        raise VaultError(unreadable[0], hint="restore from another copy")
    if len(found) != 1:
        vaults = ", ".join(identity.vault[:16] for identity, _store in found)
        place = settings.place
        what = f"{place} has copies of several vaults: {vaults}" if found else f"{place} has no copy of a vault"
        raise UsageError(what, hint="choose one with --vault DIGITS" if found else "see: strongroom copy list FOLDER")
    return found[0][1]


def identities_in(identity: Path | None, passphrase_file: Path | None) -> Identities:
    """Return the identities in a file, none where none was named."""
    if identity is None:
        return []
    from strongroom.cli.identities import ask_passphrase
    from strongroom.engine.core.identities import load_identities

    return load_identities(identity, lambda: ask_passphrase(identity, passphrase_file))
