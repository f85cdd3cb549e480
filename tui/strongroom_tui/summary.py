"""The lines above the tables: which vault, who works in it, what it holds, and what needs a person."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.text import Text

from strongroom.engine.readings import Status
from strongroom_tui.amounts import first_that_fits, local, number, size, span
from strongroom_tui.plain import clip

IDLE = (
    "○ nobody is working in the vault: start with  strongroom run --once",
    "○ nobody at work: strongroom run --once",
    "○ idle: strongroom run --once",
)
_PAUSES = 2  # paused sources that are named; the rest are counted


def summary(path: Path, status: Status | None, trouble: str, read_at: datetime, width: int) -> Text:
    """Return the summary, each line cut to `width` cells. `status` is None before the first reading."""
    lines = [_title(path, read_at, width)]
    if trouble:
        lines.append(Text(clip(f"✗ {trouble}", width), "bold red"))
    if status is None:
        lines.append(Text("" if trouble else "reading the catalogue …"))
    else:
        lines += [_work(status, read_at, width), _holdings(status, width), *_pauses(status, width)]
    return Text("\n").join(lines)


def _title(path: Path, read_at: datetime, width: int) -> Text:
    right = f"as of {local(read_at)}"
    room = width - len(right) - 2
    left = clip(f"Strongroom  {path}", room) if room > 20 else ""
    return Text(clip(f"{left:<{room}}  {right}" if left else f"Strongroom  {path}", width), "bold")


def _work(status: Status, read_at: datetime, width: int) -> Text:
    if not status.worked_on_by:
        return Text(first_that_fits([*IDLE], width), "yellow")
    since = f", last entry {span(read_at - status.last_entry)} ago" if status.last_entry else ""
    return Text(clip(f"● working: {status.worked_on_by}{since}", width), "green")


def _holdings(status: Status, width: int) -> Text:
    held, quarantined = status.archives.get("held"), status.archives.get("quarantined")
    parts = [number(held.count, "archive") if held else "no archives"]
    if held:
        parts += [number(held.records, "record"), f"{size(held.size)} ({size(held.sealed_size)} sealed)"]
    if quarantined:
        parts.append(f"✗ {number(quarantined.count)} in quarantine")
    parts.append(f"{size(status.free_bytes)} free")
    words = " · ".join(parts)
    if len(words) > width and held:
        parts[2] = size(held.size)
        words = " · ".join(parts)
    return Text(clip(words, width))


def _pauses(status: Status, width: int) -> list[Text]:
    paused = [source for source in status.sources if source.paused]
    lines = [f"! {source.name} is paused: {source.paused}" for source in paused[:_PAUSES]]
    if len(paused) > _PAUSES:
        lines.append(f"! {number(len(paused) - _PAUSES, 'more source')} paused: strongroom status")
    return [Text(clip(line, width), "bold yellow") for line in lines]
