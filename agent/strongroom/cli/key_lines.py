"""What `strongroom key` says, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from strongroom.cli.documents import fault_document
from strongroom.cli.output import TextColumn, hang, render_table
from strongroom.cli.terminal import say, tell, width
from strongroom.model.text import counted, noun_of
from strongroom.text.times import utc_day, utc_window
from strongroom.text.units import number, short, size

if TYPE_CHECKING:
    from strongroom.engine.access.content import Drill
    from strongroom.engine.access.key_files import Rotated
    from strongroom.engine.access.recipients import RecipientStatus

OLD_COPIES = "no rotation can take back what was copied."

_COLUMNS = (
    TextColumn("KEY"),
    TextColumn("LABEL", least=8),
    TextColumn("SINCE"),
    TextColumn("NOW", least=8),
    TextColumn("OPENS", right=True),
    TextColumn("LAST DRILL"),
)


def say_recipients(found: Sequence[RecipientStatus], now: datetime) -> None:
    """Print the recipients as a table."""
    rows = [
        (
            each.recipient.short,
            each.recipient.label or "-",
            "-" if each.unseen else utc_day(each.recipient.since),
            _now(each),
            number(each.opens),
            _drilled(each, now),
        )
        for each in found
    ]
    for line in render_table(_COLUMNS, rows, width()):
        say(line)


def recipient_document(standing: RecipientStatus) -> dict[str, object]:
    """Tell one recipient."""
    recipient = standing.recipient
    return {
        "recipient": recipient.key,
        "label": recipient.label,
        "since": None if standing.unseen else recipient.since,
        "in_force": standing.configured,
        "proven_at": recipient.proven_at,
        "retired_at": recipient.retired_at,
        "reason": recipient.reason,
        "opens": standing.opens,
        "last_drill": standing.drilled_at,
    }


def say_rotated(done: Rotated, recipients: Sequence[str]) -> None:
    """Tell what a rotation came to, and what it does not undo."""
    for fault in done.refused:
        for line in hang("LEFT   ", 7, f"{short(fault.archive)}  {fault.message} ({fault.file})", width()):
            say(line)
    files = f"{counted(done.resealed, 'key file')} {noun_of(done.resealed, 'was', 'were')}"
    tell(f"{files} sealed again, to {counted(len(recipients), 'key')}.")
    if done.resealed:
        tell(
            "Whoever has an older copy of a key file, such as in a backup, still opens that archive's payload with the "
            "key it was sealed to then. Rotation does not undo that: let old backups run out, or destroy them."
        )


def rotated_document(done: Rotated, recipients: Sequence[str]) -> dict[str, object]:
    """Tell what a rotation came to."""
    return {
        "resealed": done.resealed,
        "recipients": list(recipients),
        "complete": not done.stopped and not done.refused,
        "left": [fault_document(fault) for fault in done.refused],
    }


def say_drill(drill: Drill, recipients: Sequence[str]) -> None:
    """Tell what a drill came to."""
    archive = drill.archive
    what = f"{short(archive.id)}  {archive.stream} {utc_window(archive.spec.window)}"
    if drill.passed:
        say(f"PASSED  {what}")
        records = f"{counted(archive.inspection.records, 'record')}, {size(archive.seal.size)}"
        tell(f"The identity of {drill.recipient} opened it, and all of it was read again: {records}.")
    else:
        say(f"FAILED  {what}")
        for fault in drill.faults:
            for line in hang(" " * 8, 8, f"{fault.code}: {fault.message} ({fault.file})", width()):
                say(line)
        tell("Try another identity now, before you need it. If none opens it, see docs/keys.md.")
    if drill.recipient not in recipients:
        tell("This key is not one that new archives are sealed to.")


def drill_document(drill: Drill, recipients: Sequence[str]) -> dict[str, object]:
    """Tell what a drill came to."""
    return {
        "passed": drill.passed,
        "archive": drill.archive.id,
        "recipient": drill.recipient,
        "in_force": drill.recipient in recipients,
        "records": drill.archive.inspection.records,
        "faults": [fault_document(fault) for fault in drill.faults],
    }


def _now(standing: RecipientStatus) -> str:
    if standing.unseen:
        return "configured, not seen yet" if standing.configured else "was never in force here"
    if standing.recipient.retired_at is not None:
        return f"retired {utc_day(standing.recipient.retired_at)}"
    if not standing.configured:
        return "not in the configuration"
    return "in force" if standing.recipient.proven_at else "in force, unproven"


def _drilled(standing: RecipientStatus, now: datetime) -> str:
    if standing.drilled_at is None:
        return "never"
    days = (now - standing.drilled_at).days
    return f"{counted(days, 'day')} ago"
