"""`strongroom retention`: what may happen to each archive and when, and letting archives live longer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import (
    Session,
    WordOf,
    asked_stream,
    instant,
    json_option,
    pass_session,
    report_pending_renames,
)
from strongroom.cli.output import TextColumn, past_unreadable, put_document, render_table
from strongroom.cli.terminal import clean, report, say, say_lines, width
from strongroom.model.errors import UsageError
from strongroom.model.retention import Fate, class_names
from strongroom.text.sentences import reason_beside_date
from strongroom.text.times import utc, utc_day
from strongroom.text.units import DASH, number, short

if TYPE_CHECKING:
    from strongroom.engine.queries.lists import Vault
    from strongroom.engine.retention.rules import Extended
    from strongroom.engine.retention.verdicts import Judged, Summary
    from strongroom.model.archive import Archive

MONTHS = 24
"""Months that the summary names; what ends later is one line."""

_CLASSES = (
    TextColumn("CLASS", least=8),
    *(TextColumn(fate.words.upper(), right=True) for fate in (Fate.KEEP, Fate.HELD, Fate.DUE, Fate.UNKNOWN)),
    TextColumn("NEXT OVER"),
)
_MONTHS = (TextColumn("MONTH"), TextColumn("PERIODS END", right=True))
_ALL = (
    TextColumn("ARCHIVE"),
    TextColumn("STREAM", least=8),
    TextColumn("VERDICT"),
    TextColumn("UNTIL"),
    TextColumn("WHY", least=20),
)


@click.group("retention")
def retention() -> None:
    """Show how long archives are retained, or extend it. A period can never be shortened."""


@retention.command("plan")
@click.option("--at", "at", type=instant, metavar="TIME", help="Judge as of this time; by default now.")
@click.option("--stream", default="", help="Only archives of this stream.")
@click.option("--fate", type=WordOf(Fate), default=None, help="Only with this verdict.")
@click.option("--all", "everything", is_flag=True, help="List each archive with its verdict and the reason.")
@json_option
@pass_session
def plan(session: Session, at: datetime | None, stream: str, fate: str | None, everything: bool, as_json: bool) -> None:
    """Show what may happen to each archive, now or at any time. Changes nothing."""
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.queries.lists import present_names
    from strongroom.engine.retention.verdicts import judged, summarise, with_present_names

    config = session.config()
    with past_unreadable(), open_reading(config) as vault:
        report_pending_renames(config, vault)
        stream, names = asked_stream(config, vault, stream), present_names(vault)
        moment = at or vault_now(vault, system_clock)
        own = judged(vault, moment, stream=stream, fate=Fate(fate) if fate else None)
        found = with_present_names(own, names)
    summary = summarise(found, moment)
    if as_json:
        listed = {"archives": [judged_document(each) for each in found]} if everything else {}
        put_document({**summary_document(summary), **listed})
        return
    say_lines(_plan_lines(summary, found if everything else ()))
    if not everything and found:
        report("for each archive with its reason: strongroom retention plan --all")


def _plan_lines(summary: Summary, found: Iterable[Judged]) -> Iterator[str]:
    counts = ", ".join(f"{number(count)} {fate.words}" for fate in Fate if (count := summary.fates[fate]))
    yield f"as of {utc(summary.at)}: {counts or 'no archives'}"
    if summary.classes:
        yield ""
        yield from render_table(_CLASSES, [_class_row(summary, name) for name in sorted(summary.classes)], width())
    if summary.months:
        months = sorted(summary.months)
        rows = [(month, number(summary.months[month])) for month in months[:MONTHS]]
        later = sum(summary.months[month] for month in months[MONTHS:])
        yield ""
        yield from render_table(_MONTHS, [*rows, *([("later", number(later))] if later else [])], width())
    rows_of_all = [_row(each) for each in found]
    if rows_of_all:
        yield ""
        yield from render_table(_ALL, rows_of_all, width())


def _class_row(summary: Summary, name: str) -> tuple[str, ...]:
    sums = summary.classes[name]
    shown = (Fate.KEEP, Fate.HELD, Fate.DUE, Fate.UNKNOWN)
    over = utc_day(sums.next_over) if sums.next_over else DASH
    return (name, *(number(sums.fates[fate]) for fate in shown), over)


def _row(each: Judged) -> tuple[str, ...]:
    verdict = each.verdict
    until = utc_day(verdict.until) if verdict.until else DASH
    if verdict.fate is Fate.HELD:
        until = "no end date"
    return (short(verdict.archive), each.record.stream, verdict.fate.words, until, clean(reason_beside_date(verdict)))


def summary_document(summary: Summary) -> dict[str, object]:
    """Return a plan in numbers."""
    return {
        "at": summary.at,
        "fates": {fate.value: summary.fates[fate] for fate in Fate},
        "classes": [
            {"class": name, "fates": {fate.value: sums.fates[fate] for fate in Fate}, "next_over": sums.next_over}
            for name, sums in sorted(summary.classes.items())
        ],
        "months": {month: summary.months[month] for month in sorted(summary.months)},
    }


def judged_document(each: Judged) -> dict[str, object]:
    """Return the verdict of one archive."""
    verdict, rule = each.verdict, each.record.rule
    return {
        "archive": verdict.archive,
        "stream": each.record.stream,
        "fate": verdict.fate.value,
        "until": verdict.until,
        "class": rule.name if rule else None,
        "period": str(rule.period) if rule else None,
        "basis": rule.basis.value if rule else None,
        "citation": rule.citation if rule else None,
        "at_end": rule.at_end.value if rule else None,
        "named": list(class_names(each.record.retention)),
        "holds": list(verdict.holds),
        "reason": verdict.reason,
    }


@retention.command("extend")
@click.argument("archives", metavar="[ARCHIVE]...", nargs=-1)
@click.option("--stream", default="", help="All archives of this stream.")
@click.option(
    "--class", "class_name", metavar="CLASS", required=True, help="The retention class that applies from now on."
)
@click.option("--reason", metavar="WORDS", required=True, help="The reason, recorded in the log.")
@json_option
@pass_session
def extend(
    session: Session, /, archives: tuple[str, ...], stream: str, class_name: str, reason: str, as_json: bool
) -> None:
    """Retain archives longer, under another class of the configuration. A shorter period is refused.

    With --stream, archives that are already retained that long are left as they are.
    """
    from strongroom.engine.access.recipients import note_recipients
    from strongroom.engine.bootstrap import policy_of
    from strongroom.engine.core.people import acting_person
    from strongroom.engine.core.sources import open_reading, system_clock
    from strongroom.engine.core.trusted_clock import vault_now
    from strongroom.engine.retention.rules import adopt_policy
    from strongroom.engine.retention.rules import extend as lengthen

    if bool(archives) == bool(stream):
        raise UsageError("name the archives, or give --stream NAME")
    config = session.config()
    config.retention_class(class_name)
    with open_reading(config) as vault:
        stream = asked_stream(config, vault, stream)
        now = vault_now(vault, system_clock)
        note_recipients(vault, config.vault.recipients, now)
        adopt_policy(vault, policy_of(config), now)
        chosen = _chosen(vault, archives, stream, class_name)
        done = lengthen(vault, chosen, class_name, acting_person(), reason, now)
    if as_json:
        put_document({"extended": [_extended_document(each) for each in done]})
        return
    for each in done:
        before = utc_day(each.before) if each.before else "no recorded rule"
        say(f"{short(each.archive)}  retained until {utc_day(each.until)}, before: {before}")


def _chosen(vault: Vault, parts: tuple[str, ...], stream: str, class_name: str) -> list[Archive]:
    from strongroom.engine.access.inventory import find_archive
    from strongroom.engine.retention.rules import extendable

    if stream:
        return extendable(vault, stream, class_name)
    return list({found.id: found for found in (find_archive(vault, part) for part in parts)}.values())


def _extended_document(each: Extended) -> dict[str, object]:
    return {"archive": each.archive, "before": each.before, "until": each.until, "class": each.rule.name}
