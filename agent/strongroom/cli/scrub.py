"""`strongroom scrub`: read every sealed byte again from the disk, without an identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import hang, past_unreadable, put_document, quiet_option, render_fields
from strongroom.cli.terminal import report, say_lines, watching, width
from strongroom.model.errors import ExitCode
from strongroom.model.text import counted
from strongroom.text.sentences import scrub_words
from strongroom.text.times import utc
from strongroom.text.units import short, size

if TYPE_CHECKING:
    from strongroom.engine.repair.scrub_report import ScrubFinding, ScrubState

_FILES = {
    "checkpoints": ("checkpoint file", "checkpoint files"),
    "certificates": ("certificate", "certificates"),
    "tombstones": ("tombstone", "tombstones"),
    "quarantine": ("item in quarantine", "items in quarantine"),
}
_STEP = 8 << 20  # bytes between two looks at the bar


@click.group("scrub")
def scrub() -> None:
    """Read every file of the vault again from the disk, or show the progress. Needs no identity.

    The daemon does this automatically, a little at a time: everything is read once in [vault] scrub_every.
    """


@scrub.command("run")
@quiet_option
@json_option
@pass_session
def run(session: Session, as_json: bool) -> int:
    """Continue the pass in progress, or begin one, and read to its end at full speed.

    If interrupted, it resumes at the next run or in the daemon. Exits with 1 if there is any finding.
    """
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.repair.scrub import Scrub
    from strongroom.engine.repair.scrub_report import list_findings, pace_of, scrub_state

    config = session.config()
    with open_reading(config) as vault:
        walk = Scrub(vault, system_clock, pace_of(config))
        begun = walk.begin()
        try:
            with watching("scrub", max(0, begun.total - begun.done), quiet=as_json) as watch:
                while read := walk.run(_STEP, begin=False):
                    watch(read)
        finally:
            walk.finish()
        state, findings = scrub_state(vault, system_clock(), pace_of(config)), list_findings(vault)
    _show(state, findings, as_json=as_json)
    return ExitCode.FINDINGS if findings else ExitCode.OK


@scrub.command("status")
@quiet_option
@json_option
@pass_session
def status(session: Session, as_json: bool) -> int:
    """Show the progress of the scrub and its findings. Exits with 1 if there is any finding."""
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.repair.scrub_report import list_findings, pace_of, scrub_state

    config = session.config()
    with past_unreadable(), open_reading(config) as vault:
        state, findings = scrub_state(vault, system_clock(), pace_of(config)), list_findings(vault)
    _show(state, findings, as_json=as_json)
    return ExitCode.FINDINGS if findings else ExitCode.OK


def scrub_document(state: ScrubState) -> dict[str, object]:
    """Return the state of the scrub for programs."""
    document = {
        "scrubbed_at": state.scrubbed_at,
        "behind": state.behind,
        "findings": state.findings,
        "files": dict(state.files),
    }
    lap = state.lap
    if lap is None:
        return {**document, "lap": None}
    share = round(lap.share, 4)
    return {
        **document,
        "lap": {"began_at": lap.began_at, "ended_at": lap.ended_at, "archives": lap.archives, "share": share},
    }


def _show(state: ScrubState, findings: list[ScrubFinding], *, as_json: bool) -> None:
    if as_json:
        standing = [
            {
                "archive": each.archive,
                "file": each.file,
                "code": each.code,
                "message": each.message,
                "at": each.found_at,
            }
            for each in findings
        ]
        put_document({**scrub_document(state), "standing": standing})
        return
    say_lines(render_fields(list(_fields(state)), width()))
    for each in findings:
        say_lines(hang(f"{short(each.archive) or '-':<8} ", 9, f"{each.file}: {each.message}", width()))
    if findings:
        report("To see what can be done: strongroom recover")


def _fields(state: ScrubState) -> Iterator[tuple[str, str]]:
    yield "scrub", scrub_words(state)
    lap = state.lap
    if lap is not None:
        yield "began", utc(lap.began_at)
        yield "checked", f"{counted(lap.archives, 'archive')}, {size(min(lap.done, lap.total))}"
    if state.files:
        counts = (counted(state.files[part], *words) for part, words in _FILES.items() if state.files.get(part))
        yield "also read", ", ".join(("the log", *counts, "README.txt"))
