"""`strongroom destroy`: propose, approve, undo and carry out destruction, in steps that no one can take alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli import terminal
from strongroom.cli.destruction_plans import (
    approval_step,
    destroyed_document,
    destroyed_lines,
    plan_document,
    plan_lines,
    plan_state,
)
from strongroom.cli.options import PathOption, Session, json_option, limit_option, pass_session
from strongroom.cli.output import LEFT_OUT, past_unreadable, put_document, quiet_option
from strongroom.cli.terminal import report, say, say_exactly, say_lines
from strongroom.model.errors import ExitCode, UsageError, VaultError
from strongroom.model.text import counted
from strongroom.text.times import utc
from strongroom.text.units import short

if TYPE_CHECKING:
    from strongroom.engine.destruction.commands import Signer
    from strongroom.engine.destruction.context import DestructionContext
    from strongroom.engine.destruction.log_consistency import Contradiction
    from strongroom.engine.destruction.propose import DestructionPlan
    from strongroom.model.archive import Archive

sign_option = click.option(
    "--sign-with",
    "key_file",
    metavar="KEYFILE",
    type=PathOption(path_type=Path, dir_okay=False),
    help="Sign with your own note key, a file that only you can read.",
)
reason_option = click.option("--reason", metavar="WORDS", help="The reason, recorded in the plan and its certificates.")


@click.group("destroy")
def destroy() -> None:
    """Destroy eligible archives: propose, have a second person approve, wait for the cooling-off, get a certificate."""


@destroy.command("propose")
@click.option("--eligible", "--due", "eligible", is_flag=True, help="Every archive that is eligible for destruction.")
@click.option("--archive", "archives", metavar="ID", multiple=True, help="This archive; may be repeated.")
@reason_option
@json_option
@pass_session
def propose(session: Session, eligible: bool, archives: tuple[str, ...], reason: str | None, as_json: bool) -> None:
    """Record a plan and print it: each archive with its verdict and the rule. This destroys nothing."""
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.destruction.commands import open_context
    from strongroom.engine.destruction.propose import propose as enter

    if eligible == bool(archives):
        raise UsageError(
            "name what to destroy: give --eligible, or --archive ID",
            hint="to see what is eligible: strongroom retention plan",
        )
    with open_context(session.config()) as context:
        plan = enter(context, _chosen(context, archives), acting_person(), reason or "the retention period is over")
        _show(plan, as_json)
    if not as_json:
        report(approval_step(plan))


def _chosen(context: DestructionContext, parts: tuple[str, ...]) -> list[Archive]:
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.destruction.commands import due_archives

    if not parts:
        return [archive for archive, _judgement in due_archives(context)]
    found = {archive.id: archive for archive in (find_archive(context.vault, part) for part in parts)}
    return list(found.values())


@destroy.command("approve")
@click.argument("proposal", metavar="PROPOSAL")
@click.option("--yes", is_flag=True, help="Do not prompt; requires --count.")
@click.option("--count", type=click.IntRange(1), help="How many archives you intend to destroy.")
@sign_option
@json_option
@pass_session
def approve(
    session: Session, /, proposal: str, yes: bool, count: int | None, key_file: Path | None, as_json: bool
) -> None:
    """Approve a plan that somebody else proposed. It is printed first, judged as of now."""
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.destruction.approve import approve as agree
    from strongroom.engine.destruction.commands import find_plan, open_context

    key = _key(key_file)
    with open_context(session.config()) as context:
        plan = find_plan(context, proposal)
        _require_count(plan, count, yes=yes)
        if not as_json:
            say_lines(plan_lines(plan))
        _confirm(plan, yes=yes)
        approved = agree(context, plan.proposal.id, acting_person(), plan.digest, key)
    if as_json:
        put_document({"proposal": plan_document(approved.plan), "enough": approved.enough, "from": approved.ripe_at})
    elif approved.enough:
        report(f"approved; destroyed from {utc(approved.ripe_at)} on. To undo it: strongroom destroy undo")
    else:
        report("recorded; more people must approve")


def _key(path: Path | None) -> Signer | None:
    from strongroom.cli.identities import read_passphrase
    from strongroom.engine.destruction.commands import load_signer

    return None if path is None else load_signer(read_passphrase(path))


def _require_count(plan: DestructionPlan, count: int | None, *, yes: bool) -> None:
    """Refuse a wrong count before the plan is printed: a long plan would hide that nothing was approved."""
    wanted = len(plan.waiting)
    if wanted and count is not None and count != wanted:
        raise UsageError(
            f"the plan would destroy {counted(wanted, 'archive')}, not {count:,}: nothing was approved",
            hint=f"read the plan: strongroom destroy show {short(plan.proposal.id)}",
        )
    if wanted and (not yes or count is None) and not (terminal.can_ask() and not yes):
        raise UsageError(
            f"{counted(wanted, 'archive')} would be destroyed, and this was not confirmed",
            hint=f"type it at a terminal, or add --yes --count {wanted} after reading the plan",
        )


def _confirm(plan: DestructionPlan, *, yes: bool) -> None:
    """Have the person type what is to be destroyed: its name and how many, not just a letter."""
    wanted = len(plan.waiting)
    if not wanted or yes:
        return  # without anything that waits the engine says why nothing can be approved
    report(f"This destroys {counted(wanted, 'archive')} for good.")
    name = click.prompt(f"Type the proposal's id ({short(plan.proposal.id)}) to continue", err=True)
    number = click.prompt("Type how many archives that is", type=int, err=True)
    if str(name).strip().lower() not in (plan.proposal.id, short(plan.proposal.id)) or number != wanted:
        raise UsageError("that is not what the plan says: nothing was approved")


@destroy.command("undo")
@click.argument("subject", metavar="PROPOSAL|ARCHIVE")
@click.option("--reason", metavar="WORDS", required=True, help="The reason, recorded in the log.")
@json_option
@pass_session
def undo(session: Session, subject: str, reason: str, as_json: bool) -> None:
    """Withdraw a plan, or one archive of it. Anyone can do this until the destruction has begun."""
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.destruction.commands import open_context, subject_of_undo
    from strongroom.engine.destruction.propose import undo as take_back

    with open_context(session.config()) as context:
        undone = take_back(context, subject_of_undo(context, subject), acting_person(), reason)
    if as_json:
        put_document({"proposal": undone[0].proposal, "archives": [each.archive for each in undone]})
    else:
        report(f"removed from the plan: {counted(len(undone), 'archive')}")


@destroy.command("carry-out")
@quiet_option
@json_option
@pass_session
def carry_out(session: Session, as_json: bool) -> int:
    """Destroy what is approved and whose cooling-off is over. Each archive is judged once more.

    The daemon does this automatically. Exits with 1 if something could not be destroyed, or is marked as destroyed
    without confirmation in the log.
    """
    from strongroom.engine.destruction.commands import open_for_destruction, overview
    from strongroom.engine.destruction.destroy import carry_out as work
    from strongroom.engine.destruction.redestroy import redestroy_returned

    with open_for_destruction(session.config(), "strongroom destroy carry-out") as context:
        signer = context.signer()
        verifier = signer.verifier if signer is not None else None
        kept: list[Contradiction] = []
        approvers = context.rules.approvers
        redestroyed = redestroy_returned(
            context.vault, context.clock, verifier=verifier, approvers=approvers, refused=kept.append
        )
        execution = work(context, most=1_000_000)
        idle = not (execution.destroyed or execution.excluded or execution.waiting or execution.broken)
        idle = idle and not execution.incomplete
        plans = overview(context, 20).plans if idle and not as_json else []
    if as_json:
        put_document(
            {
                "buried": redestroyed,
                "kept": [{"archive": each.archive, "reason": each.message} for each in kept],
                "destroyed": [each.archive for each in execution.destroyed],
                "spared": [{"archive": each.archive, "reason": each.reason} for each in execution.excluded],
                "waiting": [{"archive": each.archive, "reason": each.reason} for each in execution.waiting],
                "broken": execution.broken,
                "incomplete": [each.message for each in execution.incomplete],
                "compacted": execution.compacted,
            }
        )
    else:
        for name in redestroyed:
            say(f"destroyed  {short(name)}  destroyed again: files of it had come back from a backup")
        for refusal in kept:
            say(f"kept       {short(refusal.archive)}  {terminal.clean(refusal.message)}")
        for each in execution.destroyed:
            say(f"destroyed  {short(each.archive)}  certificate: strongroom destroy certificate {short(each.archive)}")
        for excluded in execution.excluded:
            say(f"spared     {short(excluded.archive)}  {terminal.clean(excluded.reason)}")
        for waiting in execution.waiting:
            say(f"waiting    {short(waiting.archive)}  {terminal.clean(waiting.reason)}")
        for error in execution.incomplete:
            say(f"incomplete {terminal.clean(error.message)}")
        for words in execution.broken:
            say(f"refused    {terminal.clean(words)}")
        for plan in plans:
            say(f"waiting    plan {short(plan.proposal.id)} {plan_state(plan)}".rstrip())
        report(f"{counted(len(execution.destroyed), 'archive')} destroyed")
    wrong = kept or execution.broken or execution.incomplete or not execution.compacted
    return ExitCode.FINDINGS if wrong else ExitCode.OK


@destroy.command("accept-time")
@click.option("--yes", is_flag=True, help="Do not prompt.")
@click.option("--reason", metavar="WORDS", required=True, help="How you know that the clock is right, for the log.")
@sign_option
@json_option
@pass_session
def accept_time(session: Session, yes: bool, reason: str, key_file: Path | None, as_json: bool) -> None:
    """Accept the system clock if no provider confirms it. Takes as many people as a destruction.

    After a jump of the clock that no provider confirms, nothing is destroyed. Before you accept the time, compare it
    with a clock that does not depend on this machine.
    """
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import Dependencies, open_reading
    from strongroom.engine.destruction.clock_acceptance import accept_time as accept

    config, key, dependencies = session.config(), _key(key_file), Dependencies()
    if not yes and not (terminal.can_ask() and click.confirm(f"Is it {utc(dependencies.clock())}?", err=True)):
        raise UsageError("the time was not confirmed", hint="compare it with another clock, then add --yes")
    with open_reading(config) as vault:
        accepted = accept(config, vault, dependencies, acting_person(), reason, key)
    if as_json:
        put_document(
            {
                "from": accepted.since,
                "to": accepted.now,
                "given": accepted.given,
                "people": accepted.people,
                "enough": accepted.enough,
            }
        )
    elif accepted.enough:
        report(f"accepted: {utc(accepted.now)}")
    else:
        report(f"noted: {accepted.given} of {accepted.people} people have accepted {utc(accepted.now)}")


@destroy.command("list")
@click.option("--all", "everything", is_flag=True, help="Also list finished plans.")
@limit_option
@json_option
@pass_session
def list_(session: Session, everything: bool, limit: int, as_json: bool) -> None:
    """List the active plans, then the destroyed archives, newest first."""
    from strongroom.engine.destruction.commands import open_context, overview

    with past_unreadable(), open_context(session.config()) as context:
        found = overview(context, limit, everything=everything)
    if as_json:
        plans = [plan_document(plan) for plan in found.plans]
        put_document({"proposals": plans, "destroyed": [destroyed_document(each) for each in found.destroyed]})
        return
    for plan in found.plans:
        say_lines(plan_lines(plan))
    say_lines(destroyed_lines(found.destroyed))
    if not found.plans and not found.destroyed and not LEFT_OUT.get():
        report("Nothing is proposed and nothing was destroyed.")


@destroy.command("show")
@click.argument("proposal", metavar="PROPOSAL")
@click.option("--each", is_flag=True, help="Show every archive of a long plan on its own line.")
@json_option
@pass_session
def show(session: Session, proposal: str, each: bool, as_json: bool) -> None:
    """Print a plan, judged as of now. A long one is summarized by stream and rule."""
    from strongroom.engine.destruction.commands import find_plan, open_context

    with open_context(session.config()) as context:
        _show(find_plan(context, proposal), as_json, each=each)


@destroy.command("certificate")
@click.argument("archive", metavar="ARCHIVE")
@json_option
@pass_session
def certificate(session: Session, archive: str, as_json: bool) -> None:
    """Print the certificate of a destruction: the signed note in log/certificates."""
    from strongroom.engine.destruction.commands import find_destroyed, open_context
    from strongroom.engine.destruction.execute import certificate_of, read_certificate

    with open_context(session.config()) as context:
        found = find_destroyed(context.vault, archive)
        try:
            note = certificate_of(context.vault, found.tombstone.archive)
        except FileNotFoundError:
            raise UsageError(
                f"the destruction of {found.tombstone.archive} has begun and is not certified yet",
                hint="the daemon completes it; without a daemon, run: strongroom destroy carry-out",
            ) from None
    try:
        document = {"certificate": read_certificate(note), "note": note.decode()}
    except ValueError:
        raise VaultError(
            f"the certificate of {found.tombstone.archive} cannot be read",
            hint="it was changed or is damaged: restore it from a copy; see: strongroom audit verify",
        ) from None
    if as_json:
        put_document(document)
    else:
        say_exactly(note)


def _show(plan: DestructionPlan, as_json: bool, *, each: bool = False) -> None:
    if as_json:
        put_document(plan_document(plan))
        return
    say_lines(plan_lines(plan, each=each))
