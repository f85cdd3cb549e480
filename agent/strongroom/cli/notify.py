"""`strongroom notify`: try the channels that raise the alarm, and look at what was raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, json_option, limit_option, pass_session
from strongroom.cli.output import hang, past_unreadable, put_document, quiet_option, report_total
from strongroom.cli.terminal import paint, report, say_lines, width
from strongroom.model.errors import ExitCode, UsageError
from strongroom.text.states import alert_mark
from strongroom.text.times import utc

if TYPE_CHECKING:
    from strongroom.engine.core.alert_store import AlertRecord


_ALL = 1 << 62


@click.group("notify")
def notify() -> None:
    """Test the alert channels, or list alerts."""


@notify.command("test")
@quiet_option
@json_option
@pass_session
def test(session: Session, as_json: bool) -> int:
    """Send a test message through every configured channel, and show which channels accepted it.

    A dead man's switch gets /log, which it records without changing its state.
    """
    from strongroom.daemon.notifier import try_channels
    from strongroom.engine.core.sources import system_clock

    trials = try_channels(session.config(), system_clock)
    if not trials:
        raise UsageError("no channel is configured", hint="add one under [notify]: see docs/notifications.md")
    if as_json:
        results = [{"channel": each.channel, "accepted": not each.failure, "why": each.failure} for each in trials]
        put_document({"channels": results})
    else:
        for each in trials:
            word = click.style("failed  ", fg="red") if each.failure else click.style("accepted", fg="green")
            say_lines(hang(f"{word}  ", 10, f"{each.channel}{each.failure and f': {each.failure}'}", width()))
    return ExitCode.FINDINGS if any(each.failure for each in trials) else ExitCode.OK


@notify.command("list")
@limit_option
@json_option
@pass_session
def list_(session: Session, limit: int, as_json: bool) -> None:
    """List the active alerts, then the past ones, newest first."""
    from strongroom.engine.core.alert_store import alert_document, newest_alerts
    from strongroom.engine.core.sources import open_reading

    config = session.config()
    heard = bool(config.notify.urls or config.notify.command or config.notify.desktop or config.notify.ping)
    with past_unreadable(), open_reading(config) as vault:
        every = newest_alerts(vault, _ALL)
    alert_records = sorted(every[:limit], key=lambda alert: alert.cleared_at is not None)
    if as_json:
        put_document({"notices": [alert_document(alert, heard=heard) for alert in alert_records]})
        return
    if not alert_records:
        report("No alert was ever raised.")
    for alert in alert_records:
        say_lines(_lines(alert))
    report_total(len(alert_records), len(every), "alert")


def _lines(alert: AlertRecord) -> Iterator[str]:
    mark = alert_mark(alert.severity, active=alert.cleared_at is None)
    word = f"{mark.word:<8}"
    styled = paint(word, mark)
    since = f"  {utc(alert.raised_at)}  "
    yield from hang(styled + since, len(word + since), alert.title, width())
    yield from hang(" " * len(word + since), len(word + since), alert.body, width())
