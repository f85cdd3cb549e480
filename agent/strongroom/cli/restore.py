"""`strongroom restore`: the original bytes, or the members of a ZIP; the digest is checked, nothing is overwritten.

`strongroom verify`: are the archives what was archived? Sealed bytes without an identity, records with one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import Struct

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
from strongroom.cli.terminal import clean, report, say, say_lines, watching, width
from strongroom.model.archive import Archive
from strongroom.model.errors import ExitCode, UsageError
from strongroom.model.text import counted
from strongroom.text.times import utc_window
from strongroom.text.units import short, size

if TYPE_CHECKING:
    from strongroom.engine.access.fixity import FixityFault
    from strongroom.engine.access.inventory import Unlisted
    from strongroom.engine.core.identities import Identities
    from strongroom.engine.queries.lists import Vault
    from strongroom.engine.worker.launcher import Launcher


@click.command("restore")
@click.argument("archive_id", metavar="ID")
@click.option(
    "--output",
    "target",
    cls=OutputOption,
    metavar="PATH",
    required=True,
    type=PathOption(path_type=Path),
    help="A new file, or a folder for it; with --extract a new or empty folder.",
)
@click.option("--extract", is_flag=True, help="Write the members of the delivered ZIP instead of the ZIP.")
@click.option(
    "--as-delivered", is_flag=True, help="Keep the gzip or deflate compression with which the file was delivered."
)
@identity_option
@passphrase_option
@json_option
@pass_session
def restore(
    session: Session,
    /,
    archive_id: str,
    target: Path,
    extract: bool,
    as_delivered: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Write an archive's original file to disk, byte for byte as the provider delivered it.

    A file that was delivered compressed with gzip or deflate is decompressed, unless you add --as-delivered. The digest
    is checked before the file gets its name. Existing files are never overwritten.
    """
    if extract and as_delivered:
        raise UsageError("--extract and --as-delivered cannot be used together", hint="leave one of them out")
    from strongroom.engine.access import restore as use_case
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.copies.reading import open_with_copies

    config = session.config()
    with open_with_copies(config, report) as vault:
        archive = find_archive(vault, archive_id)
        opened = open_identities(config, identity, passphrase_file)
        with watching(f"restore {short(archive.id)}", archive.seal.size, quiet=as_json) as watch:
            if extract:
                restored = use_case.restore_members(vault, archive, opened, target, watch)
            else:
                restored = use_case.restore(vault, archive, opened, target, watch, as_delivered=as_delivered)
    if as_json:
        paths = [str(path) for path in restored.paths]
        document = {"archive": archive.id, "paths": paths, "size": restored.size, "sha256": restored.sha256}
        put_document({**document, "delivered_sha256": restored.coded or restored.sha256})
        return
    for path in restored.paths:
        say(clean(str(path)))
    if restored.coded:
        report(f"{size(restored.size)}, decoded, digests checked")
        report(f"SHA-256 {restored.sha256}")
        report(f"SHA-256 {restored.coded} (as delivered, coded)")
        return
    report(f"{size(restored.size)} as delivered, digest checked")
    report(f"SHA-256 {restored.sha256}")


class Result(Struct, frozen=True):
    """The result of checking one archive."""

    id: str
    name: str
    records: int
    sealed_size: int
    faults: tuple[FixityFault, ...]

    @property
    def sound(self) -> bool:
        """Return whether nothing was found."""
        return not self.faults


@click.command("verify")
@click.argument("archive_ids", metavar="[ID]...", nargs=-1)
@click.option("--content", is_flag=True, help="Open the archives and read every record again. Needs an identity.")
@identity_option
@passphrase_option
@quiet_option
@json_option
@pass_session
def verify(
    session: Session,
    /,
    archive_ids: tuple[str, ...],
    content: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Check that archives are unchanged: those that you name, or all except damaged ones in quarantine.

    Without an identity, every sealed byte, key file and manifest is compared with what was archived. With --identity
    or --content the archives are also opened, to check the digest of the delivered bytes, the structure, and every
    record and date.

    An archive that is in the log and not in the catalogue is a fault, too. Exits with 1 if anything differs.
    """
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.repair.scrub_report import set_aside

    config, reads = session.config(), content or identity is not None
    results = []
    with ExitStack() as stack:
        launcher = stack.enter_context(_parsers()) if reads else None  # starts while a person types the passphrase
        opened = open_identities(config, identity, passphrase_file) if reads else None
        vault = stack.enter_context(open_reading(config))
        aside = () if archive_ids else set_aside(vault)
        for each in _wanted(vault, archive_ids):
            if isinstance(each, Archive) and each.id in aside:
                continue
            if isinstance(each, Archive):
                result = check_archive(vault, each, opened, launcher, quiet=as_json)
            else:
                result = _unread(each)
            results.append(result)
            if not as_json:
                say_result(result)
    if as_json:
        put_document({**_document(results, content=opened is not None), "set_aside": list(aside)})
    else:
        report_archives(results, content=opened is not None)
        if aside:
            words = counted(len(aside), "damaged archive")
            report(f"{words} in quarantine: not checked again; to check one: strongroom verify ID")
    return ExitCode.OK if all(result.sound for result in results) else ExitCode.FINDINGS


def _wanted(vault: Vault, archive_ids: Sequence[str]) -> Iterable[Archive | FixityFault | Unlisted]:
    """Return all archives, of unreadable ones the fault, then those that only the log knows; or those named."""
    from strongroom.engine.access.inventory import each_archive, unlisted_archives

    if archive_ids:
        return [_named(vault, each) for each in archive_ids]
    return chain(each_archive(vault), unlisted_archives(vault))


def _named(vault: Vault, part: str) -> Archive | Unlisted:
    from strongroom.engine.access.inventory import find_archive, unlisted_archives

    try:
        return find_archive(vault, part)
    except UsageError:
        known = [each for each in unlisted_archives(vault) if part in (each.archive, each.archive[-len(part) :])]
        if len(known) != 1:
            raise
        return known[0]


def lost_archive(lost: Unlisted) -> Result:
    """Return the result for an archive that only the log has."""
    return Result(lost.archive, lost.stream, 0, 0, (lost.fault,))


def _unread(found: FixityFault | Unlisted) -> Result:
    """Return the result for an archive whose row cannot be read, or that only the log has."""
    from strongroom.engine.access.fixity import FixityFault

    return Result(found.archive, "", 0, 0, (found,)) if isinstance(found, FixityFault) else lost_archive(found)


def _parsers() -> AbstractContextManager[Launcher]:
    from strongroom.engine.worker.launcher import Launcher
    from strongroom.engine.worker.protocol import Service

    launcher = Launcher(Service.PARSE)
    launcher.prepare()
    return closing(launcher)


def check_archive(
    vault: Vault, archive: Archive, identities: Identities | None, launcher: Launcher | None = None, *, quiet: bool
) -> Result:
    """Check one archive: its files and, with identities, what is in it; `launcher` starts parsing processes."""
    from strongroom.engine.access.content import check_content
    from strongroom.engine.access.fixity import check_fixity

    total = archive.seal.sealed_size + (archive.seal.size if identities else 0)
    with watching(f"verify {short(archive.id)}", total, quiet=quiet) as watch:
        faults = check_fixity(vault, archive, watch)
        if identities is not None and not any(fault.code in ("missing", "unreadable") for fault in faults):
            faults += check_content(vault, archive, identities, watch, launcher)
    name = f"{archive.stream} {utc_window(archive.spec.window)}"
    return Result(archive.id, name, archive.inspection.records, archive.seal.sealed_size, tuple(faults))


def say_result(result: Result) -> None:
    """Print one archive's verdict, and what was found under it."""
    verdict = click.style("ok   ", fg="green") if result.sound else click.style("FAULT", fg="red", bold=True)
    say_lines(hang(f"{verdict}  ", 7, f"{short(result.id)}  {result.name}", width()))
    for fault in result.faults:
        say_lines(hang(" " * 9, 9, f"{fault.code}: {fault.message} ({fault.file})", width()))


def report_archives(results: list[Result], *, content: bool) -> None:
    """Print the result for all archives, and what to do next."""
    total = size(sum(result.sealed_size for result in results))
    records = sum(result.records for result in results)
    read = f"{counted(records, 'record')} read again" if content else "sealed bytes compared"
    faulty = sum(not result.sound for result in results)
    report(
        f"{counted(len(results), 'archive')}, {total} on disk, {read}: "
        f"{f'{faulty} with faults' if faulty else 'nothing is wrong'}"
    )
    if faulty:
        report("Restore the files named above from a copy of the vault. Strongroom never repairs an archive by itself.")
    elif results and not content:
        report("To read the records as well: strongroom verify --content")


def _document(results: list[Result], *, content: bool) -> dict[str, object]:
    return {
        "sound": all(result.sound for result in results),
        "content": content,
        "archives": [
            {
                "id": result.id,
                "sound": result.sound,
                "records": result.records,
                "sealed_size": result.sealed_size,
                "faults": list(result.faults),
            }
            for result in results
        ],
    }
