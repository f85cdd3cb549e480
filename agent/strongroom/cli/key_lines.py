"""What `strongroom key` says, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from strongroom.cli.output import TextColumn, hang, render_table
from strongroom.cli.terminal import report, say, say_lines, width
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
    say_lines(render_table(_COLUMNS, rows, width()))


def recipient_document(status: RecipientStatus) -> dict[str, object]:
    """Return one recipient for programs."""
    recipient = status.recipient
    return {
        "recipient": recipient.key,
        "label": recipient.label,
        "since": None if status.unseen else recipient.since,
        "in_force": status.configured,
        "proven_at": recipient.proven_at,
        "retired_at": recipient.retired_at,
        "reason": recipient.reason,
        "opens": status.opens,
        "last_drill": status.drilled_at,
    }


def say_rotated(done: Rotated, recipients: Sequence[str]) -> None:
    """Print the result of a rotation, and what it does not undo."""
    for fault in done.refused:
        say_lines(hang("LEFT   ", 7, f"{short(fault.archive)}  {fault.message} ({fault.file})", width()))
    files = f"{counted(done.resealed, 'key file')} {noun_of(done.resealed, 'was', 'were')}"
    report(f"{files} sealed again, to {counted(len(recipients), 'key')}.")
    if done.resealed:
        report(
            "Anyone with an older copy of a key file, such as in a backup, can still open that archive's payload with "
            "the key it was sealed to then. Rotation does not undo that: let old backups expire, or destroy them."
        )


def rotated_document(done: Rotated, recipients: Sequence[str]) -> dict[str, object]:
    """Return the result of a rotation for programs."""
    return {
        "resealed": done.resealed,
        "recipients": list(recipients),
        "complete": not done.stopped and not done.refused,
        "left": list(done.refused),
    }


def say_drill(drill: Drill, recipients: Sequence[str]) -> None:
    """Print the result of a drill."""
    archive = drill.archive
    what = f"{short(archive.id)}  {archive.stream} {utc_window(archive.spec.window)}"
    if drill.passed:
        say(f"PASSED  {what}")
        records = f"{counted(archive.inspection.records, 'record')}, {size(archive.seal.size)}"
        report(f"The identity of {drill.recipient} opened it, and all of it was read again: {records}.")
    else:
        say(f"FAILED  {what}")
        for fault in drill.faults:
            say_lines(hang(" " * 8, 8, f"{fault.code}: {fault.message} ({fault.file})", width()))
        report("Try another identity now, before you need it. If none opens it, see docs/keys.md.")
    if drill.recipient not in recipients:
        report("This key is not one that new archives are sealed to.")


def drill_document(drill: Drill, recipients: Sequence[str]) -> dict[str, object]:
    """Return the result of a drill for programs."""
    return {
        "passed": drill.passed,
        "archive": drill.archive.id,
        "recipient": drill.recipient,
        "in_force": drill.recipient in recipients,
        "records": drill.archive.inspection.records,
        "faults": list(drill.faults),
    }


def _now(status: RecipientStatus) -> str:
    if status.unseen:
        return "configured, not seen yet" if status.configured else "was never in use here"
    if status.recipient.retired_at is not None:
        return f"retired {utc_day(status.recipient.retired_at)}"
    if not status.configured:
        return "not in the configuration"
    return "in force" if status.recipient.proven_at else "in force, unproven"


def _drilled(status: RecipientStatus, now: datetime) -> str:
    if status.drilled_at is None:
        return "never"
    days = (now - status.drilled_at).days
    return f"{counted(days, 'day')} ago"
