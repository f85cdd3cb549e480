"""`strongroom erase`: erasure requests of data subjects, from the request to the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from strongroom.cli.destruction_plans import approval_step, plan_document, plan_lines
from strongroom.cli.options import Session, instant, json_option, limit_option, pass_session, period_of
from strongroom.cli.output import LEFT_OUT, hang, past_unreadable, put_document, report_total
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.erasure import ErasureAnswer
from strongroom.model.errors import UsageError
from strongroom.model.hold import HoldRule
from strongroom.model.text import counted
from strongroom.text.times import utc_day
from strongroom.text.units import number, short

if TYPE_CHECKING:
    from strongroom.engine.destruction.context import DestructionContext
    from strongroom.engine.destruction.erasure import Pending
    from strongroom.model.archive import Archive
    from strongroom.model.erasure import Erasure


_ALL = 1 << 62


@click.group("erase")
def erase() -> None:
    """Record and answer erasure requests (GDPR Article 17). Archives are erased as a whole."""


@erase.command("request")
@click.option("--subject", metavar="REF", required=True, help="Your own reference for the person; not their name.")
@click.option("--archive", "archives", metavar="ID", multiple=True, help="An archive with records of the person.")
@click.option("--stream", metavar="NAME", default="", help="Every archive of this stream, with --from and --to.")
@click.option("--from", "start", type=instant, metavar="TIME", help="The first instant with records of the person.")
@click.option("--to", "end", type=instant, metavar="TIME", help="The end; not included.")
@click.option("--ground", metavar="WORDS", required=True, help='The ground, such as "GDPR 17(1)(b)".')
@click.option(
    "--overrides-retention",
    "overrides",
    is_flag=True,
    help="The ground outweighs a retention period that is not over. Takes two people; never overrides a hold.",
)
@json_option
@pass_session
def request(
    session: Session,
    /,
    subject: str,
    archives: tuple[str, ...],
    stream: str,
    start: datetime | None,
    end: datetime | None,
    ground: str,
    overrides: bool,
    as_json: bool,
) -> None:
    """Record an erasure request and put the archives on a plan, which somebody else approves.

    An archive is erased as a whole, with the records of other people in it. If a hold or a retention period prevents
    that, the archive waits on the plan, and is destroyed automatically when nothing prevents it anymore.
    """
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.destruction.commands import open_context
    from strongroom.engine.destruction.erasure import request_erasure
    from strongroom.engine.retention.holds import known_names, resolve_scope

    with open_context(session.config()) as context:
        if stream:
            stream = resolve_scope(known_names(session.config(), context.vault), HoldRule(stream=stream)).stream
        found = _scope(context, archives, stream, start, end)
        entered = request_erasure(context, subject, found, acting_person(), ground, overrides=overrides)
    if as_json:
        plan = plan_document(entered.plan) if entered.plan else None
        put_document({"erasure": _document(entered.erasure, {}), "proposal": plan, "quarantined": _quarantined(found)})
        return
    say(f"request {entered.erasure.id}, to be answered by {utc_day(entered.erasure.answer_by)}")
    say_lines(plan_lines(entered.plan) if entered.plan else ())
    for each in _quarantined(found):
        words = "is in quarantine: its file is not valid, so nobody can tell whose records it has"
        say_lines(hang(f"  {short(each)}  ", 12, words, width()))
    if entered.plan:
        report(approval_step(entered.plan))
    elif entered.erasure.archives:
        count = counted(len(entered.erasure.archives), "archive")
        report(f"{count}, already on plans; see what each one waits for: strongroom erase list")
    else:
        words = f"strongroom erase answer {short(entered.erasure.id)} done"
        report(f"no archive in the vault matches it; answer it with: {words}")


def _quarantined(archives: Iterable[Archive]) -> list[str]:
    """Return the ids of the archives whose records could not be counted."""
    from strongroom.model.archive import Holding

    return [each.id for each in archives if each.holding is Holding.QUARANTINED]


def _scope(
    context: DestructionContext, parts: tuple[str, ...], stream: str, start: datetime | None, end: datetime | None
) -> list[Archive]:
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.destruction.erasure import archives_within

    if bool(parts) == (start is not None or end is not None or bool(stream)):
        raise UsageError("name the archives: --archive ID, or --stream NAME with --from and --to")
    if parts:
        return list({archive.id: archive for archive in (find_archive(context.vault, part) for part in parts)}.values())
    if start is None or end is None:
        raise UsageError("a stream needs its dates", hint="add --from TIME --to TIME")
    return archives_within(context.vault, stream, period_of(start, end))


@erase.command("list")
@limit_option
@json_option
@pass_session
def list_(session: Session, limit: int, as_json: bool) -> None:
    """List erasure requests, newest first, and what each archive that is not destroyed yet waits for."""
    from strongroom.engine.destruction.commands import list_erasures, list_pending, open_context

    with past_unreadable(), open_context(session.config()) as context:
        every = list_erasures(context, _ALL)
        found = every[:limit]
        against = list_pending(context, found)
    if as_json:
        put_document({"erasures": [_document(each, against[each.id]) for each in found]})
        return
    for each in found:
        say_lines(_lines(each, against[each.id]))
    report_total(len(found), len(every), "erasure request")
    if not found and not LEFT_OUT.get():
        report("There are no erasure requests.")


@erase.command("answer")
@click.argument("erasure", metavar="ID")
@click.argument("answer", type=click.Choice([each.value for each in ErasureAnswer]))
@click.option(
    "--ground", metavar="WORDS", default="", help='The ground, such as "GDPR 17(3)(b)"; required unless it is done.'
)
@json_option
@pass_session
def answer(session: Session, erasure: str, answer: str, ground: str, as_json: bool) -> None:
    """Record the answer that the person got. A refusal removes the archives from the plan.

    "done" is not accepted before all of the archives are destroyed. When the last one is destroyed, the request is
    answered automatically.
    """
    from strongroom.engine.core.old_catalogues import asides_of
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.destruction.commands import find_erasure, open_context
    from strongroom.engine.destruction.erasure import answer_erasure

    with open_context(session.config()) as context:
        found = answer_erasure(
            context, find_erasure(context.vault, erasure), ErasureAnswer(answer), ground, acting_person()
        )
        older = [str(path) for path in asides_of(context.vault.layout)] if not found.pending else []
    if as_json:
        put_document({**_document(found, {}), "older_catalogues": older})
        return
    report(f"the request {short(found.id)} is {found.state}")
    for name in older:
        report(
            f"an older catalogue stays, because it may have data that this one lacks; it may name the person: {name}"
        )


@erase.command("propose")
@click.argument("erasure", metavar="ID")
@json_option
@pass_session
def propose(session: Session, erasure: str, as_json: bool) -> None:
    """Create a new plan with archives of a request that were removed from its plan."""
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.destruction.commands import find_erasure, open_context
    from strongroom.engine.destruction.erasure import propose_again

    with open_context(session.config()) as context:
        plan = propose_again(context, find_erasure(context.vault, erasure), acting_person())
    if as_json:
        put_document(plan_document(plan))
        return
    say_lines(plan_lines(plan))


def _lines(erasure: Erasure, against: dict[str, Pending] | None) -> Iterator[str]:
    state = click.style(erasure.state.value, bold=True)
    until = f", to be answered by {utc_day(erasure.answer_by)}" if erasure.answered_at is None else ""
    subject = f", {clean(erasure.subject)}" if erasure.subject else ""
    yield f"{short(erasure.id)}  {state}  {clean(erasure.ground)}{subject}{until}"
    if erasure.answer:
        yield from hang("  ", 2, f"answered: {erasure.answer}", width())
    if against is None:
        yield f"  {counted(len(erasure.archives), 'archive')}; what they wait for cannot be read"
        return
    yield f"  {counted(len(erasure.archives), 'archive')}, {number(len(against))} not destroyed yet"
    for archive, pending in against.items():
        yield from hang(f"  {short(archive)}  ", 12, pending.words, width())


def _document(erasure: Erasure, against: dict[str, Pending] | None) -> dict[str, object]:
    return {
        "id": erasure.id,
        "at": erasure.at,
        "state": erasure.state.value,
        "ground": erasure.ground,
        "subject": erasure.subject,
        "archives": list(erasure.archives),
        "overrides_retention": erasure.overrides,
        "answer_by": erasure.answer_by,
        "answered_at": erasure.answered_at,
        "answer": erasure.answer,
        "held": None if against is None else [_pending_document(name, each) for name, each in against.items()],
    }


def _pending_document(archive: str, pending: Pending) -> dict[str, object]:
    items = pending.item
    return {
        "archive": archive,
        "verdict": pending.judgement.fate.value,
        "why": pending.judgement.words,
        "proposal": items.proposal if items else None,
        "stage": items.stage.value if items else None,
        "of_request": pending.by_erasure or None,
        "cooling_off_until": pending.ripe_at,
        "waits_for": pending.words,
    }
