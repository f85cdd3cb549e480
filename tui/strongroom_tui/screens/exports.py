"""What a list shows, as a file or on the clipboard: exact values in UTC, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from strongroom.engine.access.fixity import Watch
from strongroom.engine.core.moments import Moment
from strongroom.engine.destruction.propose import DestructionPlan
from strongroom.engine.queries.change_preview import Schedule
from strongroom.engine.queries.lists import Vault
from strongroom.engine.retention.verdicts import Judged
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.hold import Hold
from strongroom.model.job import Job
from strongroom.model.text import clean
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.text.events import facts_words
from strongroom.text.sentences import hold_scope
from strongroom.text.units import number, size
from strongroom_tui.dialogs.background_work import work_on
from strongroom_tui.dialogs.dialog import AskLine, Choose
from strongroom_tui.dialogs.form import start_folder, typed_path
from strongroom_tui.reader import Question, VaultSession
from strongroom_tui.screens.pages import Page
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask

MOST = 10_000
"""Rows that are exported at once."""

CLIPBOARD = 50_000
"""Characters that terminals take for their clipboard (OSC 52); many refuse more than 74,994 after base64."""

_RISKY = ("=", "+", "-", "@", "\t", "\r")  # what begins a formula in a spreadsheet (OWASP, CSV injection)

Facts = Mapping[str, str | int | bool | None]
Noun = TypeVar("Noun")


def facts_of(noun: object) -> Facts:
    """Return one row of any list as names and exact values. Raises UsageError for what no list shows."""
    for kind, facts in _FACTS.items():
        if isinstance(noun, kind):
            return facts(noun)
    raise UsageError(f"a {type(noun).__name__} cannot be exported")


def as_csv(rows: Sequence[Facts]) -> str:
    """Write rows as CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _defused(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def as_json(rows: Sequence[Facts]) -> str:
    """Write rows as a JSON array."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1) + "\n"


def _defused(value: object) -> object:
    if not isinstance(value, str):
        return value
    words = clean(value)  # what is copied is pasted into terminals
    return f"'{words}" if value.startswith(_RISKY) or words.startswith(_RISKY) else words


def _at(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant is not None else None


def _window(window: Window) -> dict[str, str | None]:
    return {"window_start": _at(window.start), "window_end": _at(window.end)}


def _archive(each: Archive) -> Facts:
    amounts: Facts = {
        "records": each.inspection.records,
        "bytes": each.seal.size,
        "sealed_bytes": each.seal.sealed_size,
    }
    times: Facts = {"stored_at": _at(each.durable_at), "verified_at": _at(each.verified_at)}
    named: Facts = {"archive": each.id, "stream": each.stream, "source": each.source, "state": each.holding.words}
    proof: Facts = {"retention": each.retention, "job": each.job, "sealed_sha256": each.seal.sealed_sha256}
    return {**named, **_window(each.spec.window), **amounts, **times, **proof}


def _job(each: Job) -> Facts:
    named: Facts = {"job": each.id, "stream": each.stream, "source": each.source, "state": each.state.value}
    times: Facts = {"created_at": _at(each.created_at), "changed_at": _at(each.changed_at)}
    more: Facts = {"purpose": each.purpose, "cause": each.cause.value, "detail": each.detail, "bytes": each.size}
    return {**named, **_window(each.spec.window), **times, **more, "archive": each.archive}


def _schedule(each: Schedule) -> Facts:
    plan = each.plan
    named: Facts = {"stream": plan.stream.name, "source": plan.stream.source, "every": str(plan.span)}
    next_one = {f"next_{name}": value for name, value in _window(each.next).items()}
    return {**named, **next_one, "exported_at": _at(each.next_at), "class": plan.retention, "paused": each.paused}


def _verdict(each: Judged) -> Facts:
    named: Facts = {"archive": each.record.id, "stream": each.record.stream, "verdict": each.verdict.fate.words}
    return {**named, **_window(each.record.window), "until": _at(each.verdict.until), "reason": each.verdict.reason}


def _hold(each: Hold) -> Facts:
    named: Facts = {"hold": each.id, "matter": each.matter, "active": each.stands, "covers": hold_scope(each.rule)}
    placed: Facts = {"placed_at": _at(each.placed_at), "placed_by": each.placed_by, "reason": each.reason}
    return {**named, **placed, "released_at": _at(each.released_at), "released_by": each.released_by}


def _plan(each: DestructionPlan) -> Facts:
    proposal = each.proposal
    named: Facts = {"plan": proposal.id, "archives": len(each.items), "to_approve": len(each.waiting)}
    return {**named, "proposed_at": _at(proposal.at), "proposed_by": proposal.by.name, "reason": proposal.reason}


def _entry(each: Moment) -> Facts:
    named: Facts = {"entry": each.seq, "at": _at(each.at), "kind": each.kind, "job": each.job, "archive": each.archive}
    return {**named, "facts": facts_words(each.facts)}


_FACTS: Mapping[type, Callable[..., Facts]] = {
    Archive: _archive,
    Job: _job,
    Schedule: _schedule,
    Judged: _verdict,
    Hold: _hold,
    DestructionPlan: _plan,
    Moment: _entry,
}

_CSV, _JSON, _COPY = "CSV file", "JSON file", "Clipboard"


async def export_list(
    tab: TabScreen, name: str, noun: str, selected: Sequence[object], page: Callable[[object | None], Question]
) -> None:
    """Ask for the format, read all pages that the filter shows or take what is selected, and write it."""
    what = number(len(selected), f"selected {noun}") if selected else f"all that the filter shows, up to {number(MOST)}"
    words = (
        f"{what[:1].upper()}{what[1:]}. Times are in UTC, and amounts are exact. Nothing from inside a record is in it."
    )
    form = await ask(tab, Choose(f"Export {name}", words, (_CSV, _JSON, _COPY)))
    if form == _COPY:
        _copy(tab, await _read(tab, selected, page))
        return
    path = await _ask_file(tab, name, "csv" if form == _CSV else "json")
    rows = await _read(tab, selected, page)
    try:
        _put(path, as_csv(rows) if form == _CSV else as_json(rows))
    except OSError as error:
        raise UsageError(f"{path} was not written: {error.strerror or error}", hint="choose another file") from error
    more = "; there are more: narrow the filter" if len(rows) >= MOST else ""
    tab.finish(f"exported {number(len(rows), 'row')} to {path}{more}")


async def _ask_file(tab: TabScreen, name: str, form: str) -> Path:
    value = str(start_folder() / f"strongroom-{name}.{form}")
    words = "Name a new file. Nothing is ever overwritten. Only you can read it."
    return typed_path(await ask(tab, AskLine(f"Export {name} to", words, value=value, check=_new_file)))


def _new_file(line: str) -> str:
    try:
        path = typed_path(line)
    except StrongroomError as error:
        return error.sentences
    if path.exists():
        return f"{path.name} exists already: name another file"
    return "" if path.parent.is_dir() else f"there is no folder {path.parent}"


async def _read(tab: TabScreen, selected: Sequence[object], page: Callable[[object | None], Question]) -> list[Facts]:
    """Read the rows away from the screen, with the way to stop."""
    if selected:
        return [facts_of(each) for each in selected]
    config, clock = tab.strongroom.reader.config, tab.strongroom.clock

    def work(vault: Vault, watch: Watch) -> list[Facts]:
        return [facts_of(each) for each in read_all(VaultSession(config, vault, clock), page, watch)]

    return await work_on(tab, "Read the list", None, work, unit="row")


def read_all(session: VaultSession, page_after: Callable[[object | None], Question], watch: Watch) -> list[object]:
    """Return the rows of all pages, up to `MOST`."""
    rows, before = list[object](), None
    while len(rows) < MOST:
        page = page_after(before).ask(session)
        if not isinstance(page, Page):
            break
        rows += page.rows
        watch(len(page.rows))
        before = page.last
        if before is None:
            break
    return rows[:MOST]


def _copy(tab: TabScreen, rows: list[Facts]) -> None:
    text = as_csv(rows)
    if len(text) > CLIPBOARD:
        tab.report(f"{size(len(text))} is too much for the clipboard of a terminal: export to a file", bad=True)
        return
    tab.app.copy_to_clipboard(text)
    tab.report(f"copied {number(len(rows), 'row')} as CSV, if your terminal allows it")


def _put(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)
