"""`strongroom production`: records in the files of another program, numbered, with what proves where they come from."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from msgspec import Struct
from msgspec.structs import asdict

from strongroom.cli.identities import open_identities
from strongroom.cli.options import (
    LARGEST,
    OneOf,
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
    from strongroom.engine.production.production import FinishedProduction
    from strongroom.engine.production.selection import Selection
    from strongroom.engine.queries.lists import Vault
    from strongroom.search.terms import Query


class Asked(Struct, frozen=True):
    """Which records to produce."""

    query: str
    archives: str
    matter: str
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
            "from": format_instant(self.start) if self.start else "",
            "to": format_instant(self.end) if self.end else "",
        }
        return {name: word for name, word in known.items() if word}


@click.command("production")
@click.argument("words", metavar="[QUERY]...", nargs=-1)
@click.option("--archives", metavar="ID,ID", default="", help="Only these archives, separated by commas.")
@click.option("--matter", metavar="NAME", default="", help="Only archives under the holds of this matter.")
@click.option("--from", "start", type=instant, metavar="TIME", help="Only records of this time or later.")
@click.option("--to", "end", type=instant, metavar="TIME", help="Only records before this time.")
@click.option("--time-zone", default="UTC", show_default=True, metavar="NAME", help="The zone of dates in the query.")
@click.option(
    "--format",
    "kind",
    type=OneOf([each.value for each in ProductionFormat]),
    default="jsonl",
    show_default=True,
    help="The kind of files.",
)
@click.option(
    "--output",
    metavar="PATH",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to create, or a ZIP if it ends in .zip. It holds the records as CLEAR TEXT.",
)
@click.option("--prefix", default="P", show_default=True, metavar="TEXT", help="What each number begins with.")
@click.option("--width", type=click.IntRange(1, WIDEST), default=7, show_default=True, help="Digits of a number.")
@click.option("--start", "first", type=click.IntRange(1, LARGEST), default=1, show_default=True, help="First number.")
@click.option("--at", type=instant, metavar="TIME", help="The time that the production states; by default now.")
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
    start: datetime | None,
    end: datetime | None,
    time_zone: str,
    kind: str,
    output: Path,
    prefix: str,
    width: int,
    first: int,
    at: datetime | None,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Produce records as numbered files for another program, each record once, with digests, proofs and a verifier.

    QUERY is that of `strongroom search`; with - it is read from standard input. Formats: jsonl, one record a line;
    dat, a load file for Relativity and other review platforms, with natives and extracted text; csv, the same as a
    table in which no value can run as a formula; rsmf, messages as chats, one file for each conversation and day.

    Your identity opens the archives in this process. If one cannot be read, nothing is produced. The same request with
    the same --at makes the same bytes. The log records who produced how many records.
    """
    asked = Asked(_query(words), archives, matter, start, end, zone_of(time_zone))
    numbering = _numbering(prefix, width, first)
    made = _make(
        session, asked, ProductionFormat(kind), numbering, output.absolute(), at, identity, passphrase_file, as_json
    )
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
        raise UsageError(f"these are no numbers: {error}", hint="see --prefix, --width and --start") from None


def _make(
    session: Session,
    asked: Asked,
    kind: ProductionFormat,
    numbering: Numbering,
    output: Path,
    at: datetime | None,
    identity: Path | None,
    passphrase_file: Path | None,
    quiet: bool,
) -> FinishedProduction:
    from strongroom.engine.copies.reading import open_with_copies
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.production.production import ProductionRequest, ProductionSource, write_production

    config, dependencies = session.config(), Dependencies()
    with open_with_copies(config, report) as vault:
        selection = _select(config, vault, asked)
        opened = open_identities(config, identity, passphrase_file)
        with counting("reading archives", quiet=quiet) as watch:
            source = ProductionSource(vault, config, dependencies.clock, dependencies.random_bytes, opened, watch)
            moment = at or dependencies.clock()
            request = ProductionRequest(selection, output, kind, numbering, acting_person(), moment, asked.words)
            return write_production(source, request)


def _select(config: Config, vault: Vault, asked: Asked) -> Selection:
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.production.selection import select_archives

    if asked.archives and asked.matter:
        raise UsageError("both archives and a matter are given", hint="give either --archives or --matter")
    query = _read_query(config, vault, asked)
    if query is None and not asked.archives and not asked.matter:
        raise UsageError(
            "it is not said which records to produce",
            hint="give a query, --archives, --matter, or a period with --from and --to",
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
    report(f"{counted(count.records, 'record')} out of {counted(made.archives, 'archive')}{left}")
    report(f"Numbers {made.first} to {made.last}. SHA-256 of its production.json, recorded in the log: {made.sha256}")
    if not made.signed:
        report("It is not signed: the agent's signing key cannot be used here.")
    report(click.style("The records in it are in the clear: anyone who reads it reads them.", fg="yellow"))
    report("To check it: strongroom-verify PATH --key KEY")
