"""`strongroom restore`: the original bytes, or the members of a ZIP; the digest is checked, nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli.amounts import short, size_words
from strongroom.cli.bytesbar import watching
from strongroom.cli.identities import open_identities
from strongroom.cli.json_output import put_document
from strongroom.cli.options import identity_option, json_option, passphrase_option
from strongroom.cli.session import Session, pass_session
from strongroom.cli.terminal import clean, say, tell
from strongroom.model.errors import UsageError


@click.command("restore")
@click.argument("archive_id", metavar="ID")
@click.option(
    "--to",
    "target",
    metavar="PATH",
    required=True,
    type=click.Path(path_type=Path),
    help="A new file, or a folder to put it in; with --extract a new or empty folder.",
)
@click.option("--extract", is_flag=True, help="Write the members of the delivered ZIP instead of the ZIP.")
@click.option("--as-delivered", is_flag=True, help="Keep the content coding of a file that was delivered coded.")
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

    A file that was delivered gzip- or deflate-coded is decoded, unless you add --as-delivered. The digest is
    checked before the file gets its name. Nothing is ever overwritten.
    """
    if extract and as_delivered:
        raise UsageError("--extract and --as-delivered exclude each other", hint="leave one of them out")
    from strongroom.engine.assembly import open_reading
    from strongroom.engine.reading import restore as use_case
    from strongroom.engine.readings import find_archive

    config = session.config()
    with open_reading(config) as vault:
        archive = find_archive(vault, archive_id)
        opened = open_identities(config, identity, passphrase_file)
        with watching(f"restore {short(archive.id)}", archive.seal.size, quiet=as_json) as watch:
            if extract:
                restored = use_case.restore_members(vault, archive, opened, target, watch)
            else:
                restored = use_case.restore(vault, archive, opened, target, watch, as_delivered=as_delivered)
    if as_json:
        paths = [str(path) for path in restored.paths]
        told = {"archive": archive.id, "paths": paths, "size": restored.size, "sha256": restored.sha256}
        put_document({**told, "delivered_sha256": restored.coded or restored.sha256})
        return
    for path in restored.paths:
        say(clean(str(path)))
    if restored.coded:
        tell(f"{size_words(restored.size)}, decoded, digests checked")
        tell(f"SHA-256 {restored.sha256}")
        tell(f"SHA-256 {restored.coded} (as delivered, coded)")
        return
    tell(f"{size_words(restored.size)} as delivered, digest checked")
    tell(f"SHA-256 {restored.sha256}")
