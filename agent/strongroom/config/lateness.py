"""A stream that waits longer than its provider keeps records loses every window, however well everything else works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from strongroom.config.problem import describe
from strongroom.config.reader import TableReader
from strongroom.config.schema import SourceSettings, StreamSettings
from strongroom.model.horizon import asked_after
from strongroom.model.provider import KEPT, SNAPSHOTS

_DAY = timedelta(days=1)


def refuse_late(
    sources: Sequence[SourceSettings], streams: Sequence[StreamSettings], tables: Sequence[TableReader]
) -> None:
    """Refuse a settle delay or a second pass that is over only when the provider has destroyed the records.

    Where neither the configuration nor the provider's documents say how long they are kept, the account is asked later.
    """
    known = {source.name: source for source in sources}
    for stream, table in zip(streams, tables, strict=True):
        source = known.get(stream.source)
        kept = _kept(source, stream) if source is not None else None
        if kept is not None:
            _judge(stream, table, kept)


def _kept(source: SourceSettings, stream: StreamSettings) -> timedelta | None:
    copies = SNAPSHOTS.get(source.provider)
    if copies is not None and (stream.filters or copies & set(stream.datasets)):  # filters may take the window's place
        return None  # a copy of what there is now comes too late for nothing
    return source.retention_days * _DAY if source.retention_days else KEPT.get(source.provider)


def _judge(stream: StreamSettings, table: TableReader, kept: timedelta) -> None:
    bound = f"is shorter than the {kept // _DAY} days that the provider keeps records"
    if asked_after(stream.window, stream.settle) >= kept:
        key, noun, other = ("settle", "delay", f"the window of a {stream.window}")
        if table.raw("settle") is None:
            key, noun, other = "window", "window", "its settle delay"
        got = describe(table.raw(key) or stream.window.value)
        table.refuse(
            key, f"a {noun} that with {other} {bound}", got, "else every window is lost before it is asked for"
        )
    elif stream.settled_pass is not None and asked_after(stream.window, stream.settled_pass) >= kept:
        expected = f"a delay that with the window of a {stream.window} {bound}"
        table.refuse("settled_pass", expected, describe(table.raw("settled_pass")), "else it is never done")
