"""`strongroom audit`: the evidence log, its checkpoints, its proofs, and whether all of it holds together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import LARGEST, PathOption, Session, json_option, limit_option, pass_session
from strongroom.cli.output import hang, past_unreadable, put_document, quiet_option, render_fields, report_total
from strongroom.cli.terminal import clean, report, say, say_exactly, say_lines, width
from strongroom.model.errors import ExitCode, StrongroomError, UsageError
from strongroom.model.text import counted, noun_of
from strongroom.text.events import moment_words
from strongroom.text.times import utc
from strongroom.text.units import short

if TYPE_CHECKING:
    from strongroom.engine.core.moments import Moment
    from strongroom.engine.proof.audit import Report
    from strongroom.engine.proof.checkpoint_delivery import EvidenceView, Sending


@click.group("audit", invoke_without_command=True)
@quiet_option
@json_option
@click.pass_context
def audit(ctx: click.Context, as_json: bool) -> None:
    """Show the state of the evidence. Subcommands read, sign, prove or check the evidence log."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(_state, as_json=as_json)


@click.command()
@pass_session
def _state(session: Session, as_json: bool) -> None:
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.proof.checkpoint_delivery import evidence_view

    config = session.config()
    with open_reading(config) as vault:
        view = evidence_view(config, vault)
    if as_json:
        put_document(view_document(view))
        return
    say_lines(render_fields(list(view_fields(view)), width()))


@audit.command("log")
@click.option("--kind", default="", metavar="KIND", help="Only this kind; `job` means every `job.…`.")
@click.option("--archive", "archive_part", metavar="ID", help="Only entries about this archive.")
@click.option("--job", "job_part", metavar="ID", help="Only entries about this job.")
@click.option(
    "--after", default=0, type=click.IntRange(0, LARGEST), metavar="SEQ", help="Only entries after this number."
)
@click.option(
    "--limit", type=click.IntRange(1, LARGEST), default=10_000, show_default=True, help="Show at most this many."
)
@click.option("--json", "as_json", is_flag=True, help="Print the raw lines, byte for byte as they are hashed.")
@pass_session
def show_log(
    session: Session, kind: str, archive_part: str, job_part: str, after: int, limit: int, as_json: bool
) -> None:
    """Print the evidence log, oldest entry first. Proofs number the leaves from 0: leaf N is entry N + 1."""
    from strongroom.engine.access.inventory import find_archive, find_job
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.proof.inclusion_proofs import log_lines, moment_of
    from strongroom.engine.queries.lists import known_kind
    from strongroom.text.events import KINDS

    with open_reading(session.config()) as vault:
        archive = find_archive(vault, archive_part).id if archive_part else ""
        job = find_job(vault, job_part).id if job_part else ""
        kind = known_kind(vault, kind, KINDS)
        entries = log_lines(vault, kind=kind, archive=archive, job=job, after=after, most=limit)
    for entry in entries:
        if as_json:
            say_exactly(entry.line + b"\n")
            continue
        say_lines(_entry_lines(moment_of(entry)))


@audit.command("verify")
@click.option(
    "--checkpoint",
    "outside",
    multiple=True,
    type=PathOption(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A checkpoint that was kept elsewhere; may be repeated.",
)
@click.option("--public-key", "keys", multiple=True, metavar="KEY", help="Trust this key, or the file it is in.")
@click.option("--skip-payloads", is_flag=True, help="Do not read the sealed payloads.")
@quiet_option
@json_option
@pass_session
def verify(
    session: Session, /, outside: tuple[Path, ...], keys: tuple[str, ...], skip_payloads: bool, as_json: bool
) -> int:
    """Check that log, checkpoints, catalogue and files agree. Exits with 1 when anything is wrong.

    Checkpoints in the folders of [[evidence.send_to]] and beside the signing key are compared, too. A folder that
    cannot be read is a finding.

    Without --public-key, the agent's own key is used. Anyone who could change the vault could change that key as
    well. To convince others, use a key and a checkpoint that were kept elsewhere.
    """
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.destruction.context import rules_of
    from strongroom.engine.proof.audit import audit_vault
    from strongroom.engine.proof.known_checkpoints import known_checkpoints

    config = session.config()
    trusted = list(keys) or _own_key(session)
    with open_reading(config) as vault:
        outcome = audit_vault(
            vault,
            trusted,
            outside,
            payloads=not skip_payloads,
            known_places=known_checkpoints(config),
            rules=rules_of(config),
            tolerance=config.vault.clock_tolerance,
        )
    if as_json:
        put_document(report_document(outcome))
    else:
        _say_report(outcome)
    return ExitCode.FINDINGS if outcome.findings else ExitCode.OK


@audit.command("key")
@json_option
@pass_session
def key(session: Session, as_json: bool) -> None:
    """Print the agent's public key. With it, others check what the agent signed.

    Send it to them separately from the package. If the signing key cannot be read on this machine, this prints the key
    that the first entry of the evidence log names.
    """
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.proof.checkpoints import key_in_log, public_key

    config = session.config()
    with open_reading(config) as vault:
        found, logged = public_key(config, vault), key_in_log(vault)
    if not found:
        raise UsageError(
            "the agent has no signing key", hint="set [vault] signing_key; `strongroom init` creates a key"
        )
    if as_json:
        put_document({"public_key": found, "in_first_entry": logged or None})
        return
    say(found)
    if logged and logged != found:
        report("The first entry of the evidence log names another key: the signing key has been replaced since.")


@audit.command("checkpoint")
@quiet_option
@json_option
@pass_session
def checkpoint(session: Session, as_json: bool) -> int:
    """Sign the log as it is now, and send the checkpoint to every target. Exits with 1 if a target did not take it."""
    from strongroom.engine.core.sources import Dependencies, open_reading
    from strongroom.engine.proof.checkpoint_delivery import build_targets, evidence_view, send_owed
    from strongroom.engine.proof.checkpoints import sign_log, signer_of
    from strongroom.engine.proof.known_checkpoints import known_checkpoints

    config, dependencies = session.config(), Dependencies()
    with open_reading(config) as vault:
        kept = sign_log(vault, signer_of(config), dependencies.clock, known_checkpoints(config))
        sent = send_owed(
            vault,
            build_targets(config, vault.layout, dependencies.secret, dependencies.clock),
            dependencies.clock,
            at_once=True,
        )
        view = evidence_view(config, vault)
    if as_json:
        put_document({"size": kept.size, "at": kept.at, "note": kept.note, "targets": _targets(view)})
    else:
        say_exactly(kept.note)
        for each in view.targets:
            report(f"{each.target}: {_sending_words(view, each)}")
    return ExitCode.FINDINGS if any(each.failure for each in sent) else ExitCode.OK


@audit.command("prove")
@click.argument("archive_id", metavar="ARCHIVE")
@json_option
@pass_session
def prove(session: Session, archive_id: str, as_json: bool) -> None:
    """Prove that every event of an archive is in the log, under the newest checkpoint."""
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.proof.inclusion_proofs import custody_of, moment_of, proof_document, prove_entries

    with open_reading(session.config()) as vault:
        archive = find_archive(vault, archive_id)
        entries = custody_of(vault, archive)
        proven = prove_entries(vault, entries)
    if as_json:
        put_document({"archive": archive.id, **proof_document(entries, proven)})
        return
    for entry in entries:
        say_lines(_entry_lines(moment_of(entry)))
        path = proven.proofs.inclusion[entry.seq - 1]
        say(f"        leaf {entry.seq - 1} of {proven.kept.size}, {len(path)} hashes up to the root")
        for each in path:
            say(f"          {each.hex()}")
    say(f"root {proven.checkpoint.root.hex()}")
    say()
    say_exactly(proven.kept.note)


def _own_key(session: Session) -> list[str]:
    """Return the public half of the agent's key; empty if it cannot be read."""
    from strongroom.engine.proof.checkpoints import signer_of

    try:
        return [str(signer_of(session.config()).verifier)]
    except StrongroomError as error:
        report(clean(f"the agent's own key cannot be used: {error.message}"))
        return []


def _entry_lines(moment: Moment) -> Iterator[str]:
    subject = short(moment.archive or moment.job)
    start = f"{moment.seq:>7}  {utc(moment.at)}  {subject:<8}  "
    yield from hang(start, len(start), moment_words(moment), width())


def _say_report(outcome: Report) -> None:
    for color, word, statements in (("green", "proven", outcome.proven), ("yellow", "not proven", outcome.unproven)):
        for each in statements:
            say_lines(hang(f"{click.style(f'{word:<10}', fg=color)}  ", 12, clean(each), width()))
    for wrong in outcome.findings:
        words = clean(f"{wrong.code}: {wrong.where}: {wrong.message}")
        say_lines(hang(f"{click.style('WRONG     ', fg='red', bold=True)}  ", 12, words, width()))
    count = len(outcome.findings)
    report(f"{counted(count, 'thing')} {noun_of(count, 'is', 'are')} wrong" if count else "nothing is wrong")


def report_document(outcome: Report) -> dict[str, object]:
    """Return the result of an audit for programs."""
    findings = [{"code": each.code, "where": each.where, "message": each.message} for each in outcome.findings]
    sound = not outcome.findings
    return {"sound": sound, "findings": findings, "proven": outcome.proven, "not_proven": outcome.unproven}


def view_document(view: EvidenceView) -> dict[str, object]:
    """Return the state of the evidence for programs."""
    newest = view.newest
    return {
        "signing": view.signing,
        "checkpoint": None if newest is None else {"size": newest.size, "at": newest.at},
        "trouble": view.trouble,
        "targets": _targets(view),
    }


def view_fields(view: EvidenceView) -> Iterator[tuple[str, str]]:
    """Yield the state of the evidence as fields for a person."""
    if not view.signing:
        yield "signed", "never: there is no [vault] signing_key"
    elif view.newest is None:
        yield "signed", "not yet: the daemon does it daily; now: strongroom audit checkpoint"
    else:
        yield "signed", f"{utc(view.newest.at)}, {counted(view.newest.size, 'entry')}"
    if view.trouble:
        yield "trouble", view.trouble
    for each in view.targets:
        yield "sent to", f"{each.target}: {_sending_words(view, each)}"
    if view.signing and not view.targets:
        yield "sent to", "nowhere: checkpoints prove little while they stay only on this machine"


def _targets(view: EvidenceView) -> list[dict[str, object]]:
    return [
        {
            "target": each.target,
            "size": each.size,
            "sent_at": each.sent_at,
            "owed": view.owed(each),
            "tries": each.tries,
            "failure": each.failure,
        }
        for each in view.targets
    ]


def _sending_words(view: EvidenceView, sending: Sending) -> str:
    last = f"last {utc(sending.sent_at)}" if sending.sent_at else "nothing yet"
    if not view.owed(sending):
        return last
    return f"{last}; owed {f'since {sending.tries} tries: {sending.failure}' if sending.tries else 'and not tried yet'}"


@click.command("log")
@limit_option
@json_option
@pass_session
def log(session: Session, limit: int, as_json: bool) -> None:
    """Show the latest events, newest first. Times are in UTC."""
    from strongroom.engine.core.moments import newest_moments
    from strongroom.engine.core.sources import open_reading

    with past_unreadable(), open_reading(session.config()) as vault:
        moments = newest_moments(vault, limit)
    if as_json:
        put_document({"entries": moments})
        return
    for moment in moments:
        say_lines(_lines(moment))
    report_total(len(moments), max(len(moments), moments[0].seq if moments else 0), "entry")


def _lines(moment: Moment) -> list[str]:
    start = f"{utc(moment.at)}  {short(moment.job):<8}  "
    return hang(start, len(start), moment_words(moment), width())
