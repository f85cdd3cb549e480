"""`strongroom records`: the records of a stream over a period, each once, for the person who holds the identity."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session, identity_option, instant, pass_session, passphrase_option
from strongroom.cli.renames import asked_stream
from strongroom.cli.terminal import clean, escape_hidden, require_output, tell, unwritable, writing
from strongroom.model.errors import ExitCode, UsageError, WorldError
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.model.waiting import told_code
from strongroom.model.window import Window

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
    type=click.Path(path_type=Path, dir_okay=False),
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

    Each record is the JSON that was delivered, as UTF-8 in every locale; a row of a CSV becomes an object of texts. A
    record is left out only if an equal one from another archive was written. If a part of the period is not archived,
    the command says which, and exits with 1.
    """
    from strongroom.engine.access.records import Collected, collect, covering
    from strongroom.engine.access.restore import require_outside
    from strongroom.engine.core.sources import open_reading
    from strongroom.engine.queries.lists import dataset_among

    if output is None:
        require_output()
    config = session.config()
    period = _period(start, end)
    with open_reading(config) as vault:
        if output is not None:
            require_outside(vault, output)
        source = covering(vault, asked_stream(config, vault, stream), period)
        dataset = dataset_among(dataset, source.archives)
        opened = open_identities(config, identity, passphrase_file)
        collected = Collected()
        with _sink(output) as sink:
            for kind, record in collect(vault, source, period, opened, collected, dataset):
                sink(b'{"dataset": %b, "record": %b}\n' % (json.dumps(kind, ensure_ascii=False).encode(), record.line))
    doubles = f", {counted(collected.doubles, 'double')} left out" if collected.doubles else ""
    tell(f"{counted(collected.records, 'record')} out of {counted(collected.archives, 'archive')}{doubles}")
    return _tell_gaps(source)


def _period(start: datetime, end: datetime) -> Window:
    if end <= start:
        raise click.BadParameter("--to must be later than --from")
    return Window(start, end)


def _tell_gaps(source: RecordFile) -> int:
    for gap in source.gaps:
        span = f"{format_instant(gap.window.start)} to {format_instant(gap.window.end)}"
        tell(f"not archived: {span} is {gap.cover.words}" + (f" ({clean(told_code(gap.cause))})" if gap.cause else ""))
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
