"""`strongroom key`: who can open the vault, who could before, and the proof that a key works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli import terminal
from strongroom.cli.identities import ask_passphrase, new_passphrase, open_identities
from strongroom.cli.key_lines import (
    OLD_COPIES,
    drill_document,
    recipient_document,
    rotated_document,
    say_drill,
    say_recipients,
    say_rotated,
)
from strongroom.cli.options import (
    OutputOption,
    PathOption,
    Session,
    identity_option,
    json_option,
    pass_session,
    passphrase_option,
)
from strongroom.cli.output import put_document, quiet_option
from strongroom.cli.terminal import clean, report, say
from strongroom.model.errors import ExitCode, Interrupted, UsageError
from strongroom.model.text import counted

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.core.identities import Identities
    from strongroom.engine.queries.lists import Vault

_FILE = PathOption(path_type=Path, dir_okay=False)


@click.group("key")
def key() -> None:
    """Manage who can open the vault, and prove that a key works."""


@key.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the public keys that archives are or were sealed to, and how many archives each opens."""
    from strongroom.engine.access.recipients import change_of, count_stale, recipient_statuses
    from strongroom.engine.core.sources import open_reading, system_clock

    config = session.config()
    with open_reading(config) as vault:
        change = change_of(vault, config.vault.recipients)
        found = recipient_statuses(vault, config.vault.recipients)
        stale = count_stale(vault, config.vault.recipients)
    if as_json:
        keys = [recipient_document(each) for each in found]
        put_document({"recipients": keys, "to_rotate": stale, "unnoticed_change": change is not None})
        return
    say_recipients(found, system_clock())
    if change is not None:
        report(
            "The configuration names other keys than the vault has seen: the next start logs this and raises an alert."
        )
    if stale:
        report(
            f"sealed to another set than the configuration's: {counted(stale, 'archive')}; "
            "to seal them again: strongroom key rotate"
        )


@key.command("add")
@click.argument("recipient", metavar="AGE1...")
@click.option("--label", metavar="WORDS", default="", help="A label, such as: paper in the safe.")
@click.option("--proof", metavar="PATH", type=_FILE, help="Its identity file, to prove that it exists.")
@click.option("--unproven", is_flag=True, help="Add it without its identity. Prove it with a drill soon.")
@json_option
@pass_session
def add(session: Session, /, recipient: str, label: str, proof: Path | None, unproven: bool, as_json: bool) -> None:
    """Add a public key: its holder can open what is archived from now on.

    It opens existing archives only after `strongroom key rotate`. The change is logged and raises an alert.
    """
    import os

    from strongroom.engine.access.recipients import prove, read_label, require_proof
    from strongroom.engine.core.identities import kept_elsewhere, load_identities
    from strongroom.engine.core.sources import open_reading, system_clock

    config, added, label = session.config(), kept_elsewhere(recipient).recipient, read_label(label)
    if added in config.vault.recipients:
        raise UsageError("the vault already has this key", hint="see: strongroom key list")
    if proof is None and not unproven:
        raise UsageError(
            "it is not proven that the identity of this key exists; what is sealed only to it would be lost",
            hint="give its identity file with --proof PATH, or add it with --unproven and prove it with a drill",
        )
    identities = load_identities(proof, lambda: ask_passphrase(proof, None)) if proof else []
    if proof:
        require_proof(added, identities, os.urandom)
    with open_reading(config) as vault:
        _change_set(config, vault, (*config.vault.recipients, added), label=label)
        if proof:
            prove(vault, added, identities, os.urandom, system_clock())
    if as_json:
        put_document({"added": added, "proven": proof is not None})
        return
    report("Added. New archives are sealed to it; a running daemon reads the changed configuration automatically.")
    if not proof:
        report("It is not proven yet. Ask its holder to run: strongroom key drill --identity FILE")
    report("To let it open the existing archives: strongroom key rotate")


@key.command("retire")
@click.argument("recipient", metavar="AGE1...|LABEL")
@click.option("--reason", metavar="WORDS", required=True, help="The reason, recorded with the key.")
@click.option("--unproven", is_flag=True, help="Retire it although no remaining key has passed a drill.")
@json_option
@pass_session
def retire(session: Session, /, recipient: str, reason: str, unproven: bool, as_json: bool) -> None:
    """Stop sealing new archives to a key. It opens existing archives until `strongroom key rotate`."""
    from strongroom.engine.access.recipients import named_recipient, require_keepers
    from strongroom.engine.core.sources import open_reading

    config = session.config()
    with open_reading(config) as vault:
        gone = named_recipient(vault, config.vault.recipients, recipient)
        kept = tuple(each for each in config.vault.recipients if each != gone)
        require_keepers(vault, kept, unproven=unproven)
        _change_set(config, vault, kept, reason=reason)
    if as_json:
        put_document({"retired": gone, "reason": reason})
        return
    report("Retired. Nothing new is sealed to it; a running daemon reads the changed configuration automatically.")
    report("It still opens the existing archives. To end that: strongroom key rotate")


@key.command("rotate")
@click.option("--recipients-from-config", is_flag=True, help="Accept a set of keys that the vault has not seen before.")
@identity_option
@passphrase_option
@json_option
@pass_session
def rotate(
    session: Session,
    /,
    recipients_from_config: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Seal the small key files again, to the current recipients. Payloads do not change.

    Resumes where it stopped, and can run beside the daemon. Exits with 1 if a key file was left as it was because it
    is not the one on record.
    """
    import os

    from strongroom.cli.terminal import counting
    from strongroom.cli.work import Stopping
    from strongroom.engine.access.key_files import Rotation
    from strongroom.engine.access.key_files import rotate as turn
    from strongroom.engine.access.recipients import change_of, note_recipients
    from strongroom.engine.core.sources import open_reading, system_clock

    config = session.config()
    wanted = config.vault.recipients
    with open_reading(config) as vault:
        if change_of(vault, wanted) is not None and not recipients_from_config:
            raise UsageError(
                "the configuration names other recipients than the vault has seen",
                hint="see strongroom key list; if the change is yours: strongroom key rotate --recipients-from-config",
            )
        identities = open_identities(config, identity, passphrase_file)
        note_recipients(vault, wanted, system_clock(), noticed="rotation")
        with Stopping() as stopping, counting("rotate", quiet=as_json) as watch:
            rotation = Rotation(vault, wanted, identities, system_clock, os.urandom, watch, stopping.requested)
            done = turn(rotation)
    if as_json:
        put_document(rotated_document(done, wanted))
    else:
        say_rotated(done, wanted)
    if done.stopped:
        raise Interrupted("stopped before the end", hint="run it again: it resumes where it stopped")
    return ExitCode.FINDINGS if done.refused else ExitCode.OK


@key.command("change-passphrase")
@identity_option
@passphrase_option
@click.option("--new-passphrase-file", metavar="PATH", type=_FILE, help="Read the new one from this file (mode 0600).")
@pass_session
def change_passphrase(
    session: Session, /, identity: Path | None, passphrase_file: Path | None, new_passphrase_file: Path | None
) -> None:
    """Change the passphrase of your identity file. Copies of the file keep the old passphrase."""
    import os

    from strongroom.engine.access.identity_files import change_passphrase as change

    config = session.config()
    path = identity or config.vault.identity
    if path is None:
        raise UsageError("no identity file is given or configured", hint="give it with --identity PATH")
    kept = config.vault.passphrase if path == config.vault.identity else None
    missing = UsageError(
        "a new passphrase is needed, and there is no terminal to ask for it", hint="give --new-passphrase-file PATH"
    )
    new = new_passphrase(new_passphrase_file, "New passphrase", missing)
    change(path, lambda: ask_passphrase(path, passphrase_file, kept), new, os.urandom)
    report(f"{clean(str(path))} has the new passphrase, and was opened with it.")
    report(
        "Copies of the old file still open with the old one: replace them. If the identity itself is at risk, rotate."
    )
    if kept is not None:
        report(f"The configuration finds the passphrase at {kept}: put the new one there.")


@key.command("drill")
@click.option(
    "--paper", is_flag=True, help="Type or paste the identity from paper, without echo, instead of naming a file."
)
@identity_option
@passphrase_option
@quiet_option
@json_option
@pass_session
def drill(session: Session, /, paper: bool, identity: Path | None, passphrase_file: Path | None, as_json: bool) -> int:
    """Prove that an identity opens an archive picked at random, and read all of it.

    Only the result is recorded. Do it with the recovery identity, too, as you would in an emergency. Exits with 7 if
    the drill fails.
    """
    import os

    from strongroom.cli.terminal import watching
    from strongroom.engine.access.content import draw
    from strongroom.engine.access.content import drill as hold
    from strongroom.engine.core.sources import open_reading, system_clock

    if paper and identity:
        raise UsageError("--paper and --identity cannot be used together")
    config = session.config()
    identities = _from_paper() if paper else open_identities(config, identity, passphrase_file)
    with open_reading(config) as vault:
        archive = draw(vault, os.urandom)
        total = archive.seal.sealed_size + archive.seal.size
        with watching("drill", total, quiet=as_json) as watch:
            found = hold(vault, archive, identities, system_clock(), watch)
    if as_json:
        put_document(drill_document(found, config.vault.recipients))
    else:
        say_drill(found, config.vault.recipients)
    return ExitCode.OK if found.passed else ExitCode.CONTENT


@key.command("export")
@click.option(
    "--archives", "named", metavar="ID,ID", multiple=True, required=True, help="The archives, separated by commas."
)
@click.option(
    "--output",
    "target",
    cls=OutputOption,
    metavar="PATH",
    type=PathOption(path_type=Path),
    required=True,
    help="A new file, or an existing folder.",
)
@click.option("--recipient", "recipients", metavar="AGE1...", multiple=True, help="Seal to this key; may be repeated.")
@click.option("--plain", is_flag=True, help="Write the keys as CLEAR TEXT (mode 0600).")
@click.option("--note", metavar="WORDS", default="", help="The recipient and the reason, recorded in the log.")
@identity_option
@passphrase_option
@json_option
@pass_session
def export(
    session: Session,
    /,
    named: tuple[str, ...],
    target: Path,
    recipients: tuple[str, ...],
    plain: bool,
    note: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Write the keys of the archives that you name, for somebody who may open only these. The export is logged.

    --output names a new file for all of the keys, or an existing folder for one file each.
    """
    import os

    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.access.key_files import KeyExport, export_keys
    from strongroom.engine.core.sources import open_reading, system_clock

    if bool(recipients) == plain:
        raise UsageError("name the recipient: give --recipient AGE1..., or --plain for keys as clear text")
    config = session.config()
    identities = open_identities(config, identity, passphrase_file)
    parts = [part for each in named for part in each.split(",") if part]
    with open_reading(config) as vault:
        ids = tuple(dict.fromkeys(find_archive(vault, part).id for part in parts))
        paths = export_keys(vault, KeyExport(ids, recipients, target, note), identities, os.urandom, system_clock())
    if as_json:
        put_document({"archives": list(ids), "files": [str(path) for path in paths], "plain": plain})
        return
    for path in paths:
        say(clean(str(path)))
    if plain:
        report(
            "These keys are not encrypted: anyone with the file can open these archives. Hand it over, then delete it."
        )
    report(f"They open {counted(len(ids), 'archive')}, for good: {OLD_COPIES}")


def _change_set(config: Config, vault: Vault, wanted: tuple[str, ...], *, label: str = "", reason: str = "") -> None:
    """Change the configuration, then record the change; a change that somebody else made before is recorded first."""
    from strongroom.config.edit import rewrite_recipients
    from strongroom.engine.access.recipients import note_recipients, require_changeable
    from strongroom.engine.core.sources import system_clock

    require_changeable(vault)
    note_recipients(vault, config.vault.recipients, system_clock())
    rewrite_recipients(config.file, wanted, label)
    note_recipients(vault, wanted, system_clock(), label=label, reason=reason, noticed="command")


def _from_paper() -> Identities:
    from strongroom.engine.core.identities import typed_identity

    if not terminal.can_ask():
        raise UsageError(
            "the identity on paper must be typed, and there is no terminal to type it on", hint="give --identity"
        )
    question = "The identity on paper, AGE-SECRET-KEY-1... (not shown; spaces do not matter)"
    return [typed_identity(str(click.prompt(question, hide_input=True, err=True)))]
