"""`strongroom subject copy` and `strongroom subject erase`: what follows from what was found of a person."""

from __future__ import annotations

from pathlib import Path

import click

from strongroom.cli.destruction_plans import approval_step, plan_document, plan_lines
from strongroom.cli.open_subjects import look_for, open_subjects, report_unread
from strongroom.cli.options import PathOption, Session, identity_option, json_option, pass_session, passphrase_option
from strongroom.cli.output import put_document
from strongroom.cli.subject import subject
from strongroom.cli.terminal import clean, report, say, say_lines
from strongroom.model.errors import ExitCode
from strongroom.model.subject import CopyMade, ErasureRequested, require_open
from strongroom.model.text import counted
from strongroom.text.times import utc_day


@subject.command("copy")
@click.argument("request_id", metavar="REQUEST")
@click.argument("target", metavar="FOLDER", type=PathOption(path_type=Path))
@click.option("--purposes", metavar="WORDS", default="", help="Why the data are processed, and who receives them.")
@click.option("--contact", metavar="WORDS", default="", help="Whom the person can contact.")
@click.option(
    "--keep", "kept", metavar="TEXT", multiple=True,
    help="An identifier that is not masked, such as your own number; may be repeated.",
)  # fmt: skip
@identity_option
@passphrase_option
@json_option
@pass_session
def copy(
    session: Session,
    request_id: str,
    target: Path,
    purposes: str,
    contact: str,
    kept: tuple[str, ...],
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Write the copy for the person: copy.html and records.jsonl, in a new folder or a ZIP, with others masked.

    The first page says where the data come from, how long they are retained, and which rights the person has. Numbers,
    email addresses and archived names of other people are masked, each person always in the same way. Read the copy
    before you hand it over: a name that is only in the text of a message, and in no contact and no name field, is not
    recognized. If an archive cannot be read, nothing is written.
    """
    from strongroom.engine.access.search import SearchProgress, described_fields
    from strongroom.engine.access.subject_requests import change_request
    from strongroom.engine.access.subject_search import known_people
    from strongroom.engine.production.subject_copy import PAGE, RECORDS, CopyWords, keep_copy, make_copy
    from strongroom.engine.proof.checkpoints import issuer_of
    from strongroom.text.subject_page import subject_page

    with open_subjects(session, identity, passphrase_file) as at:
        found_request = at.find(request_id)
        require_open(found_request)
        found, unread = look_for(at, found_request.identifiers, quiet=as_json)
        progress, fields = SearchProgress(), described_fields(at.config.manifests)
        people = list(known_people(at.vault, at.identities, progress, fields))
        unread |= progress.unread
        if unread:
            report("Nothing was written: without these archives the copy would not be complete, or not masked.")
            return report_unread(unread)
        issuer, (person, now, random_bytes) = issuer_of(at.config, at.vault), at.signed
        made = make_copy(found, found_request, people, kept, issuer, CopyWords(purposes, contact), now, fields)
        files = {PAGE: subject_page(made).encode("utf-8", "replace"), RECORDS: made.lines}
        digest = keep_copy(at.vault, target.absolute(), files, random_bytes)
        change_request(at.vault, found_request, CopyMade(len(made.records), digest), person, now, random_bytes)
    if as_json:
        document = {"path": str(target.absolute()), "records": len(made.records), "masked": made.masked}
        put_document({**document, "records_sha256": digest})
        return ExitCode.OK
    say(clean(str(target.absolute())))
    report(f"{counted(len(made.records), 'record')}; {counted(made.masked, 'other person', 'other people')} masked")
    report(click.style("Read it before you send it. The records in it are not encrypted.", fg="yellow"))
    return ExitCode.OK


@subject.command("erase")
@click.argument("request_id", metavar="REQUEST")
@click.option("--ground", metavar="WORDS", required=True, help='The ground, such as "GDPR 17(1)(b)".')
@click.option(
    "--overrides-retention", "overrides", is_flag=True,
    help="The ground outweighs a retention period that is not over. Takes two people; never overrides a hold.",
)  # fmt: skip
@identity_option
@passphrase_option
@json_option
@pass_session
def erase(
    session: Session,
    request_id: str,
    ground: str,
    overrides: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Record an erasure request for every archive in which the person was found.

    It works as `strongroom erase request`, with the ID of this request as its reference: an archive is erased as a
    whole, somebody else approves, and a hold or a retention period still prevents it. If an archive cannot be read,
    nothing is recorded.
    """
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.access.subject_requests import change_request
    from strongroom.engine.destruction.commands import open_context
    from strongroom.engine.destruction.erasure import request_erasure

    with open_subjects(session, identity, passphrase_file) as at:
        found_request = at.find(request_id)
        require_open(found_request)
        found, unread = look_for(at, found_request.identifiers, quiet=as_json)
        config, signed = at.config, at.signed
        if unread:
            report("Nothing was recorded: more archives may have records of the person.")
            return report_unread(unread)
    with open_context(config) as context:
        archives = [find_archive(context.vault, each) for each in found.archives]
        person, now, random_bytes = signed
        entered = request_erasure(
            context, f"subject request {found_request.id}", archives, person, ground, overrides=overrides
        )
        change_request(context.vault, found_request, ErasureRequested(entered.erasure.id), person, now, random_bytes)
    if as_json:
        plan = plan_document(entered.plan) if entered.plan else None
        put_document({"erasure": entered.erasure.id, "archives": list(found.archives), "proposal": plan})
        return ExitCode.OK
    say(f"erasure request {entered.erasure.id}, to be answered by {utc_day(entered.erasure.answer_by)}")
    say_lines(plan_lines(entered.plan) if entered.plan else ())
    if entered.plan:
        report(approval_step(entered.plan))
    return ExitCode.OK
