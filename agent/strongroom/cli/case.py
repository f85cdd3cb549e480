"""`strongroom case`: what people collect about a matter, sealed to the vault's recipients."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import to_builtins

from strongroom.cli import terminal
from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session, identity_option, json_option, pass_session, passphrase_option, zone_of
from strongroom.cli.output import TextColumn, put_document, render_fields, render_table
from strongroom.cli.search import Shown, print_result, run_search
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.case import Case, Mark, NoteAdded, QueryAdded
from strongroom.model.errors import ExitCode, UsageError
from strongroom.model.text import counted
from strongroom.text.sentences import case_step
from strongroom.text.times import utc, utc_day
from strongroom.text.units import short

if TYPE_CHECKING:
    from strongroom.engine.access.cases import OpenCases
    from strongroom.model.case import Change
    from strongroom.model.destruction import Person
    from strongroom.model.times import Chance

_COLUMNS = (
    TextColumn("CASE"),
    TextColumn("NAME", least=12),
    TextColumn("OPENED"),
    TextColumn("QUERIES", right=True),
    TextColumn("NOTES", right=True),
    TextColumn("RECORDS", right=True),
    TextColumn("HOLDS", right=True),
)


def _of_a_person(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the options of those that need an identity."""
    return identity_option(passphrase_option(json_option(pass_session(command))))


@click.group("case")
def case() -> None:
    """Collect saved queries, notes, marked records and holds of a matter.

    Each change is a line of the evidence log, sealed to the vault's recipients. So these commands need your identity,
    and nothing can be removed from a case. A case has the name of its matter.
    """


@case.command("new")
@click.argument("name")
@_of_a_person
def new(session: Session, name: str, identity: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Create a case, with the name of its matter."""
    from strongroom.engine.access.cases import add_case

    with _open(session, identity, passphrase_file) as at:
        made = add_case(at.vault, at.cases, name, *_signed(at))
    _show_change(made, as_json, f"case {short(made.id)} was created")


@case.command("list")
@_of_a_person
def list_(session: Session, identity: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """List the cases, oldest first."""
    with _open(session, identity, passphrase_file) as at:
        cases = at.cases
    if as_json:
        put_document({"cases": [_summary(each) for each in cases]})
    elif not cases:
        say("No cases. To begin one: strongroom case new NAME")
    else:
        say_lines(render_table(_COLUMNS, [_row(each) for each in cases], width()))


@case.command("show")
@click.argument("name", metavar="CASE")
@_of_a_person
def show(session: Session, name: str, identity: Path | None, passphrase_file: Path | None, as_json: bool) -> None:
    """Show a case: its queries by number, and everything that was added, with who added it and when."""
    with _open(session, identity, passphrase_file) as at:
        found = at.find(name)
    if as_json:
        put_document({"case": case_document(found)})
        return
    say_lines(render_fields([("case", found.id), ("name", clean(found.name) or "sealed to other keys")], width()))
    for number, query in enumerate(found.queries, 1):
        say(f"query {number}: {clean(query.text)}  (dates in {clean(query.zone)})")
    for step in found.steps:
        say(f"{utc(step.at)}  {clean(step.by)}  {clean(case_step(step))}")
    if found.sealed:
        report(f"{counted(found.sealed, 'change')} sealed to keys that your identity does not have")


@case.command("add-query")
@click.argument("name", metavar="CASE")
@click.argument("words", metavar="[QUERY]...", nargs=-1)
@click.option(
    "--time-zone", default="UTC", show_default=True, metavar="NAME", help="The time zone of dates in the query."
)
@_of_a_person
def add_query(
    session: Session,
    name: str,
    words: tuple[str, ...],
    time_zone: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Save a query for `strongroom search`. If you give none, it is read from standard input."""
    from strongroom.engine.access.cases import require_words
    from strongroom.search.query import parse_query

    text = require_words(" ".join(words) or _typed("Query"), "the query")
    parse_query(text, zone_of(time_zone))  # a mistake is found now, not when the query is needed
    _change(session, name, QueryAdded(text, time_zone), identity, passphrase_file, as_json)


@case.command("search")
@click.argument("name", metavar="CASE")
@click.argument("number", type=click.IntRange(1))
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most this many.")
@click.option("--count", is_flag=True, help="Print only how many records match.")
@_of_a_person
def search(
    session: Session,
    name: str,
    number: int,
    limit: int,
    count: bool,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Search with a saved query, which you give by its number."""
    with _open(session, identity, passphrase_file) as at:
        query = saved_query(at.find(name), number)
        shown = Shown(zone_of(query.zone), limit, "", count, full=False, as_json=as_json)
        return print_result(run_search(session, query.text, shown, lambda _config: at.identities), shown)


@case.command("note")
@click.argument("name", metavar="CASE")
@click.argument("words", metavar="[TEXT]...", nargs=-1)
@_of_a_person
def note(
    session: Session,
    name: str,
    words: tuple[str, ...],
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Add a note. If you give no text, it is read from standard input."""
    from strongroom.engine.access.cases import require_words

    text = require_words(" ".join(words) or _typed("Note"), "the note")
    _change(session, name, NoteAdded(text), identity, passphrase_file, as_json)


@case.command("mark")
@click.argument("name", metavar="CASE")
@click.argument("record", metavar="ARCHIVE/RECORD")
@click.argument("mark", type=click.Choice([each.value for each in Mark]))
@_of_a_person
def mark_(
    session: Session,
    name: str,
    record: str,
    mark: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Mark a record. Name it by its archive and its own ID, as `strongroom search` prints them.

    The record is read, and its digest is stored with the mark. In lists, a later mark of the same record replaces it.
    """
    from strongroom.engine.access.cases import change_case, find_record, mark_of
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.access.search import described_fields

    archive, slash, record_id = record.partition("/")
    if not slash or not record_id:
        raise UsageError(f"{record!r} names no record", hint="give ARCHIVE/RECORD, as `strongroom search` prints them")
    with _open(session, identity, passphrase_file) as at:
        found = at.find(name)
        fields = described_fields(session.config().manifests)
        hit = find_record(at.vault, find_archive(at.vault, archive), record_id, at.identities, fields)
        made = change_case(at.vault, found, mark_of(hit, record_id, Mark(mark)), *_signed(at))
    _show_change(made, as_json, f"record {clean(record_id)} is marked {mark}")


@case.command("hold")
@click.argument("name", metavar="CASE")
@click.argument("number", type=click.IntRange(1))
@click.option(
    "--later",
    is_flag=True,
    help="Also cover archives of these streams that arrive later, within the period of the query.",
)
@click.option("--reason", metavar="WORDS", required=True, help="The reason, recorded with the hold.")
@_of_a_person
def hold(
    session: Session,
    name: str,
    number: int,
    later: bool,
    reason: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Place a hold on every archive in which a saved query finds a record.

    The matter of the hold is the name of the case. Exits with 1 if an archive could not be searched: it is not on hold.
    """
    from strongroom.engine.access.cases import hold_found

    with _open(session, identity, passphrase_file) as at:
        found = at.find(name)
        query = saved_query(found, number)
        shown = Shown(zone_of(query.zone), 1, "", count=True, full=False, as_json=as_json)
        result = run_search(session, query.text, shown, lambda _config: at.identities)
        if result.progress.stopped:
            return ExitCode.INTERRUPTED
        archives = list({hit.archive.id: hit.archive for each in result.found for hit in each.hits}.values())
        by, now, random_bytes = _signed(at)
        made = hold_found(at.vault, found, number, result.query, archives, by, reason, now, random_bytes, later=later)
    _show_change(made, as_json, f"{counted(len(made.holds) - len(found.holds), 'hold')} placed")
    for archive, why in result.progress.unread.items():
        report(f"archive {archive} could not be read and is not on hold: {clean(why)}")
    return ExitCode.FINDINGS if result.progress.unread else ExitCode.OK


@contextmanager
def _open(session: Session, identity: Path | None, passphrase_file: Path | None) -> Iterator[OpenCases]:
    from strongroom.engine.access.cases import OpenCases, open_cases
    from strongroom.engine.core.sources import open_reading

    config = session.config()
    with open_reading(config) as vault:
        identities = open_identities(config, identity, passphrase_file)
        yield OpenCases(vault, identities, open_cases(vault, identities))


def _signed(at: OpenCases) -> tuple[Person, datetime, Chance]:
    """Return who acts, when, and the random source."""
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.core.trusted_clock import vault_now

    return acting_person(), vault_now(at.vault, system_clock), os.urandom


def _change(
    session: Session,
    name: str,
    change: Change,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    from strongroom.engine.access.cases import change_case

    with _open(session, identity, passphrase_file) as at:
        made = change_case(at.vault, at.find(name), change, *_signed(at))
    _show_change(made, as_json, f"{case_step(made.steps[-1]).partition(':')[0]} added to the case {clean(made.name)}")


def _show_change(made: Case, as_json: bool, words: str) -> None:
    if as_json:
        put_document({"case": case_document(made)})
    else:
        say(words)


def saved_query(found: Case, number: int) -> QueryAdded:
    """Return a query by its number. Raises UsageError."""
    if number > len(found.queries):
        raise UsageError(f"the case has no query {number}", hint=f"to see them: strongroom case show {short(found.id)}")
    return found.queries[number - 1]


def _typed(what: str) -> str:
    if terminal.can_ask():
        text: str = click.prompt(what, err=True, default="", show_default=False)
        return text
    return sys.stdin.read() if sys.stdin is not None else ""


def _row(each: Case) -> tuple[str, ...]:
    opened = utc_day(each.steps[0].at) if each.steps else "-"
    counts = (len(each.queries), len(list(each.notes)), len(each.marks), len(each.holds))
    return (short(each.id), clean(each.name) or "sealed to other keys", opened, *map(str, counts))


def _summary(each: Case) -> dict[str, object]:
    return {
        "id": each.id,
        "name": each.name or None,
        "opened_at": each.steps[0].at if each.steps else None,
        "queries": len(each.queries),
        "notes": len(list(each.notes)),
        "marks": len(each.marks),
        "holds": each.holds,
        "sealed": each.sealed,
    }


def case_document(found: Case) -> dict[str, object]:
    """Return a case for programs."""
    return {
        "id": found.id,
        "name": found.name or None,
        "steps": [{"at": step.at, "by": step.by, **to_builtins(step.change)} for step in found.steps],
        "marks": [to_builtins(each) for each in found.marks],
        "sealed": found.sealed,
    }
