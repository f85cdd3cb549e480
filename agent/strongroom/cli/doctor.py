"""`strongroom doctor` and `strongroom source`: check the setup, or one source, each check with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli import manifest
from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import TextColumn, hang, put_document, quiet_option, render_table
from strongroom.cli.terminal import clean, paint, say, say_lines, width
from strongroom.model.errors import ExitCode
from strongroom.text.states import CHECKS

if TYPE_CHECKING:
    from strongroom.engine.core.check import Check
    from strongroom.engine.monitor.source_check import SourceReport


_WIDE, _NARROW = 22, 10  # cells of the names of checks


def show_check(check: Check, label: int) -> None:
    """Return the line of a check; its name takes `label` cells, so that several form columns."""
    mark = CHECKS[check.verdict]
    start = f"{paint(f'{mark.word:<7}', mark)} {check.name:<{label}} "
    say_lines(hang(start, label + 9, check.message, width()))
    if check.hint:
        say_lines(hang(" " * (label + 9) + "-> ", label + 12, check.hint, width()))


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Contact no provider.")
@quiet_option
@json_option
@pass_session
def doctor(session: Session, offline: bool, as_json: bool) -> int:
    """Check the setup: configuration, permissions, disk, clock, keys and providers. Repairs nothing.

    If a provider says how long it keeps records, that is stored for `plan` and `coverage`. Exits with 1 if a check
    fails; warnings do not count.
    """
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.monitor.doctor import CheckResult, examine

    checks = []
    for check in examine(session.config(), Dependencies(), offline=offline):
        checks.append(check)
        if not as_json:
            show_check(check, _WIDE)
    healthy = all(check.verdict is not CheckResult.FAIL for check in checks)
    if as_json:
        put_document({"healthy": healthy, "checks": checks})
    return ExitCode.OK if healthy else ExitCode.FINDINGS


@click.group("source")
def source() -> None:
    """Check a source before you rely on it, list sources and adapters, or describe a provider in a file."""


source.add_command(manifest.new)
source.add_command(manifest.try_)


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
        show_report(report)
    return report.exit_code


@source.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List the configured sources and every installed adapter. Sends no requests."""
    from strongroom.engine.monitor.source_check import adapters, brought_by

    config = session.config()
    known = adapters(config)
    rows = [
        {
            "name": each.name,
            "provider": each.provider,
            "adapter": brought_by(each.provider, known),
            "base_url": each.base_url,
            "api_key": str(each.api_key),
        }
        for each in config.sources
    ]
    installed = [{"name": each.name, "distribution": each.distribution, "refused": each.refused} for each in known]
    if as_json:
        put_document({"sources": rows, "adapters": installed})
        return
    columns = (TextColumn("SOURCE"), TextColumn("PROVIDER"), TextColumn("ADAPTER"), TextColumn("KEY", least=10))
    cells = [(str(row["name"]), str(row["provider"]), str(row["adapter"]), str(row["api_key"])) for row in rows]
    say_lines(render_table(columns, cells, width()))
    say()
    for each in known:
        words = each.refused and f", not used: {each.refused}"
        say_lines(hang("adapter  ", 9, f"{clean(each.name)} ({each.distribution or 'built in'}){words}", width()))


def show_report(report: SourceReport) -> None:
    """Say what was found out about a source, and what could not be."""
    say(click.style(f"{clean(report.name)} ({clean(report.provider)})", bold=True))
    for each in report.checks:
        show_check(each, _NARROW)
    for words in report.unknown:
        say_lines(hang(f"{'?':<7} {'unknown':<{_NARROW}} ", _NARROW + 9, words, width()))


def _document(report: SourceReport) -> dict[str, object]:
    return {
        "source": report.name,
        "provider": report.provider,
        "healthy": report.exit_code == 0,
        "checks": report.checks,
        "unknown": report.unknown,
    }
