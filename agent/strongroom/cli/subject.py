"""`strongroom subject`: the register of people's requests for their data, and what the vault has of a person."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.open_subjects import (
    OpenSubjects,
    finding_document,
    look_for,
    open_subjects,
    report_unread,
    request_document,
)
from strongroom.cli.options import Session, identity_option, json_option, pass_session, passphrase_option
from strongroom.cli.output import TextColumn, put_document, render_fields, render_table
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.errors import UsageError
from strongroom.model.subject import (
    IdentifierConfirmed,
    RequestAnswered,
    RequestExtended,
    SubjectAnswer,
    SubjectChange,
    SubjectRequest,
)
from strongroom.model.text import counted
from strongroom.text.subject_words import retention_words, subject_entry
from strongroom.text.times import utc, utc_day
from strongroom.text.units import DASH, number, short

if TYPE_CHECKING:
    from strongroom.engine.access.subject_search import Finding

_REQUESTS = (
    TextColumn("REQUEST"),
    TextColumn("STATE"),
    TextColumn("RECEIVED"),
    TextColumn("ANSWER BY"),
    TextColumn("FROM", least=8),
)
_HOLDINGS = (
    TextColumn("SOURCE", least=8),
    TextColumn("DATASET", least=8),
    TextColumn("FROM"),
    TextColumn("TO"),
    TextColumn("RETAINED UNTIL", least=10),
    TextColumn("ARCHIVES", right=True),
    TextColumn("RECORDS", right=True),
)


@click.group("subject")
def subject() -> None:
    """Answer people who request their data: find it, make a copy, meet the deadline (GDPR 15, CCPA).

    A request, its identifiers and its answer are lines of the evidence log, sealed to the vault's recipients. Only the
    dates are in clear text. An alert is sent ten days before the deadline, and again three days before it.
    """


@subject.command("request")
@click.argument("reference", metavar="WHO")
@click.option(
    "--identifier", "identifiers", metavar="TEXT", multiple=True, required=True,
    help="A telephone number, email address, user name or name; may be repeated.",
)  # fmt: skip
@click.option(
    "--received", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day of receipt; today by default."
)
@json_option
@pass_session
def request(
    session: Session, reference: str, identifiers: tuple[str, ...], received: datetime | None, as_json: bool
) -> None:
    """Record a request. Needs no identity.

    It must be answered within one month of the day of receipt, on the calendar of the vault's time zone.
    """
    from strongroom.engine.access.subject_requests import record_request
    from strongroom.engine.core.sources import open_reading, plans_of
    from strongroom.engine.queries.report import report_zone

    config = session.config()
    with open_reading(config) as vault:
        at = OpenSubjects(config, vault, [], ())
        zone, day = report_zone(plans_of(config)), received.date() if received else None
        made = record_request(vault, reference, identifiers, day, zone, *at.signed)
    _show_change(made, as_json, f"request {made.id} is recorded; answer it by {made.last_day}")
    if not as_json:
        report(f"To see what the vault has of this person: strongroom subject find {short(made.id)}")


@subject.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the requests and their deadlines, oldest first. Needs no identity, and names nobody."""
    from strongroom.engine.access.subject_requests import read_requests
    from strongroom.engine.core.sources import open_reading

    with open_reading(session.config()) as vault:
        found = read_requests(vault)
    if as_json:
        put_document({"requests": [request_document(each) for each in found]})
    elif not found:
        say("No requests. To record one: strongroom subject request WHO --identifier TEXT")
    else:
        say_lines(render_table(_REQUESTS[:-1], [_request_row(each) for each in found], width()))


@subject.command("show")
@click.argument("request_id", metavar="REQUEST")
@identity_option
@passphrase_option
@json_option
@pass_session
def show(session: Session, request_id: str, identity: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Show a request: who made it, the identifiers, and everything that was done, with who did it and when."""
    with open_subjects(session, identity, passphrase_file) as at:
        found = at.find(request_id)
    if as_json:
        put_document({"request": request_document(found)})
        return
    fields = [("request", found.id), ("from", clean(found.reference)), ("state", found.state.value)]
    fields += [("received", f"{found.received}"), ("answer by", f"{found.last_day} ({found.zone})")]
    fields += [("identifier", clean(each)) for each in found.identifiers]
    say_lines(render_fields(fields, width()))
    for entry in found.entries:
        say(f"{utc(entry.at)}  {clean(entry.by)}  {clean(subject_entry(entry))}")


@subject.command("find")
@click.argument("request_id", metavar="[REQUEST]", required=False, default="")
@click.option("--identifier", "identifiers", metavar="TEXT", multiple=True, help="Search for this, without a request.")
@identity_option
@passphrase_option
@json_option
@pass_session
def find(
    session: Session,
    request_id: str,
    identifiers: tuple[str, ...],
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Show what the vault has about a person, by source, with periods and retention.

    Numbers are found in every spelling, email addresses and names as whole words, in every field of every record.
    Other identifiers that contacts link with the person are proposed. They are used only after you confirm them with
    `strongroom subject confirm`. Exits with 1 if an archive cannot be read.
    """
    if bool(request_id) == bool(identifiers):
        raise UsageError("no person was named", hint="give a request, or --identifier TEXT")
    with open_subjects(session, identity, passphrase_file) as at:
        wanted = identifiers or at.find(request_id).identifiers
        found, unread = look_for(at, wanted, quiet=as_json)
    if as_json:
        put_document({"finding": finding_document(found), "unread": unread})
    else:
        _print_finding(found, request_id)
    return report_unread(unread)


@subject.command("confirm")
@click.argument("request_id", metavar="REQUEST")
@click.argument("identifiers", metavar="IDENTIFIER...", nargs=-1, required=True)
@identity_option
@passphrase_option
@json_option
@pass_session
def confirm(
    session: Session,
    request_id: str,
    identifiers: tuple[str, ...],
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Confirm that identifiers belong to the same person. Every later find, copy and erase uses them."""
    from strongroom.engine.access.subject_requests import change_request
    from strongroom.search.person import read_identifier

    with open_subjects(session, identity, passphrase_file) as at:
        made = at.find(request_id)
        for text in [read_identifier(each).text for each in identifiers]:
            made = change_request(at.vault, made, IdentifierConfirmed(text), *at.signed)
    _show_change(made, as_json, f"{counted(len(identifiers), 'identifier')} confirmed")


@subject.command("extend")
@click.argument("request_id", metavar="REQUEST")
@click.option("--reason", metavar="WORDS", required=True, help="The reason that you gave the person.")
@identity_option
@passphrase_option
@json_option
@pass_session
def extend(
    session: Session,
    request_id: str,
    reason: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Extend the deadline by two months, once, and before it ends. Inform the person within the first month."""
    from strongroom.engine.access.subject_requests import require_line

    made = _change(session, request_id, RequestExtended(require_line(reason, "the reason")), identity, passphrase_file)
    _show_change(made, as_json, f"extended; answer it by {made.last_day}")


@subject.command("answer")
@click.argument("request_id", metavar="REQUEST")
@click.argument("answer_", metavar="ANSWER", type=click.Choice([each.value for each in SubjectAnswer]))
@click.option("--words", metavar="WORDS", required=True, help="What you answered, or why you refused.")
@identity_option
@passphrase_option
@json_option
@pass_session
def answer(
    session: Session,
    request_id: str,
    answer_: str,
    words: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Record that the person was answered, or that the request was refused. This ends the request."""
    from strongroom.engine.access.subject_requests import require_line

    change = RequestAnswered(SubjectAnswer(answer_), require_line(words, "the answer"))
    made = _change(session, request_id, change, identity, passphrase_file)
    _show_change(made, as_json, f"the request {short(made.id)} is {made.state}")


def _change(
    session: Session, request_id: str, change: SubjectChange, identity: Path | None, passphrase_file: Path | None
) -> SubjectRequest:
    from strongroom.engine.access.subject_requests import change_request

    with open_subjects(session, identity, passphrase_file) as at:
        return change_request(at.vault, at.find(request_id), change, *at.signed)


def _show_change(made: SubjectRequest, as_json: bool, words: str) -> None:
    if as_json:
        put_document({"request": request_document(made)})
    else:
        say(clean(words))


def _request_row(each: SubjectRequest) -> tuple[str, ...]:
    return short(each.id), each.state.value, f"{each.received}", f"{each.last_day}" if each.is_open else DASH


def _print_finding(found: Finding, request_id: str) -> None:
    rows = [
        (
            clean(each.source), clean(each.dataset), utc_day(each.first) if each.first else DASH,
            utc_day(each.last) if each.last else DASH, retention_words(each), number(len(each.archives)),
            number(each.records),
        )
        for each in found.holdings
    ]  # fmt: skip
    if rows:
        say_lines(render_table(_HOLDINGS, rows, width()))
    for text, count in found.spellings.items():
        say(f"written as {clean(text)}: {counted(count, 'record')}")
    for each in found.proposals:
        say(f"proposed: {clean(each.text)} ({clean(each.why)}, {counted(each.records, 'record')})")
    mentions = sum(each.mentions for each in found.holdings)
    only = f", {number(mentions)} of them only in a text" if mentions else ""
    report(f"{counted(len(found.records), 'record')} in {counted(len(found.archives), 'archive')}{only}")
    if found.proposals:
        report(f"If a proposal is the same person: strongroom subject confirm {request_id or 'REQUEST'} IDENTIFIER")
