"""What a command prints: JSON for programs, tables and fields for people, held back with --quiet.

Everything outside ASCII is escaped in JSON. In a table the columns that may shrink do so; the others never do.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import NamedTuple, TextIO

import click

from strongroom.cli.terminal import clean, report, say
from strongroom.model.errors import ExitCode, StrongroomError, VaultError
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.text.layout import cells, clip

Document = Mapping[str, object]
"""Plain values, and structs whose fields are the public names."""

PRINTED: ContextVar[bool] = ContextVar("printed", default=False)
"""Whether this command has printed JSON already: an error after that adds no second document."""


def put_document(document: Document) -> None:
    """Print one document."""
    import json  # here and below: only what a command needs is imported

    PRINTED.set(True)
    say(json.dumps(document, indent=2, default=_plain))


def put_line(document: Document) -> None:
    """Print one document of a stream on a line of its own."""
    import json

    PRINTED.set(True)
    say(json.dumps(document, default=_plain))


def _plain(value: object) -> object:
    from msgspec import Struct
    from msgspec.structs import asdict

    if isinstance(value, Struct):
        return asdict(value)
    if isinstance(value, datetime):
        return format_instant(value)
    return str(value)


GAP = "  "
LABEL = 14
_AMOUNT = r"(?<=\d) (?=(?:[KMGTP]?B|min|[shd])\b)"
_JOINED = "\ue000"  # never in clean text: keeps a number and its unit on one line


class TextColumn(NamedTuple):
    """One column. `least` is how narrow it may become; 0 means that its content is always shown whole."""

    title: str
    right: bool = False
    least: int = 0


def render_table(columns: Sequence[TextColumn], rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table at most `width` columns wide, as far as the columns allow it."""
    body = [[clean(text) for text in row] for row in rows]
    widths = _widths(columns, body, width)
    head = click.style(_line(columns, [column.title for column in columns], widths), bold=True)
    return [head, *(_line(columns, row, widths) for row in body)]


def _widths(columns: Sequence[TextColumn], body: list[list[str]], width: int) -> list[int]:
    widths = [max([cells(column.title), *(cells(row[place]) for row in body)]) for place, column in enumerate(columns)]
    over = sum(widths) + len(GAP) * (len(columns) - 1) - width
    while over > 0:
        room = [widths[place] - max(column.least, 1) if column.least else 0 for place, column in enumerate(columns)]
        widest = max(range(len(columns)), key=lambda place: (room[place] > 0, widths[place] if room[place] > 0 else 0))
        if room[widest] <= 0:
            break
        widths[widest] -= 1
        over -= 1
    return widths


def _line(columns: Sequence[TextColumn], texts: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, text, width in zip(columns, texts, widths, strict=True):
        shown = clip(text, width)
        space = " " * (width - cells(shown))
        parts.append(space + shown if column.right else shown + space)
    return GAP.join(parts).rstrip()


def render_fields(fields: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Return `label  value` lines. A long value continues under its beginning; an empty one is left out."""
    lines = []
    for label, value in fields:
        if value:
            lines += hang(click.style(f"{label:<{LABEL}}", bold=True), LABEL, value, width)
    return lines


def hang(start: str, start_cells: int, text: str, width: int) -> list[str]:
    """Return text after a start that is `start_cells` wide, wrapped beside it.

    A word that is wider than the room, such as a path, stays whole, so that it can be copied.
    """
    import textwrap

    indent = " " * start_cells
    room = max(20, width - start_cells)
    bound = re.sub(_AMOUNT, _JOINED, clean(text))
    pieces = textwrap.wrap(bound, room, break_on_hyphens=False, break_long_words=False) or [""]
    first, *more = (piece.replace(_JOINED, " ") for piece in pieces)
    return [start + first, *(indent + piece for piece in more)]


def report_total(shown: int, total: int, noun: str) -> None:
    """Report on standard error how long a list is and, where it was cut at its limit, how to see more."""
    if shown < total:
        report(f"{shown:,} of {counted(total, noun)} shown; for more: --limit N")
    elif total:
        report(counted(total, noun))


LEFT_OUT: ContextVar[dict[str, StrongroomError] | None] = ContextVar("left_out", default=None)
"""What this command has left out so far, by the words that name it."""

MOST = 10
"""Rows that are named; of more only the count is given."""


@contextmanager
def past_unreadable() -> Iterator[None]:
    """Let lists show what can be read; the rest is reported when the command ends. Never for what decides anything."""
    from strongroom.engine.queries.lists import leaving_out

    with leaving_out() as found:
        yield
    so_far = LEFT_OUT.get()
    if so_far is not None:
        so_far.update(found)


def left_out_words(found: dict[str, StrongroomError]) -> VaultError:
    """Return the error that names what was left out."""
    named = list(found)[:MOST]
    more = [f"and {len(found) - MOST} more such rows"] if len(found) > MOST else []
    return VaultError("\n".join([*named, *more]), hint=next(iter(found.values())).hint)


NOTHING_WRONG = (ExitCode.OK, ExitCode.WAITING)
"""Exit codes of a command that did its part: the next run takes what waits for a provider's quota."""

_IN_MEMORY = 1 << 20  # bytes; a longer output is kept on disk


class _Withheld:
    """Standard output and error of one command, until its exit code is known."""

    def __init__(self) -> None:
        self._streams = sys.stdout, sys.stderr
        self._withheld = _spool(), _spool()
        sys.stdout, sys.stderr = self._withheld

    def end(self, *, show: bool) -> None:
        """Give the streams back, and show what was written to them."""
        from shutil import copyfileobj

        sys.stdout, sys.stderr = self._streams
        for withheld, stream in zip(self._withheld, self._streams, strict=True):
            if show:
                withheld.seek(0)
                copyfileobj(withheld, stream)
                stream.flush()
            withheld.close()


def _spool() -> TextIO:
    from tempfile import SpooledTemporaryFile

    spool = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `end`
    return io.TextIOWrapper(spool, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)


_WITHHELD: ContextVar[_Withheld | None] = ContextVar("withheld", default=None)


def _hold(_ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and _WITHHELD.get() is None:
        _WITHHELD.set(_Withheld())


quiet_option = click.option(
    *("--quiet", "-q"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_hold,
    help="Print nothing unless something is wrong, as for cron.",
)


@contextmanager
def holding_back() -> Iterator[Callable[[int], None]]:
    """Let a command be quiet; call what is yielded with its exit code. Without a call everything is shown."""
    token = _WITHHELD.set(None)
    code: list[int] = []
    try:
        yield code.append
    finally:
        withheld = _WITHHELD.get()
        _WITHHELD.reset(token)
        if withheld is not None:
            withheld.end(show=not code or code[0] not in NOTHING_WRONG)
