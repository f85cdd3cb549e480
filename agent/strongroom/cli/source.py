"""`strongroom source`: look at the accounts that are archived from, and at the adapters that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.doctor import check_document, show_check
from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import TextColumn, hang, put_document, render_table
from strongroom.cli.quiet import quiet_option
from strongroom.cli.terminal import clean, say, width

if TYPE_CHECKING:
    from strongroom.engine.monitor.source_check import SourceReport

_LABEL = 10


@click.group("source")
def source() -> None:
    """Check a source before you rely on it, or list the sources and adapters."""


@source.command("check")
@click.argument("name", metavar="NAME")
@quiet_option
@json_option
@pass_session
def check(session: Session, name: str, as_json: bool) -> int:
    """Check a source with requests that only read.

    Checks key, address, permission, exports, quota, retention and clock, and says what could not be checked. Exits
    with 1 if a check fails, and with 3 if the provider refuses or does not answer.
    """
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.monitor.source_check import look_at_source

    report = look_at_source(session.config(), name, Dependencies())
    if as_json:
        put_document(_document(report))
    else:
        _show(report)
    return report.exit_code


@source.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the configured sources and every installed adapter. Sends no requests."""
    from strongroom.engine.monitor.source_check import adapters, brought_by

    known = adapters()
    rows = [
        {
            "name": each.name,
            "provider": each.provider,
            "adapter": brought_by(each.provider, known),
            "base_url": each.base_url,
            "api_key": str(each.api_key),
        }
        for each in session.config().sources
    ]
    installed = [{"name": each.name, "distribution": each.distribution, "refused": each.refused} for each in known]
    if as_json:
        put_document({"sources": rows, "adapters": installed})
        return
    columns = (TextColumn("SOURCE"), TextColumn("PROVIDER"), TextColumn("ADAPTER"), TextColumn("KEY", least=10))
    cells = [(str(row["name"]), str(row["provider"]), str(row["adapter"]), str(row["api_key"])) for row in rows]
    for line in render_table(columns, cells, width()):
        say(line)
    say()
    for each in known:
        words = each.refused and f", not used: {each.refused}"
        for line in hang("adapter  ", 9, f"{clean(each.name)} ({each.distribution or 'built in'}){words}", width()):
            say(line)


def _show(report: SourceReport) -> None:
    say(click.style(f"{clean(report.name)} ({clean(report.provider)})", bold=True))
    for each in report.checks:
        show_check(each, _LABEL)
    for words in report.unknown:
        for line in hang(f"{'?':<7} {'unknown':<{_LABEL}} ", _LABEL + 9, words, width()):
            say(line)


def _document(report: SourceReport) -> dict[str, object]:
    return {
        "source": report.name,
        "provider": report.provider,
        "healthy": report.exit_code == 0,
        "checks": [check_document(each) for each in report.checks],
        "unknown": report.unknown,
    }
