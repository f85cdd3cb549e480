"""`strongroom coverage`: what is archived, what is not, and what the provider is about to delete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import (
    Session,
    instant,
    json_option,
    named_plans,
    pass_session,
    period_of,
    report_pending_renames,
)
from strongroom.cli.output import hang, past_unreadable, put_document, quiet_option
from strongroom.cli.terminal import clean, say, say_exactly, say_lines, width
from strongroom.model.coverage import HELD, joined
from strongroom.model.coverage_strip import Heat
from strongroom.model.errors import ExitCode
from strongroom.model.provider import COLLECTED
from strongroom.model.second_look import SecondLook, SecondLookOutcome, words_of
from strongroom.model.times import rough_duration
from strongroom.model.waiting import described_cause
from strongroom.model.window import Window
from strongroom.text.layout import cells
from strongroom.text.sentences import unknown_words
from strongroom.text.states import COVERS, WINDOWS
from strongroom.text.times import exact_window, utc_day

if TYPE_CHECKING:
    from strongroom.engine.proof.unbacked import Unbacked
    from strongroom.engine.queries.coverage_report import StreamCoverage
    from strongroom.model.coverage import Blindness

_SHOWN = (Heat.HELD, Heat.EMPTY, Heat.OPEN, Heat.DUE, Heat.MISSING, Heat.LOST, Heat.DESTROYED)
LEGEND = "  ".join(f"{mark.symbol} {mark.word}" for mark in (WINDOWS[heat] for heat in _SHOWN))


@click.group("coverage", invoke_without_command=True)
@click.option("--from", "start", type=instant, metavar="TIME", help="Leave out everything that ends before this.")
@click.option("--to", "end", type=instant, metavar="TIME", help="Leave out everything that starts at or after this.")
@click.option("--stream", metavar="NAME", help="Only this stream.")
@quiet_option
@json_option
@pass_session
@click.pass_context
def coverage(
    ctx: click.Context, session: Session, start: datetime | None, end: datetime | None, stream: str, as_json: bool
) -> int:
    """Show for each stream which windows are archived, pending, failed or lost, and what is at risk and until when.

    Exits with 1 if anything is failed, lost, or at risk within two weeks.
    """
    if ctx.invoked_subcommand is not None:
        return ExitCode.OK
    from strongroom.engine.bootstrap import open_looking
    from strongroom.engine.core.sources import plans_of
    from strongroom.engine.proof.unbacked import unbacked_coverage
    from strongroom.engine.queries.coverage_report import coverage_of_plans

    config = session.config()
    with past_unreadable(), open_looking(config) as engine:
        report_pending_renames(config, engine.vault)
        plans = named_plans(config, engine.vault, stream)
        now = engine.clock()
        found = coverage_of_plans(engine, plans, _period(start, end, now), beside=plans_of(config))
        wrong = unbacked_coverage(engine.vault)
    if as_json:
        put_document({"streams": [_document(each) for each in found], "unconfirmed": [_wrong(each) for each in wrong]})
    else:
        _warn(wrong)
        for each in found:
            say_lines(_lines(each, now))
        say(LEGEND if found else "no stream is configured: add a [[stream]] to the configuration")
    return ExitCode.FINDINGS if wrong or any(_worrying(each, now) for each in found) else ExitCode.OK


@coverage.command("statement")
@click.option(
    "--from", "start", type=instant, metavar="TIME", required=True, help="The first instant that the statement covers."
)
@click.option("--to", "end", type=instant, metavar="TIME", required=True, help="The end; not included.")
@click.option("--stream", metavar="NAME", help="Only this stream.")
@pass_session
def statement(session: Session, start: datetime, end: datetime, stream: str) -> int:
    """Print "no gap from A to B", or the gaps, signed with the agent's key. Exits with 1 when there is a gap.

    The statement is a C2SP signed note; its public key is in the first entry of the evidence log.
    """
    from strongroom.engine.bootstrap import open_looking
    from strongroom.engine.core.sources import plans_of
    from strongroom.engine.proof.checkpoints import issuer_of
    from strongroom.engine.queries.coverage_report import coverage_of_plans
    from strongroom.engine.queries.coverage_statement import has_gap, require_confirmed, sign, state_coverage

    config, period = session.config(), period_of(start, end)
    with open_looking(config) as engine:
        report_pending_renames(config, engine.vault)
        plans = named_plans(config, engine.vault, stream)
        require_confirmed(engine.vault, {plan.stream.name: plan.stream for plan in plans_of(config)})
        found = coverage_of_plans(engine, plans, period, beside=plans_of(config))
        text = state_coverage(engine.vault, found, period, issuer_of(config, engine.vault))
    say_exactly(sign(text, config))
    return ExitCode.FINDINGS if has_gap(found, period) else ExitCode.OK


def _warn(wrong: Sequence[Unbacked]) -> None:
    """Print, before anything else, which rows of the catalogue the log does not confirm."""
    for each in wrong:
        words = clean(f"{each.where}: {each.message}")
        say_lines(hang(click.style("NOT CONFIRMED  ", fg="red", bold=True), 15, words, width()))
    if wrong:
        say("The report below is not reliable. Run `strongroom audit verify`, then `strongroom rebuild`.")


def _wrong(wrong: Unbacked) -> dict[str, str]:
    return {"code": wrong.code, "where": wrong.where, "message": wrong.message}


def _period(start: datetime | None, end: datetime | None, now: datetime) -> Window | None:
    if start is None and end is None:
        return None
    return period_of(start or datetime(1970, 1, 1, tzinfo=now.tzinfo), end or now)


def _worrying(each: StreamCoverage, now: datetime) -> bool:
    soon = each.risk is not None and each.risk.first_loss - now < timedelta(days=14)
    return bool(each.gaps) or soon


def _lines(each: StreamCoverage, now: datetime) -> Iterator[str]:
    since = f"since {utc_day(each.since)}" if each.since else "first day not known yet"
    copies = "copies of all there is, " if each.snapshot else ""
    paused = f", paused: {clean(each.paused)}" if each.paused else ""
    yield from _hanging(click.style(clean(each.stream), bold=True) + "  ", f"{copies}{since}{paused}")
    strip = "".join(COVERS[cover].symbol for _window, cover in _cells(each))
    room = width() - 2
    for place in range(0, len(strip), room):
        yield "  " + strip[place : place + room]
    gone = (entry for entry in each.intervals if entry.cover.value == "destroyed")
    for entry in sorted([*each.gaps, *joined(gone)], key=lambda piece: piece.window):
        span = exact_window(entry.window)
        words = f"{span} ({clean(described_cause(entry.cause))})" if entry.cause else span
        yield from _hanging(f"  {COVERS[entry.cover.value].symbol} {entry.cover.words}: ", words)
    for look in each.looks:
        span = exact_window(look.window)
        was = "was empty" if look.outcome is SecondLookOutcome.REFUTED else "empty"
        yield from _hanging(f"  ? {was}: ", f"{span}: {words_of(look)}")
    for blind in each.blind:
        yield from _blind_lines(blind)
    if each.paged:
        yield from _hanging("  ? ", COLLECTED)
    if each.risk is not None:
        amount, lost_in = rough_duration(each.risk.amount), rough_duration(each.risk.first_loss - now)
        words = f"{amount} not yet archived; the provider begins to delete it on {utc_day(each.risk.first_loss)}"
        yield from _hanging("  at risk: ", f"{words} (in {lost_in})")
    elif not each.known:
        yield from _hanging("  at risk: ", unknown_words(each.source))
    else:
        yield "  nothing is at risk"


def _blind_lines(blind: Blindness) -> Iterator[str]:
    """Say what the archives leave out, and whether another stream has it."""
    if not blind.closers:
        words = f"no stream of {blind.spot.closed_by} without filters closes it"
    elif blind.open:
        first = exact_window(blind.open[0])
        more = f" and {len(blind.open) - 1} more" if len(blind.open) > 1 else ""
        words = f"{', '.join(map(clean, blind.closers))} has not archived {first}{more}"
    else:
        words = f"closed by {', '.join(map(clean, blind.closers))}"
    yield from _hanging("  ? left out: ", f"{blind.spot.lacks}; {words}")


def _hanging(start: str, words: str) -> Iterator[str]:
    yield from hang(start, cells(click.unstyle(start)), words, width())


def _cells(each: StreamCoverage) -> list[tuple[Window, str]]:
    held = [interval for interval in each.intervals if interval.cover in HELD]
    cells = [(interval.window, interval.cover.value) for interval in [*held, *each.unheld]]
    return sorted([*cells, *((window, "due") for window in each.due)])


def _document(each: StreamCoverage) -> dict[str, object]:
    risk = each.risk
    return {
        "stream": each.stream,
        "source": each.source,
        "since": each.since,
        "paused": each.paused,
        "snapshot": each.snapshot,
        "windows": [{"start": window.start, "end": window.end, "cover": cover} for window, cover in _cells(each)],
        "gaps": [
            {"start": gap.window.start, "end": gap.window.end, "cover": gap.cover.value, "cause": gap.cause}
            for gap in each.gaps
        ],
        "second_looks": [_look_document(look) for look in each.looks],
        "collected_by_paging": each.paged,
        "blind_spots": [_blind_document(blind) for blind in each.blind],
        "retention_seconds": None if each.keeps is None else int(each.keeps.total_seconds()),
        "risk_known": each.known,
        "at_risk": None if risk is None else {"seconds": int(risk.amount.total_seconds()), "from": risk.first_loss},
    }


def _look_document(look: SecondLook) -> dict[str, object]:
    return {
        "start": look.window.start,
        "end": look.window.end,
        "doubt": look.doubt.value,
        "due": look.due,
        "outcome": look.outcome.value,
        "archive": look.archive,
        "newer": look.newer,
    }


def _blind_document(blind: Blindness) -> dict[str, object]:
    return {
        "dataset": blind.spot.dataset,
        "lacks": blind.spot.lacks,
        "closed_by": blind.spot.closed_by,
        "streams": blind.closers,
        "open": blind.open,
        "closed": blind.closed,
    }
