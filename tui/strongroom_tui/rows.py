"""Jobs and archives as rows of cells. Pure: nouns, a moment and columns in, cells of exactly their widths out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from strongroom.model.archive import Archive
from strongroom.model.job import Job
from strongroom_tui.amounts import brief, local, local_minute, number, size, span, window_words
from strongroom_tui.columns import Column, Columns
from strongroom_tui.marks import STATES, soundness
from strongroom_tui.plain import clip
from strongroom_tui.progress import Scene, doing


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table. `key` names what it shows, from one reading to the next."""

    key: str
    cells: tuple[Text, ...]


def job_row(job: Job, scene: Scene, columns: Columns) -> Row:
    """Return the row of one job."""
    widths = {column.name: column.width for column in columns}
    cells = {
        "state": STATES[job.state].text(widths["state"]),
        "stream": Text(job.stream),
        "window": Text(window_words(job.spec.window, widths.get("window", 0))),
        "doing": Text(doing(job, scene, widths["doing"])),
    }
    return Row(job.id, _in_order(cells, columns))


def archive_row(archive: Archive, columns: Columns) -> Row:
    """Return the row of one archive."""
    widths = {column.name: column.width for column in columns}
    later = archive.verified_at - archive.durable_at
    cells = {
        "found": soundness(archive).text(widths["found"]),
        "stream": Text(archive.stream),
        "window": Text(window_words(archive.spec.window, widths.get("window", 0))),
        "records": Text(number(archive.inspection.records)),
        "size": Text(size(archive.seal.size)),
        "durable": Text(local(archive.durable_at)),
        "durable_short": Text(local_minute(archive.durable_at)),
        "verified": Text(f"+{span(later)}"),
        "verified_short": Text(f"+{brief(later)}"),
    }
    return Row(archive.id, _in_order(cells, columns))


def _in_order(cells: Mapping[str, Text], columns: Columns) -> tuple[Text, ...]:
    return tuple(_fitted(cells[column.name], column) for column in columns)


def _fitted(cell: Text, column: Column) -> Text:
    words = clip(cell.plain, column.width)
    gap = " " * (column.width - cell_len(words)) if column.right else ""
    return Text(gap + words, cell.style, no_wrap=True)
