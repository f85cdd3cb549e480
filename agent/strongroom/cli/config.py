"""`strongroom config`: check the file, or show what is in force with every default filled in and secrets left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import Session, json_option, pass_session
from strongroom.cli.output import put_document, quiet_option
from strongroom.cli.terminal import clean, report, say, say_lines
from strongroom.config.line_numbers import line_in
from strongroom.config.problem import Caution, ConfigRefused, KeyPath, Problem, format_key
from strongroom.model.errors import ExitCode
from strongroom.model.text import noun_of

if TYPE_CHECKING:
    from strongroom.config.schema import Config


@click.group("config")
def config() -> None:
    """Check the configuration, or show the values in force."""


@config.command("check")
@quiet_option
@json_option
@pass_session
def check(session: Session, as_json: bool) -> int:
    """List every mistake in the configuration, with its line and what was expected."""
    try:
        loaded = session.config()
    except ConfigRefused as refused:
        if not as_json:
            raise
        put_document({"valid": False, "problems": [_problem(each) for each in refused.problems], "warnings": []})
        return ExitCode.USAGE
    unfit = _unfit_streams(loaded)
    if unfit and not as_json:
        raise ConfigRefused(unfit)
    if unfit:
        put_document({"valid": False, "problems": [_problem(each) for each in unfit], "warnings": []})
        return ExitCode.USAGE
    cautions = [*loaded.warnings, *_late(loaded)]
    if as_json:
        warnings = [{"file": each.file, "line": each.line, "key": each.key, "message": each.text} for each in cautions]
        put_document({"valid": True, "file": str(loaded.file), "problems": [], "warnings": warnings})
        return ExitCode.OK
    for caution in cautions:
        report(f"{click.style('warning:', fg='yellow')} {clean(str(caution))}")
    sources, streams = len(loaded.sources), len(loaded.streams)
    counts = f"{sources} {noun_of(sources, 'source')}, {streams} {noun_of(streams, 'stream')}"
    say(f"{clean(str(loaded.file))} is valid: {counts}")
    return ExitCode.OK


@config.command("show")
@json_option
@pass_session
def show(session: Session, as_json: bool) -> None:
    """Show the configuration in force, with every default. For a secret, show only where it is stored."""
    document = session.config().show()
    if as_json:
        put_document(document)
        return
    say_lines(_lines("", document))


def _unfit_streams(loaded: Config) -> list[Problem]:
    """Return the streams that their provider cannot export as they are; the file alone does not show it."""
    from strongroom.engine.core.sources import Dependencies
    from strongroom.engine.monitor.doctor import CheckResult, check_streams

    found = [check for check in check_streams(loaded, Dependencies()) if check.verdict is CheckResult.FAIL]
    expected = "datasets and filters that its provider exports together"
    places = {f"stream {stream.name}": number for number, stream in enumerate(loaded.streams)}
    return [_of_stream(loaded, places[each.name], expected, each.message, each.hint) for each in found]


def _of_stream(loaded: Config, number: int, expected: str, message: str, hint: str) -> Problem:
    path: KeyPath = ("stream", number, "datasets")
    got = f"others: {loaded.streams[number].name}: {message}"
    return Problem(str(loaded.file), _line(loaded, path), format_key(path), expected, got, hint)


def _late(loaded: Config) -> list[Caution]:
    """Return the streams that begin in the future, which depends on the clock and not on the file alone."""
    from strongroom.engine.core.sources import system_clock
    from strongroom.engine.monitor.config_check import late_beginnings

    return [
        Caution(str(loaded.file), _line(loaded, each.key), format_key(each.key), each.words)
        for each in late_beginnings(loaded, system_clock())
    ]


def _line(loaded: Config, path: KeyPath) -> int | None:
    try:
        return line_in(loaded.file.read_text(encoding="utf-8-sig"), path)
    except (OSError, ValueError):  # it was changed since it was loaded
        return None


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "expected": problem.expected,
        "got": problem.got,
        "suggestion": problem.suggestion,
    }


def _lines(key: str, value: object) -> list[str]:
    """Write nested values one a line, each under its whole name: source[0].limits.per_hour = 10."""
    if isinstance(value, Mapping) and value:
        return [line for name, each in value.items() for line in _lines(f"{key}.{name}" if key else str(name), each)]
    if isinstance(value, list) and value:
        return [line for place, each in enumerate(value) for line in _lines(f"{key}[{place}]", each)]
    if value is None or value in ({}, []):
        shown = click.style("not set", dim=True)
    else:
        shown = str(value).lower() if isinstance(value, bool) else clean(str(value), 1 << 20)
    return [f"{key} = {shown}"]
