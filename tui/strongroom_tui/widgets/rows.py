"""Jobs and archives as rows of cells. Pure: nouns, a moment and columns in, cells of exactly their widths out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from rich.cells import cell_len
from rich.text import Text

from strongroom.engine.core.moments import Moment
from strongroom.engine.destruction.propose import DestructionPlan
from strongroom.engine.queries.change_preview import Schedule
from strongroom.engine.retention.verdicts import Judged
from strongroom.model.archive import Archive
from strongroom.model.destruction import Stage
from strongroom.model.hold import Hold
from strongroom.model.job import Job
from strongroom.model.retention import Fate, Verdict
from strongroom.text.events import facts_words
from strongroom_tui.screens.retention_text import FATES, STAGES, rule_words
from strongroom_tui.widgets.amounts import brief, local, local_minute, number, size, span, window_words
from strongroom_tui.widgets.columns import Columns, TableColumn
from strongroom_tui.widgets.icons import STATES, plan_mark, soundness
from strongroom_tui.widgets.progress import ProgressContext, doing
from strongroom_tui.widgets.text import clip

SHORT = 8  # characters of an id, its end: they differ even between ids of one second


class TableRow(Struct, frozen=True):
    """One row of a table. `key` names what it shows, from one reading to the next."""

    key: str
    cells: tuple[Text, ...]


def job_row(job: Job, scene: ProgressContext, columns: Columns) -> TableRow:
    """Return the row of one job."""
    widths = {column.name: column.width for column in columns}
    cells = {
        "state": STATES[job.state].text(widths["state"]),
        "stream": Text(job.stream),
        "window": Text(window_words(job.spec.window, widths.get("window", 0))),
        "doing": Text(doing(job, scene, widths.get("doing", 0))),
    }
    return TableRow(job.id, _in_order(cells, columns))


def archive_row(archive: Archive, columns: Columns, *, held: bool = False, stream: str = "") -> TableRow:
    """Return the row of one archive; `stream` is the present name of its stream, where that was renamed.

    One on hold is marked in words, or by the symbol where there is no column.
    """
    widths = {column.name: column.width for column in columns}
    later = archive.verified_at - archive.durable_at
    hold = FATES[Fate.HELD]
    beside = held and "held" not in widths
    found = soundness(archive).text(widths["found"] - 2 * beside)
    cells = {
        "found": found.append(f" {hold.symbol}", hold.style) if beside else found,
        "held": Text(f"{hold.symbol} hold", hold.style) if held else Text(),
        "id": Text(f"…{archive.id[-SHORT:]}"),
        "stream": Text(stream or archive.stream),
        "window": Text(window_words(archive.spec.window, widths.get("window", 0))),
        "records": Text(number(archive.inspection.records)),
        "size": Text(size(archive.seal.size)),
        "durable": Text(local(archive.durable_at)),
        "durable_short": Text(local_minute(archive.durable_at)),
        "verified": Text(f"+{span(later)}"),
        "verified_short": Text(f"+{brief(later)}"),
    }
    return TableRow(archive.id, _in_order(cells, columns))


def verdict_row(judged: Judged, columns: Columns) -> TableRow:
    """Return the row of one archive's verdict."""
    widths = {column.name: column.width for column in columns}
    record, verdict = judged.record, judged.verdict
    cells = {
        "fate": FATES[verdict.fate].text(widths["fate"]),
        "until": Text(_until(verdict)),
        "stream": Text(record.stream),
        "window": Text(window_words(record.window, widths.get("window", 0))),
        "why": Text(_beside_its_date(verdict)),
    }
    return TableRow(record.id, _in_order(cells, columns))


def _until(verdict: Verdict) -> str:
    if verdict.fate is Fate.HELD:
        return "no end date"
    return f"{verdict.until:%Y-%m-%d}" if verdict.until else "no rule"


def _beside_its_date(verdict: Verdict) -> str:
    """Return why, without the date that stands in the column before."""
    date, comma, rule = verdict.reason.partition(", ")
    return rule if comma and verdict.until and date.endswith(f"{verdict.until:%Y-%m-%d}") else verdict.reason


def hold_row(hold: Hold, columns: Columns) -> TableRow:
    """Return the row of one hold."""
    cells = {
        "stands": Text("■ active" if hold.stands else "← released", "cyan" if hold.stands else ""),
        "matter": Text(hold.matter),
        "keeps": Text(rule_words(hold.rule)),
        "placed": Text(f"{hold.placed_at:%Y-%m-%d}"),
        "by": Text(hold.placed_by),
    }
    return TableRow(hold.id, _in_order(cells, columns))


def plan_row(plan: DestructionPlan, columns: Columns) -> TableRow:
    """Return the row of one plan of destruction: where most of it stands."""
    stages = Counter(each.stage for each in plan.items)
    mark = STAGES[stages.most_common(1)[0][0]] if stages else STAGES[Stage.WITHDRAWN]
    cells = {
        "stage": mark.text(12),
        "count": Text(number(len(plan.items))),
        "at": Text(f"{plan.proposal.at:%Y-%m-%d}"),
        "by": Text(plan.proposal.by.name),
        "why": Text(plan.proposal.reason),
    }
    return TableRow(plan.proposal.id, _in_order(cells, columns))


def moment_row(moment: Moment, columns: Columns) -> TableRow:
    """Return the row of one entry of the log."""
    facts = facts_words(moment.facts)
    subject = moment.archive or moment.job
    cells = {
        "seq": Text(number(moment.seq)),
        "at": Text(local(moment.at)),
        "at_short": Text(local_minute(moment.at)),
        "kind": Text(moment.kind),
        "subject": Text(f"…{subject[-12:]}" if subject else ""),
        "facts": Text(facts),
    }
    return TableRow(str(moment.seq), _in_order(cells, columns))


def schedule_row(schedule: Schedule, now: datetime, columns: Columns, asked: str = "") -> TableRow:
    """Return the row of one plan; `asked` says what was asked of it and waits, in place of its next window."""
    widths = {column.name: column.width for column in columns}
    plan, outlook = schedule.plan, schedule.outlook
    wait = schedule.next_at - now
    mark = plan_mark(schedule)
    when = "" if schedule.paused else f"in {span(wait)}" if wait.total_seconds() > 0 else "now"
    told = bool(asked) and "at" not in widths  # where there is no room for when, its mark says it
    cells = {
        "plan": Text(f"{asked[:1]} asked", "yellow") if told else mark.text(widths["plan"]),
        "stream": Text(plan.stream.name),
        "every": Text(plan.span),
        "next": Text(window_words(schedule.next, widths.get("next", 0))),
        "at": Text(asked, "yellow") if asked else Text(when),
        "due": Text("…" if outlook is None else number(schedule.outstanding)),
        "by": Text(local_minute(outlook.done_by) if outlook is not None and outlook.exports else ""),
        "class": Text(plan.retention),
    }
    return TableRow(plan.stream.name, _in_order(cells, columns))


def _in_order(cells: Mapping[str, Text], columns: Columns) -> tuple[Text, ...]:
    return tuple(_fitted(cells[column.name], column) for column in columns)


def _fitted(cell: Text, column: TableColumn) -> Text:
    words = clip(cell.plain, column.width)
    gap = " " * (column.width - cell_len(words)) if column.right else ""
    return Text(gap + words, cell.style, no_wrap=True)
