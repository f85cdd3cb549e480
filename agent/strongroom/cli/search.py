"""`strongroom search`: find records over the whole vault, for the person who has the identity."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from strongroom.cli import terminal
from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session, identity_option, json_option, pass_session, passphrase_option, zone_of
from strongroom.cli.output import TextColumn, put_document, put_line, render_table
from strongroom.cli.terminal import clean, counting, report, say, say_exactly, width
from strongroom.model.errors import ExitCode
from strongroom.search.entry import texts_in
from strongroom.text.layout import bar
from strongroom.text.units import number, short

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.access.hits import Found
    from strongroom.engine.access.search import SearchProgress
    from strongroom.engine.core.identities import Identities
    from strongroom.search.entry import OwnFields
    from strongroom.search.terms import Query

GROUPS = ("stream", "day", "party", "dataset", "status")


class Shown(Struct, frozen=True):
    """How the result is printed."""

    zone: ZoneInfo
    limit: int
    by: str
    count: bool
    full: bool
    as_json: bool


@click.command("search")
@click.argument("words", metavar="[QUERY]...", nargs=-1)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most this many.")
@click.option("--count", is_flag=True, help="Print only how many records match.")
@click.option("--by", type=click.Choice(GROUPS), default=None, help="Count the records by stream, day and so on.")
@click.option("--full", is_flag=True, help="Print whole records as JSON lines, as CLEAR TEXT.")
@click.option(
    "--time-zone", default="UTC", show_default=True, metavar="NAME", help="The time zone of dates in the query."
)
@identity_option
@passphrase_option
@json_option
@pass_session
def search(
    session: Session,
    /,
    words: tuple[str, ...],
    limit: int,
    count: bool,
    by: str | None,
    full: bool,
    time_zone: str,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Find records in all archives.

    A word or "phrase" is found anywhere in a record. from:, to: and party: compare telephone numbers by their digits;
    stream:, source:, dataset:, channel:, status: and id: compare whole values; after:, before: and on: take 2026,
    2026-03, 2026-03-31 or a time; regex: takes a regular expression. -TERM excludes, OR combines, parentheses group.

    If you give no query, it is read from standard input, so that it appears in no list of processes. The command needs
    your identity, and stores nothing unencrypted. The log records who searched, and a digest of the query, or the
    query itself with log_queries = true. Exits with 1 if an archive cannot be read.
    """
    shown = Shown(zone_of(time_zone), limit, by or "", count, full, as_json)
    text = " ".join(words) or _typed()
    result = run_search(session, text, shown, lambda config: open_identities(config, identity, passphrase_file))
    return print_result(result, shown)


def _typed() -> str:
    if terminal.can_ask():
        text: str = click.prompt("Search for", err=True, default="", show_default=False)
        return text
    return sys.stdin.readline().rstrip("\n") if sys.stdin is not None else ""


class SearchResult(Struct, frozen=True):
    """What a search found: how many records, and those that are printed."""

    hits: int
    found: Sequence[Found]
    query: Query
    progress: SearchProgress
    fields: OwnFields  # of providers that manifests describe


def run_search(session: Session, text: str, shown: Shown, identify: Callable[[Config], Identities]) -> SearchResult:
    """Search and log that; `identify` returns the identities once the query is known to be one."""
    from strongroom.engine.access.hits import gather
    from strongroom.engine.access.search import (
        SearchProgress,
        choose_archives,
        described_fields,
        known_names,
        note_search,
        open_found,
    )
    from strongroom.engine.access.search import search as look
    from strongroom.engine.copies.reading import open_with_copies
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import Dependencies, system_clock
    from strongroom.search.query import parse_query

    config = session.config()
    with open_with_copies(config, report) as vault:
        names = known_names(vault, (each.name for each in config.streams), (each.name for each in config.sources))
        query = parse_query(text, shown.zone, names)
        archives = choose_archives(vault, query)
        opened = identify(config)
        progress, hits = SearchProgress(archives=len(archives)), []
        fields = described_fields(config.manifests)
        try:
            with counting("searching archives", quiet=shown.as_json) as watch:
                for hit in look(vault, archives, query, opened, progress, fields):
                    hits.append(hit)
                    watch(progress.done, progress.archives)
        except KeyboardInterrupt:
            progress.stopped = True
        found = gather(hits)
        count = len(found)
        if not shown.count and not shown.by:
            found = open_found(vault, found[: shown.limit], opened, progress)
        if not vault.read_only:
            random_bytes = Dependencies().random_bytes
            person, clear = acting_person(), config.vault.log_queries
            note_search(vault, query, progress, count, person, system_clock(), random_bytes, clear=clear)
    return SearchResult(count, found, query, progress, fields)


def print_result(result: SearchResult, shown: Shown) -> int:
    """Print what was found, and what could not be searched; return the exit code."""
    _print(result, shown)
    return _report(result, shown)


def _print(result: SearchResult, shown: Shown) -> None:
    found = result.found
    if shown.count:
        put_document({"hits": result.hits}) if shown.as_json else say(number(result.hits))
    elif shown.by:
        _print_groups(found, shown)
    else:
        for each in found:
            if shown.as_json:
                put_line(_document(each))
            elif shown.full:
                say_exactly(each.hit.line + b"\n")
            else:
                _print_hit(each, result, shown)


def _print_hit(found: Found, result: SearchResult, shown: Shown) -> None:
    from strongroom.search.snippet import make_snippet

    entry, archive = found.hit.entry, found.hit.archive
    at = f"{entry.at.astimezone(shown.zone):%Y-%m-%d %H:%M:%S}" if entry.at else "no time"
    say(click.style(clean(f"{at}  {_parties(found, result.fields)}"), bold=True) + clean(f"  {entry.status}").rstrip())
    part = make_snippet(texts_in(json.loads(found.hit.line)), result.query.words, 2 * width() - 20)
    say(f"    {clean(part.before)}{click.style(clean(part.hit), reverse=True)}{clean(part.after)}")
    versions = f", {found.versions} versions" if found.versions > 1 else ""
    say(f"    {clean(archive.stream)}  archive {short(archive.id)}  record {clean(entry.id) or '-'}{versions}")


def _parties(found: Found, fields: OwnFields) -> str:
    """Return from whom to whom the record is, or whom it is about, as it was delivered."""
    from strongroom.engine.access.hits import delivered_parties

    senders, recipients, others = (", ".join(names) for names in delivered_parties(found.hit, fields))
    return " → ".join(end for end in (senders, recipients) if end) or others or found.hit.dataset


def _print_groups(found: Sequence[Found], shown: Shown) -> None:
    counts = Counter(name for each in found for name in _names(each, shown))
    rows = sorted(counts.items()) if shown.by == "day" else counts.most_common()
    if shown.as_json:
        put_document({"hits": len(found), "by": shown.by, "counts": dict(rows)})
        return
    most = max(counts.values(), default=1)
    columns = (TextColumn(shown.by.upper(), least=8), TextColumn("RECORDS", right=True), TextColumn("", least=1))
    lines = [(name or "-", number(count), bar(count / most, 24)) for name, count in rows[: shown.limit]]
    for line in render_table(columns, lines, width()):
        say(line)
    if len(rows) > shown.limit:
        report(f"{shown.limit} of {number(len(rows))}; for more: --limit {len(rows)}")


def _names(found: Found, shown: Shown) -> Iterable[str]:
    from strongroom.search.entry import party_key

    entry = found.hit.entry
    match shown.by:
        case "day":
            return (f"{entry.at.astimezone(shown.zone):%Y-%m-%d}" if entry.at else "no time",)
        case "party":
            return {party_key(each) for each in entry.everyone} or ("-",)
        case "stream":
            return (entry.stream,)
        case "dataset":
            return (entry.dataset,)
        case _:
            return (entry.status,)


def _document(found: Found) -> dict[str, object]:
    entry, hit = found.hit.entry, found.hit
    return {
        "at": entry.at,
        "stream": hit.archive.stream,
        "source": hit.archive.source,
        "dataset": entry.dataset,
        "id": entry.id,
        "senders": list(entry.senders),
        "recipients": list(entry.recipients),
        "parties": list(entry.parties),
        "channel": entry.channel,
        "status": entry.status,
        "archive": hit.archive.id,
        "archives": list(found.archives),
        "versions": found.versions,
        "record": hit.line.decode("utf-8", "replace"),
    }


def _report(result: SearchResult, shown: Shown) -> int:
    progress = result.progress
    for archive, why in progress.unread.items():
        report(f"archive {archive} could not be read: {clean(why)}; next: strongroom verify {short(archive)}")
    for archive, why in progress.unusable.items():
        report(f"the search segment of archive {archive} cannot be used: {clean(why)}. The archive was read instead")
    if not shown.as_json:
        cut = f"{shown.limit} of " if not shown.count and not shown.by and result.hits > shown.limit else ""
        whole = number(progress.done, "archive")
        searched = f"{progress.done} of {number(progress.archives, 'archive')} before it was stopped"
        within = searched if progress.stopped else whole
        report(f"{cut}{number(result.hits, 'hit')}; searched {number(progress.records, 'record')} in {within}")
        if progress.read:
            without = number(progress.read, "archive")
            report(f"{without} had no usable search segment; to create missing ones: strongroom index build")
    if progress.stopped:
        return ExitCode.INTERRUPTED
    return ExitCode.FINDINGS if progress.unread or progress.unusable else ExitCode.OK
