"""A production of what a query finds: a form with format and place, judged as it is given; then made, with progress."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import Button, Input

from strongroom.engine.access.cases import find_whole_case, open_cases
from strongroom.engine.access.fixity import Watch
from strongroom.engine.access.search import choose_archives
from strongroom.engine.core.identities import Identities
from strongroom.engine.core.people import acting_person
from strongroom.engine.production.production import write_production
from strongroom.engine.production.request import FinishedProduction, ProductionRequest, ProductionSource
from strongroom.engine.production.selection import select_archives
from strongroom.engine.proof.package import check_target
from strongroom.engine.queries.lists import Vault
from strongroom.model.case import Case
from strongroom.model.errors import StrongroomError
from strongroom.model.production import Numbering, ProductionFormat
from strongroom.model.text import clean
from strongroom.search.terms import Query
from strongroom.text.units import number
from strongroom_tui.dialogs.background_work import work_on
from strongroom_tui.dialogs.dialog import Answer, Dialog
from strongroom_tui.dialogs.form import Choice, Field, Form, start_folder, typed_path
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.screens.screen import TabScreen, TextScreen
from strongroom_tui.screens.steps import ask, perform
from strongroom_tui.widgets.text import error_text, in_keys

_FORMATS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "jsonl": ("JSON lines", "One record a line, for programs."),
        "dat": ("Load file (DAT)", "For Relativity and other review platforms, with natives and text."),
        "rsmf": ("RSMF", "Messages as chats: one file for each conversation and day."),
        "html": ("Pages (HTML)", "Conversations to read and print, without a review platform."),
        "csv": ("CSV", "A table in which no value can run as a formula."),
    }
)


class ProductionForm(Dialog):
    """Asks for format, place and numbers. `answers` has them once it was answered with "yes"."""

    def __init__(self, words: str, answers: Mapping[str, str], trouble: str = "") -> None:
        super().__init__("Produce the records that match", words)
        self.answers = answers
        self._trouble = trouble

    def fields(self) -> ComposeResult:
        """Yield the lines."""
        named = {each.value: _FORMATS.get(each.value, (each.value, "")) for each in ProductionFormat}
        kinds = tuple(Choice(value, *words) for value, words in named.items())
        place = "A folder that does not exist yet, or a file ending in .zip. It holds the records as CLEAR TEXT."
        yield Form(
            (
                Field("format", "Format", self.answers["format"], choices=kinds),
                Field("folder", "Write to", self.answers["folder"], means=place),
                Field("prefix", "Numbers begin with", self.answers["prefix"], "P"),
            )
        )

    def buttons(self) -> ComposeResult:
        """Offer both ways."""
        yield Answer("Produce", id="act", compact=True)
        yield Answer("Go back", id="safe", compact=True)

    def on_mount(self) -> None:
        """Begin with the format."""
        form = self.query_one(Form)
        form.begin()
        if self._trouble:
            form.trouble(self._trouble)

    @on(Button.Pressed, "#act")
    @on(Input.Submitted)
    def _answer(self) -> None:
        form = self.query_one(Form)
        wrong = wrong_answers(form.answers)
        form.judge(wrong, show=True)
        if not wrong:
            self.answers = dict(form.answers)
            self.dismiss("yes")

    @on(Button.Pressed, "#safe")
    def _leave(self) -> None:
        self.dismiss(None)


def wrong_answers(answers: Mapping[str, str]) -> Mapping[str, str]:
    """Return what is wrong with each answer, by its name."""
    wrong: dict[str, str] = {}
    try:
        check_target(typed_path(answers["folder"]))
    except StrongroomError as error:
        wrong["folder"] = in_keys(error.sentences)
    try:
        Numbering(answers["prefix"])
    except ValueError as error:
        wrong["prefix"] = str(error)
    return wrong


async def make_production(tab: TabScreen, case: Case, query: Query, zone: str, hits: int) -> None:
    """Ask how and where to, then produce; ask again for what was refused. `hits` is how many the search found.

    What the case marks as privileged is withheld, and the case takes note of the numbers.
    """
    archives = len(await perform(tab, lambda session: choose_archives(session.vault, query)))
    words = (
        f"{number(hits, 'hit')} of the query {query.text}. What {case.name} marks as privileged is withheld. "
        "Each record once, numbered, with digests, proofs and a verifier. The log records it."
    )
    answers: Mapping[str, str] = {
        "format": ProductionFormat.JSON_LINES.value,
        "folder": str(start_folder() / "production"),
        "prefix": Numbering().prefix,
    }
    trouble = ""
    while True:
        form = ProductionForm(words, answers, trouble)
        await ask(tab, form)
        answers = form.answers
        identities = await unlocked(tab)
        try:
            made = await _make(tab, case, query, zone, answers, identities, archives)
        except StrongroomError as error:
            if not tab.is_current:
                raise
            trouble = error_text(error)
        else:
            tab.strongroom.keep_result(f"production made: {made.path}")
            tab.app.push_screen(TextScreen(production_text(made)))
            return


async def _make(
    tab: TabScreen,
    case: Case,
    query: Query,
    zone: str,
    answers: Mapping[str, str],
    identities: Identities,
    archives: int,
) -> FinishedProduction:
    config, clock = tab.strongroom.reader.config, tab.strongroom.clock
    target: Path = typed_path(answers["folder"])
    said = {"query": query.text, "time_zone": zone, "case": case.name}

    def work(vault: Vault, watch: Watch) -> FinishedProduction:
        source = ProductionSource(vault, config, clock, os.urandom, identities, lambda _done, _of: watch(1))
        selection = select_archives(vault, query)
        found = find_whole_case(open_cases(vault, identities), case.id)  # with what was marked meanwhile
        prefix, kind = answers["prefix"], ProductionFormat(answers["format"])
        numbers = Numbering(prefix, start=found.next_number(prefix))
        request = ProductionRequest(selection, target, kind, numbers, acting_person(), clock(), said, found)
        return write_production(source, request)

    return await work_on(tab, "Produce the records", archives, work, unit="archive")


def production_text(made: FinishedProduction) -> Text:
    """Say what was produced, and how its recipient checks it."""
    count = made.count
    text = Text.assemble(("✓ production made", "bold green"), f"  {number(count.records, 'record')}\n\n")
    text.append("  written\n", "bold").append(f"  {clean(str(made.path))}\n\n")
    text.append("  numbers\n", "bold").append(f"  {clean(made.first)} to {clean(made.last)}, out of ")
    text.append(f"{number(made.archives, 'archive')}")
    left = f"; {number(count.doubles, 'older or equal version')} left out" if count.doubles else ""
    left += f"; {number(count.withheld)} withheld" if count.withheld else ""
    text.append(f"{left}\n\n")
    text.append("  SHA-256 of its production.json, as recorded in the log\n", "bold").append(f"  {made.sha256}\n\n")
    if not made.signed:
        text.append("  It is not signed: the agent's signing key cannot be used here.\n")
    text.append("  The records in it are in the clear: anyone who reads it reads them.\n", "yellow")
    return text.append(f"  To check it: strongroom-verify {shlex.quote(clean(str(made.path)))} --key KEY\n")
