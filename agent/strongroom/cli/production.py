"""`strongroom production`: records in the files of another program, numbered, with what proves where they come from."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from msgspec import Struct
from msgspec.structs import asdict, replace

from strongroom.cli.case import saved_query
from strongroom.cli.identities import open_identities
from strongroom.cli.options import (
    LARGEST,
    OneOf,
    PathOption,
    Session,
    identity_option,
    instant,
    json_option,
    pass_session,
    passphrase_option,
    zone_of,
)
from strongroom.cli.output import put_document
from strongroom.cli.terminal import clean, counting, report, say
from strongroom.model.errors import UsageError
from strongroom.model.production import WIDEST, Numbering, ProductionFormat
from strongroom.model.text import counted
from strongroom.model.times import format_instant

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.core.identities import Identities
    from strongroom.engine.production.request import FinishedProduction
    from strongroom.engine.production.selection import Selection
    from strongroom.engine.queries.lists import Vault
    from strongroom.model.case import Case
    from strongroom.search.terms import Query


class Asked(Struct, frozen=True):
    """Which records to produce, as typed."""

    query: str
    archives: str
    matter: str
    case: str
    saved: int | None  # the number of a query of the case
    start: datetime | None
    end: datetime | None
    zone: ZoneInfo

    @property
    def words(self) -> dict[str, str]:
        """Return how the records are selected, as the production says it."""
        known = {
            "query": self.query,
            "time_zone": self.zone.key if self.query else "",
            "archives": self.archives,
            "matter": self.matter,
            "case": self.case,
            "from": format_instant(self.start) if self.start else "",
            "to": format_instant(self.end) if self.end else "",
        }
        return {name: word for name, word in known.items() if word}


class Files(Struct, frozen=True):
    """What to make of the records, as typed."""

    format: ProductionFormat
    output: Path
    prefix: str
    width: int
    first: int | None
    rules: Path | None
    profile: Path | None
    slice_hours: int
    contacts: bool
    at: datetime | None


@click.command("production")
@click.argument("words", metavar="[QUERY]...", nargs=-1)
@click.option("--archives", metavar="ID,ID", default="", help="Only these archives, separated by commas.")
@click.option("--matter", metavar="NAME", default="", help="Only archives that the holds of this matter cover.")
@click.option("--case", metavar="CASE", default="", help="Withhold records that this case marks as privileged.")
@click.option("--saved", type=click.IntRange(1), metavar="NUMBER", help="Select with a saved query of the case.")
@click.option("--from", "start", type=instant, metavar="TIME", help="Only records at or after this time.")
@click.option("--to", "end", type=instant, metavar="TIME", help="Only records before this time.")
@click.option(
    "--time-zone", default="UTC", show_default=True, metavar="NAME", help="The time zone of dates in the query."
)
@click.option(
    "--format",
    "kind",
    type=OneOf([each.value for each in ProductionFormat]),
    default="jsonl",
    show_default=True,
    help="The form of the files.",
)
@click.option(
    "--output",
    metavar="PATH",
    required=True,
    type=PathOption(path_type=Path),
    help="The folder to create, or a ZIP if it ends in .zip. It holds the records as CLEAR TEXT.",
)
@click.option("--prefix", default="P", show_default=True, metavar="TEXT", help="What each number begins with.")
@click.option(
    "--width", type=click.IntRange(1, WIDEST), default=7, show_default=True, help="How many digits each number has."
)
@click.option(
    "--start",
    "first",
    type=click.IntRange(1, LARGEST),
    help="The first number; by default 1, or the next one of the case.",
)
@click.option(
    "--redact",
    "rules",
    metavar="FILE",
    type=PathOption(exists=True, dir_okay=False, path_type=Path),
    help="Redact by the rules in this TOML file.",
)
@click.option(
    "--profile",
    metavar="FILE",
    type=PathOption(exists=True, dir_okay=False, path_type=Path),
    help="Write the load file as this TOML file describes (dat).",
)
@click.option(
    "--slice-hours",
    type=click.IntRange(1, 24 * 366),
    default=24,
    show_default=True,
    help="Hours in one file of a conversation (rsmf, html).",
)
@click.option("--contacts/--no-contacts", default=True, help="Name people by archived contacts (rsmf, html).")
@click.option("--at", type=instant, metavar="TIME", help="The time to write into the production; by default now.")
@identity_option
@passphrase_option
@json_option
@pass_session
def production(
    session: Session,
    /,
    words: tuple[str, ...],
    archives: str,
    matter: str,
    case: str,
    saved: int | None,
    start: datetime | None,
    end: datetime | None,
    time_zone: str,
    kind: str,
    output: Path,
    prefix: str,
    width: int,
    first: int | None,
    rules: Path | None,
    profile: Path | None,
    slice_hours: int,
    contacts: bool,
    at: datetime | None,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Write records as numbered files for another program, each record once, with digests, proofs and a verifier.

    QUERY is as in `strongroom search`; if it is -, it is read from standard input. Formats: jsonl, one record per line;
    dat, a load file for Relativity and other review platforms, with natives and extracted text; csv, the same as a
    table in which no value can run as a formula; rsmf, messages as chats, one file for each conversation and day; html,
    the same as pages to read and print.

    With --case, records that the case marks as privileged are withheld and listed, and the numbers continue after those
    of its last production.

    Needs your identity. If an archive cannot be read, nothing is produced. The same request with the same --at gives
    the same bytes. The log records who produced how many records.
    """
    if saved and (not case or words):
        raise UsageError("--saved names a query of a case", hint="give --case as well, and no query")
    if profile and kind != ProductionFormat.DAT:
        raise UsageError("--profile describes a load file", hint="give --format dat as well")
    asked = Asked(_query(words), archives, matter, case, saved, start, end, zone_of(time_zone))
    files = Files(
        ProductionFormat(kind), output.absolute(), prefix, width, first, rules, profile, slice_hours, contacts, at
    )
    made = _make(session, asked, files, identity, passphrase_file, quiet=as_json)
    if as_json:
        put_document({**asdict(made), "path": str(made.path), "count": asdict(made.count)})
    else:
        _say_made(made)


def _query(words: tuple[str, ...]) -> str:
    if words == ("-",):
        return sys.stdin.readline().rstrip("\n") if sys.stdin is not None else ""
    return " ".join(words)


def _numbering(prefix: str, width: int, first: int) -> Numbering:
    try:
        return Numbering(prefix, width, first)
    except ValueError as error:
        raise UsageError(f"the numbering is not valid: {error}", hint="see --prefix, --width and --start") from None


def _make(
    session: Session,
    asked: Asked,
    files: Files,
    identity: Path | None,
    passphrase_file: Path | None,
    *,
    quiet: bool,
) -> FinishedProduction:
    from strongroom.config.load_profile import load_profile
    from strongroom.engine.copies.reading import open_with_copies
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.production.production import write_production
    from strongroom.engine.production.redacting import read_rules
    from strongroom.engine.production.request import ProductionRequest, ProductionSource

    config, dependencies = session.config(), Dependencies()
    rules = read_rules(files.rules) if files.rules else []
    profile = load_profile(files.profile) if files.profile else None
    with open_with_copies(config, report) as vault:
        opened = open_identities(config, identity, passphrase_file)
        case = _find_case(vault, asked, opened)
        asked = _with_saved(asked, case)
        selection = _select(config, vault, asked)
        first = files.first or (case.next_number(files.prefix) if case else 1)
        request = ProductionRequest(
            selection,
            files.output,
            files.format,
            _numbering(files.prefix, files.width, first),
            acting_person(),
            files.at or dependencies.clock(),
            asked.words,
            case,
            rules,
            timedelta(hours=files.slice_hours),
            files.contacts,
            profile,
        )
        with counting("reading archives", quiet=quiet) as watch:
            source = ProductionSource(vault, config, dependencies.clock, dependencies.random_bytes, opened, watch)
            return write_production(source, request)


def _find_case(vault: Vault, asked: Asked, identities: Identities) -> Case | None:
    """Return the case. Raises UsageError where a mark in it could be one that nobody here can read."""
    from strongroom.engine.access.cases import find_whole_case, open_cases

    return find_whole_case(open_cases(vault, identities), asked.case) if asked.case else None


def _with_saved(asked: Asked, case: Case | None) -> Asked:
    """Return the request with the query of the case, or with its matter where nothing else selects."""
    if case is None:
        return asked
    if asked.saved:
        query = saved_query(case, asked.saved)
        return replace(asked, case=case.name, query=query.text, zone=zone_of(query.zone))
    selects = asked.query or asked.archives or asked.matter or asked.start or asked.end
    return replace(asked, case=case.name, matter=asked.matter if selects else case.name)


def _select(config: Config, vault: Vault, asked: Asked) -> Selection:
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.production.selection import select_archives

    if asked.archives and asked.matter:
        raise UsageError("both archives and a matter are given", hint="give either --archives or --matter")
    query = _read_query(config, vault, asked)
    if query is None and not asked.archives and not asked.matter:
        raise UsageError(
            "no records were selected",
            hint="give a query, --archives, --matter, --case, or a period with --from and --to",
        )
    parts = [part for part in asked.archives.split(",") if part.strip()]
    named = {each.id: each for each in (find_archive(vault, part) for part in parts)}
    return select_archives(vault, query, list(named.values()), asked.matter)


def _read_query(config: Config, vault: Vault, asked: Asked) -> Query | None:
    """Return the query with the period, or None where every record is meant."""
    from strongroom.engine.access.search import known_names
    from strongroom.search.query import parse_query
    from strongroom.search.terms import AllOf, Period, Query

    if asked.start and asked.end and asked.end <= asked.start:
        raise UsageError("--to must be later than --from", hint="exchange the two")
    period = (Period(asked.start, asked.end),) if asked.start or asked.end else ()
    names = known_names(vault, (each.name for each in config.streams), (each.name for each in config.sources))
    terms = parse_query(asked.query, asked.zone, names).term.terms if asked.query else ()
    return Query(asked.query, AllOf((*terms, *period))) if terms or period else None


def _say_made(made: FinishedProduction) -> None:
    count = made.count
    say(clean(str(made.path)))
    left = f"; {counted(count.doubles, 'older or equal version')} left out" if count.doubles else ""
    left += f"; {count.withheld} withheld" if count.withheld else ""
    left += f"; {count.redacted} redacted" if count.redacted else ""
    report(f"{counted(count.records, 'record')} out of {counted(made.archives, 'archive')}{left}")
    report(f"Numbers {made.first} to {made.last}. SHA-256 of its production.json, recorded in the log: {made.sha256}")
    if not made.signed:
        report("It is not signed: the agent's signing key cannot be used here.")
    report(click.style("The records in it are not encrypted: anyone who can open it can read them.", fg="yellow"))
    report(f"To check it: strongroom-verify {shlex.quote(clean(str(made.path)))} --key KEY")
