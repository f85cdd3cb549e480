"""`strongroom package`: chosen archives with their evidence, in a folder that somebody else can check and open."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

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
from strongroom.cli.output import put_document
from strongroom.cli.terminal import clean, report, say
from strongroom.model.errors import UsageError
from strongroom.model.text import counted
from strongroom.text.events import kind_words, main_facts
from strongroom.text.units import size

if TYPE_CHECKING:
    from strongroom.engine.proof.package import FinishedPackage
    from strongroom.engine.queries.lists import Vault
    from strongroom.model.archive import Archive


@click.command("package")
@click.option("--archives", metavar="ID,ID", default="", help="The archives, separated by commas.")
@click.option("--matter", metavar="NAME", help="Every archive that the holds of this matter cover.")
@click.option(
    "--output",
    "target",
    cls=OutputOption,
    metavar="FOLDER",
    required=True,
    type=PathOption(path_type=Path),
    help="The folder to create.",
)
@click.option("--recipient", "recipients", multiple=True, metavar="age1…", help="Seal the keys to this public key.")
@click.option("--plain", is_flag=True, help="Also include the records as CLEAR TEXT.")
@identity_option
@passphrase_option
@json_option
@pass_session
def handover(
    session: Session,
    /,
    archives: str,
    matter: str | None,
    target: Path,
    recipients: tuple[str, ...],
    plain: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Create an evidence package of archives: sealed originals, custody, proofs, a checkpoint, a verifier and a
    README.

    With --recipient the keys are sealed to that public key only, which needs your identity. Without it they stay
    sealed to the vault's recipients.
    """
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import Dependencies, open_reading
    from strongroom.engine.proof.inclusion_proofs import moment_of
    from strongroom.engine.proof.package import PackageRequest, PackageSource, write_package

    if bool(archives) == bool(matter):
        raise UsageError("name the archives for the package", hint="give either --archives ID,ID or --matter NAME")
    config, dependencies = session.config(), Dependencies()
    with open_reading(config) as vault:
        chosen = _of_matter(vault, matter) if matter else _named(vault, archives)
        opened = open_identities(config, identity, passphrase_file) if recipients or plain else []
        package_source = PackageSource(
            vault,
            config,
            dependencies.clock,
            dependencies.random_bytes,
            lambda entry: ", ".join(filter(None, (kind_words(moment_of(entry).kind), main_facts(moment_of(entry))))),
            opened,
            lambda archive: None if as_json else report(f"{archive} is added"),
        )
        order = PackageRequest(chosen, target.absolute(), acting_person(), recipients, plain, matter or "")
        made = write_package(package_source, order)
    if as_json:
        put_document(asdict(made))
    else:
        _say_made(made, plain=plain)


def _named(vault: Vault, archives: str) -> list[Archive]:
    from strongroom.engine.access.inventory import find_archive

    found = {each.id: each for each in (find_archive(vault, part) for part in archives.split(",") if part.strip())}
    return list(found.values())


def _of_matter(vault: Vault, matter: str) -> list[Archive]:
    from strongroom.engine.retention.holds import archives_under

    return archives_under(vault, matter)


def _say_made(made: FinishedPackage, *, plain: bool) -> None:
    say(clean(str(made.path)))
    count = counted(len(made.archives), "archive")
    report(f"{count}, {size(made.size)}, proven under {counted(made.checkpoint, 'entry')} of the log")
    report(f"SHA-256 of its SHA256SUMS, recorded in the log: {made.sums_sha256}")
    if plain:
        report(
            click.style(
                "The records in it are not encrypted: anyone who can open the folder can read them.", fg="yellow"
            )
        )
    report(f"To check it: strongroom-verify {shlex.quote(clean(str(made.path)))} --key KEY")
    report("Send the recipient the public key separately. The README in the folder explains how to check it.")
