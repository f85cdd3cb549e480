"""What is done with a hit, or with all that a query finds: mark, save, hold, produce. All of it belongs to a case.

A case is chosen once and stays chosen until the identity is forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType

from strongroom.engine.access.cases import add_case, change_case, find_case, hold_found, mark_of, open_cases
from strongroom.engine.access.hits import Found, delivered_id
from strongroom.engine.core.identities import Identities
from strongroom.engine.core.people import acting_person
from strongroom.engine.core.trusted_clock import vault_now
from strongroom.model.case import Case, Mark, QueryAdded
from strongroom.model.destruction import Person
from strongroom.model.errors import UsageError
from strongroom.model.names import fold_name
from strongroom.model.times import Chance
from strongroom.text.units import number
from strongroom_tui.dialogs.dialog import AskLine, Choose, Confirm
from strongroom_tui.dialogs.production import make_production
from strongroom_tui.dialogs.stakes import stakes
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.reader import VaultAction, VaultSession
from strongroom_tui.screens.holds import NEED
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.search_text import Markup, marked_in
from strongroom_tui.screens.steps import ask, beside, steps
from strongroom_tui.search_run import SearchRun, SearchThreads, open_records

ZONE = "UTC"  # of the dates in a query
_ONLY, _LATER = "These archives", "Later ones too"

_Answer = TypeVar("_Answer")

_MARKS = {"Relevant": Mark.RELEVANT, "Privileged": Mark.PRIVILEGED, "Not relevant": Mark.NOT_RELEVANT}


class SearchState:
    """What the tab and the screens over it share: the search, the chosen case, and the threads to read with."""

    def __init__(self, threads: SearchThreads) -> None:
        self.threads = threads
        self.run: SearchRun | None = None
        self.case: Case | None = None
        self.markup = Markup()

    def show_case(self, case: Case | None) -> None:
        """Choose a case, or its newest version."""
        self.case = case
        self.mark_up()

    def mark_up(self) -> None:
        """Bring up to date what is shown besides the hits."""
        query = self.run.query if self.run is not None else None
        self.markup = Markup(query.words if query is not None else (), marked_in(self.case))


class SearchActions(TabScreen):
    """Adds the actions to a screen that has one hit chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "m",
            "mark_hit",
            "mark",
            tooltip="Mark the record, or all that are selected, as relevant, privileged or not relevant",
        ),
        Binding("s", "save_query", "save query", show=False, tooltip="Save this query to a case"),
        Binding("c", "choose_case", "case", show=False, tooltip="Choose a case, or begin one"),
        Binding("H", "hold_hits", "hold", show=False, tooltip="Place a legal hold on all archives with a hit"),
        Binding("P", "produce_hits", "production", show=False, tooltip="Produce all records that match, as files"),
        Binding("y", "copy_hit", "copy id", show=False, tooltip="Copy the ids of archive and record to the clipboard"),
    ]
    searched: SearchState

    @property
    def chosen(self) -> Found | None:
        """Return the hit that is meant, or None while there is none."""
        return None

    @property
    def meant(self) -> Sequence[Found]:
        """Return the hits that a mark is for: the chosen one, unless several are selected."""
        return [self.chosen] if self.chosen is not None else []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        if action == "copy_hit":
            return self.chosen is not None
        if action == "mark_hit":
            return self.chosen is not None and not self.strongroom.read_only
        if action in ("save_query", "hold_hits", "produce_hits"):
            run = self.searched.run
            return run is not None and run.done and not self.strongroom.read_only
        if action == "choose_case":
            return not self.strongroom.read_only
        return super().check_action(action, parameters)

    @steps
    async def action_mark_hit(self) -> None:
        """Ask how, then mark the records in the case."""
        meant = self.meant
        if not meant:
            return
        case = await self._need_case()
        words = f"In the case {case.name}. A mark is kept with the digest of the record, your name and the time."
        which = "this record" if len(meant) == 1 else f"these {number(len(meant), 'record')}"
        mark = _MARKS[await ask(self, Choose(f"Mark {which} as", words, tuple(_MARKS)))]
        identities = await unlocked(self)
        self.searched.show_case(await self._do(partial(_marked, case, meant, mark, identities)))
        many = f"{number(len(meant), 'record')} " if len(meant) > 1 else ""
        self.report(f"{many}marked as {mark.replace('-', ' ')} in {case.name}")
        self.repaint()

    @steps
    async def action_choose_case(self) -> None:
        """Ask for a case."""
        case = await self._ask_case()
        self.report(f"case: {case.name}")

    @steps
    async def action_save_query(self) -> None:
        """Save the query to the case."""
        run = self._run()
        case = await self._need_case()
        case = await self._saved(case, run)
        self.finish(f"saved to the case {case.name} as query {_number(case, run)}")

    @steps
    async def action_hold_hits(self) -> None:
        """Ask how far and why, then hold the archives with a hit; the query is saved to the case."""
        run = self._run()
        if not run.done or run.progress.stopped:
            raise UsageError("the search did not come to its end", hint="search again, to the end, then place the hold")
        if not run.found:
            raise UsageError("the query finds no record: there is nothing to hold")
        case = await self._need_case()
        later = await ask(self, Choose(f"Legal hold for {case.name}", _hold_words(run), (_ONLY, _LATER))) == _LATER
        reason = await ask(self, AskLine("Legal hold: why?", "The reason is recorded with the hold.", need=NEED))
        case = await self._saved(case, run)
        before = len(case.holds)
        made = await self._do(partial(_held, case, run, reason, later))
        self.searched.show_case(made)
        self.repaint()
        self.finish(f"{number(len(made.holds) - before, 'hold')} placed for {made.name}")

    @steps
    async def action_produce_hits(self) -> None:
        """Ask for format and folder, then produce every record that matches."""
        run = self._run()
        case, identities = await self._need_case(), await unlocked(self)
        if run.query is not None:
            await make_production(self, case, run.query, ZONE, len(run.found))
            cases = await self._do(lambda session: open_cases(session.vault, identities))
            self.searched.show_case(find_case(cases, case.id))

    def action_copy_hit(self) -> None:
        """Copy what `strongroom case mark` takes."""
        if self.chosen is not None:
            self.copy(f"{self.chosen.hit.archive.id}/{self.chosen.hit.entry.id}")

    def _run(self) -> SearchRun:
        if self.searched.run is None:
            raise UsageError("nothing was searched yet", hint="press / and type a query")
        return self.searched.run

    async def _need_case(self) -> Case:
        return self.searched.case or await self._ask_case()

    async def _ask_case(self) -> Case:
        """Ask for a case by its name; one that is not known is begun after a confirmation."""
        identities = await unlocked(self)
        cases = await self._do(lambda session: open_cases(session.vault, identities))
        names = [case.name for case in cases if case.name][::-1]
        known = f"Cases: {', '.join(names[:8])}. " if names else "There is no case yet. "
        words = f"{known}Another name begins a new case. A case has the name of its matter."
        value = self.searched.case.name if self.searched.case is not None else (names or [""])[0]
        need = "a case has a name: that of a matter"
        name = (await ask(self, AskLine("Which case?", words, value=value, need=need))).strip()
        if any(fold_name(name) == fold_name(case.name) for case in cases if case.name):
            case = find_case(cases, name)
        else:
            await ask(
                self, Confirm(f"Begin the case {name}?", "It is recorded, and nothing is taken out again.", "Begin")
            )
            case = await self._do(lambda session: add_case(session.vault, cases, name, *_signed(session)))
        self.searched.show_case(case)
        self.repaint()
        return case

    async def _saved(self, case: Case, run: SearchRun) -> Case:
        """Return the case with the query of a search among its queries."""
        if QueryAdded(run.text, ZONE) not in case.queries:
            change = QueryAdded(run.text, ZONE)
            case = await self._do(lambda session: change_case(session.vault, case, change, *_signed(session)))
            self.searched.show_case(case)
        return case

    async def _do(self, action: VaultAction[_Answer]) -> _Answer:
        return await beside(self, partial(self.searched.threads.do, action))


def _signed(session: VaultSession) -> tuple[Person, datetime, Chance]:
    """Return who acts, when, and the random source."""
    return acting_person(), vault_now(session.vault, session.clock), os.urandom


def _number(case: Case, run: SearchRun) -> int:
    return case.queries.index(QueryAdded(run.text, ZONE)) + 1


def _marked(case: Case, meant: Sequence[Found], mark: Mark, identities: Identities, session: VaultSession) -> Case:
    """Read all the records before the first one is marked, so that what cannot be marked is said before."""
    hits = [each.hit for each in open_records(session.vault, meant, identities)]
    records = [delivered_id(hit) for hit in hits]
    if not all(records):
        raise UsageError("a record has no id, so a mark could not say which one it is")
    for hit, record in zip(hits, records, strict=True):
        case = change_case(session.vault, case, mark_of(hit, record, mark), *_signed(session))
    return case


def _held(case: Case, run: SearchRun, reason: str, later: bool, session: VaultSession) -> Case:
    assert run.query is not None  # noqa: S101 - a search that is done has one
    by, now, random_bytes = _signed(session)
    number_of = _number(case, run)
    return hold_found(
        session.vault, case, number_of, run.query, run.archives, by, reason, now, random_bytes, later=later
    )


def _hold_words(run: SearchRun) -> str:
    streams: Sequence[str] = sorted({each.stream for each in run.archives})
    unread = len(run.progress.unread)
    rows = [
        ("Covers", f"{number(len(run.archives), 'archive')} with {number(len(run.found), 'hit')}"),
        ("Or", f"also what arrives later of {', '.join(streams[:3])} in the period of the query"),
        ("Then", "Nothing that it covers is destroyed until it is released."),
        ("Undo", "x in the holds (5, then l) releases it; that is recorded too."),
    ]
    if unread:
        rows.append(("Not held", f"{number(unread, 'archive')} could not be read"))
    return stakes(*rows)
