"""`strongroom records` and `strongroom diff`: the records of a period, each once, and two archives record by record."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click
from msgspec.structs import asdict

from strongroom.cli.identities import open_identities
from strongroom.cli.options import (
    PathOption,
    Session,
    asked_stream,
    identity_option,
    instant,
    json_option,
    pass_session,
    passphrase_option,
    period_of,
)
from strongroom.cli.output import TextColumn, hang, put_document, render_table
from strongroom.cli.terminal import (
    clean,
    escape_hidden,
    report,
    require_output,
    say,
    say_lines,
    unwritable,
    width,
    writing,
)
from strongroom.model.archive import Archive, DatasetDifference, Difference
from strongroom.model.errors import ExitCode, UsageError, WorldError
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.model.waiting import described_cause
from strongroom.text.layout import cells
from strongroom.text.times import utc_window
from strongroom.text.units import number, short

if TYPE_CHECKING:
    from strongroom.engine.access.records import RecordFile


@click.command("records")
@click.argument("stream", metavar="STREAM")
@click.option("--from", "start", type=instant, metavar="TIME", required=True, help="The first instant.")
@click.option("--to", "end", type=instant, metavar="TIME", required=True, help="The end; not included.")
@click.option("--dataset", metavar="NAME", default="", help="Only this dataset.")
@click.option(
    "--output",
    metavar="PATH",
    type=PathOption(path_type=Path, dir_okay=False),
    help="Write the records to this new file (mode 0600), as CLEAR TEXT. By default they go to standard output.",
)
@identity_option
@passphrase_option
@pass_session
def records(
    session: Session,
    /,
    stream: str,
    start: datetime,
    end: datetime,
    dataset: str,
    output: Path | None,
    identity: Path | None,
    passphrase_file: Path | None,
) -> int:
    """Write the records of a period as JSON lines, each record once even if several archives have it.

    Each record is the JSON as delivered, in UTF-8 in every locale; a row of a CSV becomes an object whose values are
    texts. A record is left out only if an equal one from another archive was written. If a part of the period is not
    archived, the command says which, and exits with 1.
    """
    from strongroom.engine.access.records import Collected, collect, covering
    from strongroom.engine.access.restore import require_outside
    from strongroom.engine.copies.reading import open_with_copies
    from strongroom.engine.queries.lists import dataset_among

    if output is None:
        require_output()
    config = session.config()
    period = period_of(start, end)
    with open_with_copies(config, report) as vault:
        if output is not None:
            require_outside(vault, output)
        source = covering(vault, asked_stream(config, vault, stream), period)
        dataset = dataset_among(dataset, source.archives)
        opened = open_identities(config, identity, passphrase_file)
        collected = Collected()
        with _sink(output) as sink:
            beginning = cache(_beginning)
            for kind, record in collect(vault, source, period, opened, collected, dataset):
                sink(b"%b%b}\n" % (beginning(kind), record.line))
    doubles = f", {counted(collected.doubles, 'double')} left out" if collected.doubles else ""
    report(f"{counted(collected.records, 'record')} out of {counted(collected.archives, 'archive')}{doubles}")
    return _report_gaps(source)


def _beginning(dataset: str) -> bytes:
    return b'{"dataset": %b, "record": ' % json.dumps(dataset, ensure_ascii=False).encode()


def _report_gaps(source: RecordFile) -> int:
    for gap in source.gaps:
        span = f"{format_instant(gap.window.start)} to {format_instant(gap.window.end)}"
        report(
            f"not archived: {span} is {gap.cover.words}"
            + (f" ({clean(described_cause(gap.cause))})" if gap.cause else "")
        )
    return ExitCode.FINDINGS if source.gaps else ExitCode.OK


def _show(stream: BinaryIO, line: bytes) -> None:
    _write(stream, escape_hidden(line))


def _write(stream: BinaryIO, line: bytes) -> None:
    try:
        stream.write(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error


@contextmanager
def _sink(path: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Give what writes records; a file that was not finished does not stay."""
    if path is None:
        sys.stdout.flush()
        stream = sys.stdout.buffer
        yield partial(_show, stream) if sys.stdout.isatty() else partial(_write, stream)
        with writing():
            stream.flush()
        return
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists and is never overwritten", hint="choose another file with --output") from None
    except OSError as error:
        raise WorldError(f"cannot write {path}: {error.strerror}", hint="choose another place") from error
    try:
        with os.fdopen(fd, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@click.command("diff")
@click.argument("older_id", metavar="OLDER")
@click.argument("newer_id", metavar="[NEWER]", required=False, default="")
@click.option(
    "--limit",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    help="Show at most this many IDs of each kind.",
)
@identity_option
@passphrase_option
@json_option
@pass_session
def diff(
    session: Session,
    /,
    older_id: str,
    newer_id: str,
    limit: int,
    identity: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> int:
    """Compare two archives record by record: what was added, changed or removed from the older to the newer.

    If you name only one archive, it is compared with the previous version of its window, or with the previous copy if
    its stream has no time windows. Needs your identity. Nothing is logged or stored. Exits with 1 if they differ.
    """
    from strongroom.engine.access.compare import compare
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.access.records import archive_before
    from strongroom.engine.copies.reading import open_with_copies
    from strongroom.engine.core.sources import Dependencies

    config = session.config()
    with open_with_copies(config, report) as vault:
        if newer_id:
            older, newer = find_archive(vault, older_id), find_archive(vault, newer_id)
        else:
            newer = find_archive(vault, older_id)
            older = archive_before(vault, newer)
        opened = open_identities(config, identity, passphrase_file)
        difference = compare(vault, older, newer, opened, Dependencies().random_bytes, most=limit)
    if as_json:
        put_document({"alike": difference.alike, **asdict(difference)})
    else:
        _say(older, newer, difference)
    return ExitCode.OK if difference.alike else ExitCode.FINDINGS


def _say(older: Archive, newer: Archive, difference: Difference) -> None:
    titles = ("OLDER", "NEWER", "SAME", "ADDED", "CHANGED", "VANISHED")
    columns = (TextColumn("DATASET", least=8), *(TextColumn(title, right=True) for title in titles))
    say_lines(render_table(columns, [_row(each) for each in difference.datasets], width()))
    for each in difference.datasets:
        _say_examples(each)
    for name in difference.only_older:
        say(f"{clean(name)}: only in the older archive")
    for name in difference.only_newer:
        say(f"{clean(name)}: only in the newer archive")
    for name, archive in (("older", older), ("newer", newer)):
        report(f"{name}: {short(archive.id)}  {archive.stream} {utc_window(archive.spec.window)}")
    report("The records are the same." if difference.alike else "The records differ.")


def _row(each: DatasetDifference) -> tuple[str, ...]:
    counts = (each.older, each.newer, each.same, each.added.count, each.changed.count, each.vanished.count)
    return (each.dataset, *(number(count) for count in counts))


def _say_examples(each: DatasetDifference) -> None:
    for kind, change in (("added", each.added), ("changed", each.changed), ("vanished", each.vanished)):
        if change.ids:
            more = change.count - len(change.ids)
            words = ", ".join(change.ids) + (f" and {number(more)} more" if more else "")
            _say_hanging(f"{each.dataset} {kind}", words)
    if each.fields:
        fields = ", ".join(f"{field.name} ({number(field.records)})" for field in each.fields)
        _say_hanging(f"{each.dataset} fields", f"{fields} in {number(each.fields_compared)} changed records")
    if each.nameless:
        words = f"{counted(each.nameless, 'record')} without an id: a changed one counts as vanished and added"
        _say_hanging(f"{each.dataset} note", words)


def _say_hanging(label: str, words: str) -> None:
    start = f"{clean(label)}: "
    say_lines(hang(start, cells(start), words, width()))
