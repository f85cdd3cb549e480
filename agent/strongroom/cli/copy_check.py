"""`strongroom copy scrub` and `copy rehearse`: what a copy has is read again, and a restore from it is tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from strongroom.cli.copy_restore import identities_in, progress
from strongroom.cli.options import PathOption, Session, identity_option, json_option, pass_session, passphrase_option
from strongroom.cli.output import hang, put_document, quiet_option
from strongroom.cli.terminal import clean, counting, report, say, say_lines, width
from strongroom.model.errors import ExitCode, StrongroomError, UsageError
from strongroom.model.text import counted
from strongroom.model.times import rough_duration
from strongroom.text.units import size

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.copies.copy_scrub import CopyPass
    from strongroom.engine.copies.copy_status import CopyFinding
    from strongroom.engine.copies.targets import CopyTarget
    from strongroom.engine.queries.lists import Vault
    from strongroom.engine.repair.copy_rehearsal import Rehearsal

_Result = TypeVar("_Result")


def with_each_copy(
    config: Config, names: Sequence[str], act: Callable[[Vault, CopyTarget], _Result]
) -> tuple[dict[str, _Result], int]:
    """Do something with every copy, or with those named; return the results, and the exit code of the first failure.

    A copy that fails is reported, and the others have their turn. Raises UsageError where there is none of that name.
    """
    from strongroom.engine.copies.targets import target_named
    from strongroom.engine.core.sources import open_reading

    chosen = names or tuple(each.name for each in config.copies)
    if not chosen:
        raise UsageError("the configuration has no [[copy]]", hint="see docs/copies.md: Set up a second disk")
    done: dict[str, _Result] = {}
    code = ExitCode.OK
    with open_reading(config) as vault:
        for target in [target_named(config, vault, name) for name in chosen]:
            try:
                done[target.name] = act(vault, target)
            except StrongroomError as error:
                report(f"copy {target.name}: {clean(error.sentences)}")
                code = code or error.exit_code
    return done, code


@click.command("scrub")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@quiet_option
@json_option
@pass_session
def scrub(session: Session, names: tuple[str, ...], as_json: bool) -> int:
    """Read every object of each copy again, or of those that you name, and compare it with manifest and log.

    The daemon does this automatically, once in [vault] scrub_every. This command continues the pass in progress, or
    starts one, at full speed. If it is interrupted, run it again: it resumes. Exits with 1 if anything is damaged or
    missing.
    """
    from strongroom.engine.copies.copy_scrub import scrub_copy
    from strongroom.engine.copies.copy_status import list_copy_findings
    from strongroom.engine.copies.copying import CopyContext
    from strongroom.engine.core.sources import system_clock

    def act(vault: Vault, target: CopyTarget) -> tuple[CopyPass, list[CopyFinding]]:
        with counting(f"copy {target.name}", quiet=as_json) as watch:
            context = CopyContext(vault, system_clock, watch=progress(watch, 0))
            return scrub_copy(context, target, 1 << 62), list_copy_findings(vault, target.name)

    done, code = with_each_copy(session.config(), names, act)
    if as_json:
        read = [
            {"copy": name, "objects": each.checked, "size": each.read, "findings": each.findings}
            for name, (each, _found) in done.items()
        ]
        put_document({"copies": read})
    else:
        _show_scrubs(done)
    return code or (ExitCode.FINDINGS if any(found for _pass, found in done.values()) else ExitCode.OK)


def _show_scrubs(done: dict[str, tuple[CopyPass, list[CopyFinding]]]) -> None:
    for name, (each, findings) in done.items():
        say(f"{name}: {counted(each.checked, 'object')} read, {counted(each.findings, 'finding')}")
        for found in findings:
            say_lines(hang(f"  {found.code}: ", 4, clean(f"{found.object}: {found.message}"), width()))
    if any(found for _pass, found in done.values()):
        report("To see what can be done: strongroom repair")


@click.command("rehearse")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--in", "scratch", type=PathOption(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Where to create the scratch folder; by default rehearse_in, or the vault's tmp/.",
)  # fmt: skip
@identity_option
@passphrase_option
@quiet_option
@json_option
@pass_session
def rehearse(
    session: Session,
    names: tuple[str, ...],
    scratch: Path | None,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Rehearse a restore: restore each copy, or those that you name, into a scratch folder, verify it, and remove it.

    Measures how long a restore takes, and how much would be lost. The result is logged, and `status` shows its age.
    With [[copy]] rehearse, the daemon does it. Key files are compared, but never written to the scratch folder. With
    --identity, each is also opened, which proves that your identity opens every archive of the copy. Exits with 1 if
    anything is lost or damaged.
    """
    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.repair.copy_rehearsal import RehearsalOrder
    from strongroom.engine.repair.copy_rehearsal import rehearse as restore_and_verify

    identities = identities_in(identity, passphrase_file)

    def act(vault: Vault, target: CopyTarget) -> Rehearsal:
        with counting(f"rehearsal {target.name}", quiet=as_json) as watch:
            folder = scratch or target.settings.rehearse_in
            order = RehearsalOrder(
                vault, target, system_clock, os.urandom, folder, identities=identities, watch=progress(watch, 0)
            )
            return restore_and_verify(order)

    done, code = with_each_copy(session.config(), names, act)
    if as_json:
        put_document({"copies": [_document(name, each) for name, each in done.items()]})
    else:
        for name, each in done.items():
            _show(name, each)
    return code or (ExitCode.FINDINGS if any(each.faults for each in done.values()) else ExitCode.OK)


def _document(name: str, found: Rehearsal) -> dict[str, object]:
    fields = ("archives", "entries", "size", "seconds", "lost", "opened", "faults")
    behind = {"behind_seconds": found.behind.total_seconds()}
    return {"copy": name, **{each: getattr(found, each) for each in fields}, **behind}


def _show(name: str, found: Rehearsal) -> None:
    restored = f"{counted(found.archives, 'archive')}, {size(found.size)} restored in {found.seconds:.1f} s"
    say(f"{name}: {restored}; {_lost_words(found)}")
    for fault in found.faults:
        say_lines(hang("lost or damaged: ", 4, clean(fault), width()))
    if found.opened is None:
        report(
            "Verified: every file, digest, log line and checkpoint. Not verified: that an identity opens the archives."
        )
    else:
        report(f"The identity opened {counted(found.opened, 'key file')}.")


def _lost_words(found: Rehearsal) -> str:
    if not found.lost:
        return "nothing would be lost"
    return f"{counted(found.lost, 'archive')} of the last {rough_duration(found.behind)} would be lost"
