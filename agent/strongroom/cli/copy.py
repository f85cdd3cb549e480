"""`strongroom copy`: second copies of the vault, on another disk or machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.copy_check import rehearse, scrub, with_each_copy
from strongroom.cli.copy_probe import probe
from strongroom.cli.copy_restore import list_, progress, restore
from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import hang, past_unreadable, put_document, quiet_option, render_fields
from strongroom.cli.terminal import clean, counting, say, say_lines, width
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted
from strongroom.text.times import utc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from strongroom.engine.copies.copy_status import CopyStatus
    from strongroom.engine.copies.copying import CopyReport
    from strongroom.engine.copies.targets import CopyTarget
    from strongroom.engine.queries.lists import Vault


@click.group("copy")
def copy() -> None:
    """Keep second copies of the vault, on other disks or in buckets. [[copy]] in the configuration names them.

    A copy has everything that a new vault needs: sealed archives with their key files, manifests, and the evidence log.
    Copying needs no identity. The daemon copies each archive after it was verified.
    """


@copy.command("run")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@quiet_option
@json_option
@pass_session
def run(session: Session, names: tuple[str, ...], as_json: bool) -> int:
    """Copy everything that is missing to every configured copy, or to those that you name.

    If it is interrupted, run it again: it resumes. Exits with 1 if an object could not be copied, and with 6 if a copy
    cannot be reached.
    """
    from strongroom.engine.copies.copying import CopyContext, entries_missing, update_copy
    from strongroom.engine.core.sources import system_clock

    def act(vault: Vault, target: CopyTarget) -> CopyReport:
        with counting(f"copy {target.name}", quiet=as_json) as watch:
            missing = entries_missing(vault, target.name)
            return update_copy(CopyContext(vault, system_clock, watch=progress(watch, missing)), target)

    found, code = with_each_copy(session.config(), names, act)
    done = list(found.values())
    _show_run(done, as_json=as_json)
    return code or (ExitCode.FINDINGS if any(each.problems for each in done) else ExitCode.OK)


def _show_run(done: list[CopyReport], *, as_json: bool) -> None:
    if as_json:
        fields = ("name", "archives", "objects", "entries", "complete", "problems")
        put_document({"copies": [{name: getattr(each, name) for name in fields} for each in done]})
        return
    for each in done:
        say(
            f"{each.name}: {counted(each.archives, 'archive')} copied, complete up to entry {each.entries:,} of the log"
        )
        for words in each.problems:
            say_lines(hang("  not copied: ", 4, clean(words), width()))


@copy.command("status")
@quiet_option
@json_option
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Show how far each copy is behind, and what is damaged in it. Exits with 1 if anything is wrong."""
    from strongroom.engine.copies.copy_status import copy_statuses, list_copy_findings
    from strongroom.engine.core.sources import open_reading, system_clock

    config, now = session.config(), system_clock()
    with past_unreadable(), open_reading(config) as vault:
        statuses = copy_statuses(vault, config)
        findings = [found for each in statuses for found in list_copy_findings(vault, each.name)]
    if as_json:
        put_document(
            {
                "copies": [copy_document(each, now) for each in statuses],
                "findings": [
                    {"copy": each.copy, "object": each.object, "archive": each.archive or None, "code": each.code,
                     "message": each.message, "at": each.found_at}
                    for each in findings
                ],
            }
        )  # fmt: skip
    else:
        say_lines(render_fields(list(copy_fields(statuses, now)), width()))
        for found in findings:
            say_lines(hang(f"{found.copy}: ", 4, f"{found.object}: {found.message}", width()))
    return ExitCode.FINDINGS if findings or any(_is_wrong(each, now) for each in statuses) else ExitCode.OK


def _is_wrong(each: CopyStatus, now: datetime) -> bool:
    return each.is_late(now) or not each.configured or bool(each.state.failure)


def copy_document(each: CopyStatus, now: datetime) -> dict[str, object]:
    """Return the state of a copy for programs."""
    state, backlog = each.state, each.backlog
    return {
        "name": each.name,
        "place": each.place or None,
        "begun": each.begun,
        "configured": each.configured,
        "complete": backlog.complete,
        "behind_archives": backlog.archives,
        "behind_since": backlog.since,
        "late": each.is_late(now),
        "entries": state.entries,
        "complete_at": state.complete_at,
        "findings": each.findings,
        "failure": state.failure or None,
        "scrubbed_at": state.scrubbed_at,
        "rehearsed_at": state.rehearsed_at,
        "rehearsal_problem": state.rehearsal_problem or None,
    }


def copy_fields(statuses: list[CopyStatus], now: datetime) -> Iterator[tuple[str, str]]:
    """Yield the state of each copy as fields."""
    for each in statuses:
        yield "copy", clean(f"{each.name}: {each.words(now)}")
        yield "", clean(each.place)
        if each.state.complete_at:
            from strongroom.engine.copies.copy_status import rehearsal_words

            yield "", f"last complete on {utc(each.state.complete_at)}; {clean(rehearsal_words(each.state, now))}"
    if not statuses:
        yield "copy", "none: see docs/copies.md"


@copy.command("forget")
@click.argument("name")
@click.option("--reason", required=True, metavar="WHY", help="Why it is gone: one line, for the log.")
@pass_session
def forget(session: Session, name: str, reason: str) -> int:
    """Record that a copy is gone: its disk was destroyed, or lost for good.

    Destructions no longer wait for it, and every later certificate says that nothing was verified there. If the
    configuration still names it, the next run begins a new copy.
    """
    from strongroom.engine.copies.targets import forget as record
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock

    with open_reading(session.config()) as vault:
        record(vault, name, acting_person().token, _one_line(reason), system_clock())
    say(f"The copy {name} is forgotten.")
    return ExitCode.OK


def _one_line(text: str) -> str:
    if not 0 < len(text.strip()) <= 200 or not text.isprintable():
        raise click.BadParameter("expected one line of at most 200 characters", param_hint="--reason")
    return text.strip()


for each_command in (scrub, list_, restore, rehearse, probe):
    copy.add_command(each_command)
