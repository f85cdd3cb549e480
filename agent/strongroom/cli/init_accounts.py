"""The accounts of a new vault, one by one on a terminal; each is tried at its provider before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strongroom.cli.doctor import show_report
from strongroom.cli.terminal import clean, report
from strongroom.config.template import CLASSES, STANDARD, FreshClass, FreshSource, default_since, find_class
from strongroom.engine.queries.setup_answers import DATASETS, WrongField, read_source
from strongroom.model.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from strongroom.engine.monitor.source_check import SourceReport

Look = Callable[[FreshSource], "SourceReport"]
"""Asks the provider of an account with its key, with requests that only read."""

_QUESTIONS = {
    "provider": "Provider (zavu, hookbridge, qlara)",
    "key": "Where its API key is stored (file:/path, env:NAME, credential:NAME, keyring:a/b)",
    "datasets": "What to archive, separated by commas",
    "since": "Archive records since (a date, or oldest)",
}


def ask_accounts(now: datetime, look: Look) -> tuple[FreshSource, ...]:
    """Ask for accounts until one has no name. Proposals fit the provider. An account that fails may be dropped."""
    report("Which accounts should be archived? Leave the name empty to continue, or to add accounts later.")
    found: dict[str, FreshSource] = {}
    while (source := _ask_account(now, set(found))) is not None:
        seen = look(source)
        show_report(seen)
        if seen.exit_code is ExitCode.OK or click.confirm("Use this account anyway?", default=False, err=True):
            found[source.name] = source
    return tuple(found.values())


def _ask_account(now: datetime, taken: set[str]) -> FreshSource | None:
    name = _prompt("Name of the account", "")
    if not name:
        return None
    if name in taken:
        report(f"there is an account named {clean(name)} already")
        return _ask_account(now, taken)
    answers = {"account": name}
    wanted = list(_QUESTIONS)
    while True:
        for field in wanted:
            answers[field] = _prompt(_QUESTIONS[field], _proposed(field, answers, now))
        try:
            return read_source(answers, now)
        except WrongField as error:
            report(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
            if error.field == "account":
                return _ask_account(now, taken)
            wanted = [error.field]


def _proposed(field: str, answers: dict[str, str], now: datetime) -> str | None:
    provider = answers.get("provider", "zavu")
    proposals = {
        "provider": "zavu",
        "datasets": DATASETS.get(provider, ("",))[0],
        "since": default_since(provider, now),
    }
    return proposals.get(field)


def _prompt(question: str, proposed: str | None) -> str:
    shown = bool(proposed)
    return str(click.prompt(question, default=proposed, show_default=shown, err=True)).strip()


def ask_class() -> FreshClass:
    """Ask how long archives are retained, by regulation."""
    report("How long must the records be retained? These are templates, not legal advice.")
    for each in CLASSES:
        report(f"  {each.name:<26}{each.means}")
    while True:
        try:
            return find_class(_prompt("Retention class", STANDARD.name))
        except UsageError as error:
            report(error.message)


def ask_copy() -> Path | None:
    """Ask for a folder for a second copy of the vault."""
    report("If the disk fails, the vault is lost. A second copy needs no key.")
    typed = _prompt("Folder on another disk for a second copy (empty: none)", "")
    return Path(typed).expanduser() if typed else None


def require_answers(sources: Sequence[FreshSource], look: Look, *, quiet: bool) -> None:
    """Try each account, and show what its provider said. Raises UsageError for the first that does not pass."""
    for source in sources:
        seen = look(source)
        if not quiet:
            show_report(seen)
        if seen.exit_code is not ExitCode.OK:
            worst = max(seen.checks, key=lambda each: each.verdict)
            raise UsageError(
                f"nothing was made: {clean(source.name)}: {worst.message}",
                hint=f"{worst.hint}; or set `check = false` in the answers".removeprefix("; or "),
            )
