"""The report as one page of HTML: no script, nothing loaded from elsewhere, readable on screen, on paper and aloud.

Everything that comes from the vault is escaped in `escaped`. A figure is a `data` element whose value is the one of the
JSON document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from strongroom.engine.proof.checkpoints import UNNAMED
from strongroom.engine.queries.report import MOST_EVENTS, EventGroup, ReportAudience
from strongroom.model.calendar_period import period_name
from strongroom.model.job import State
from strongroom.model.provider import COLLECTED
from strongroom.model.retention import Fate
from strongroom.model.text import noun_of
from strongroom.model.times import rough_duration
from strongroom.model.waiting import described_cause
from strongroom.text.html import Row, escaped, table
from strongroom.text.report_charts import STYLE, coverage_chart, volume_chart
from strongroom.text.report_words import (
    copy_line,
    days_words,
    event_words,
    gap_reason,
    report_json,
    share_words,
    summary,
)
from strongroom.text.times import exact_window, utc, utc_day
from strongroom.text.units import DASH, number, size

if TYPE_CHECKING:
    from strongroom.engine.queries.report import Report, StreamReport

_MOST_PROBLEMS = 20  # in the summary
_ALL = frozenset(ReportAudience)
_NOT_BOARD = frozenset({ReportAudience.AUDITOR, ReportAudience.OPERATIONS})


def report_files(report: Report, *, signed: bool) -> dict[str, bytes]:
    """Return the page and its JSON twin, by suffix. `signed` says whether a signed note will lie beside them."""
    return {".html": report_page(report, signed).encode(), ".json": report_json(report).encode()}


def report_page(report: Report, signed: bool) -> str:
    """Return the page. `signed` says whether a signed note lies beside it."""
    name = period_name(report.period, report.zone).replace("_", " to ")
    named = report.issuer.organization != UNNAMED
    title = f"Archiving report {name}" + (f": {report.issuer.organization}" if named else "")
    parts = [part for audiences, heading, make in _SECTIONS if report.audience in audiences
             for part in _section(heading, make(report))]  # fmt: skip
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en-US">',
            f'<head><meta charset="utf-8"><title>{escaped(title)}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{STYLE}</style></head>",
            "<body><header>",
            f"<h1>{escaped(title)}</h1>",
            f"<p>{escaped(_subtitle(report))}</p>",
            "</header><main>",
            *parts,
            *_section("How to check this report", _checking(report, signed)),
            "</main></body></html>",
            "",
        ]
    )


def _subtitle(report: Report) -> str:
    span = exact_window(report.period)
    return (
        f"Period {span} (days and months in {report.zone}). For: {report.audience.value}."
        f" Made {utc(report.made_at)} by Strongroom. Vault {report.issuer.vault or 'not named'}."
    )


def _section(heading: str, parts: Iterable[str]) -> Iterator[str]:
    found = list(parts)
    if found:
        yield from (f"<section><h2>{escaped(heading)}</h2>", *found, "</section>")


def _summary(report: Report) -> Iterator[str]:
    first, *others = summary(report)
    yield f'<p class="verdict">{escaped(first)}</p>'
    yield from (f"<p>{escaped(sentence)}</p>" for sentence in others)
    if report.problems:
        rows = [(escaped(each.title), escaped(each.body)) for each in report.problems[:_MOST_PROBLEMS]]
        yield table("What needs attention at the moment of this report", ("Problem", "Details"), rows)
    if len(report.problems) > _MOST_PROBLEMS:
        more = number(len(report.problems) - _MOST_PROBLEMS)
        yield f"<p>{more} more: the JSON file beside this page lists all of them.</p>"


def _coverage(report: Report) -> Iterator[str]:
    yield coverage_chart(report)
    headings = ("Stream", "Account", "Since", "Required", "Archived", "Share", "Archives", "Records", "On disk")
    yield table("Coverage by stream", headings, [_stream_row(each) for each in report.streams], right=6)


def _stream_row(each: StreamReport) -> Row:
    covered, sums = each.coverage, each.volumes
    share = "copies, no time windows" if covered.snapshot else share_words(each.share)
    return (
        escaped(covered.stream),
        escaped(each.account),
        _day(covered.since),
        _data(each.required.total_seconds(), days_words(each.required.total_seconds())),
        _data(each.archived.total_seconds(), days_words(each.archived.total_seconds())),
        _data(each.share, share),
        _number(sum(volume.archives for volume in sums)),
        _number(sum(volume.records for volume in sums)),
        _data(stored := sum(volume.sealed_size for volume in sums), size(stored)),
    )


def _gaps(report: Report) -> Iterator[str]:
    rows = [
        (
            escaped(each.coverage.stream),
            escaped(exact_window(gap.window)),
            escaped(gap.cover.words),
            escaped(gap_reason(gap)),
        )
        for each in report.streams
        for gap in each.missing
    ]
    yield table("Periods that are not archived and why", ("Stream", "Period", "State", "Reason"), rows,
                 none="Nothing is missing.")  # fmt: skip
    left_out = [
        (
            escaped(each.coverage.stream),
            escaped(blind.spot.lacks),
            "archived by another stream" if not blind.open else "no",
        )
        for each in report.streams
        for blind in each.coverage.blind
    ]
    left_out += [
        (escaped(each.coverage.stream), escaped(COLLECTED), "no") for each in report.streams if each.coverage.paged
    ]
    if left_out:
        yield table("What the provider's export leaves out", ("Stream", "Left out", "Archived elsewhere"), left_out)


def _risks(report: Report) -> Iterator[str]:
    rows = [
        (escaped(risk.stream), escaped(rough_duration(risk.amount)), utc_day(risk.first_loss),
         escaped(rough_duration(risk.first_loss - report.made_at)) if risk.first_loss > report.made_at else "begun")
        for risk in report.risks
    ]  # fmt: skip
    headings = ("Stream", "Not archived yet", "The provider deletes it from", "Time left")
    yield table("What the provider will delete before it is archived, if nothing happens", headings, rows,
                 none="Nothing is at risk.")  # fmt: skip


def _volumes(report: Report) -> Iterator[str]:
    for each in report.streams:
        if each.volumes:
            yield f"<h3>{escaped(each.coverage.stream)}</h3>"
            yield from [volume_chart(each)] if len(each.volumes) > 1 else []
            rows = [
                (escaped(volume.month), _number(volume.archives), _number(volume.records),
                 _data(volume.size, size(volume.size)), _data(volume.sealed_size, size(volume.sealed_size)))
                for volume in each.volumes
            ]  # fmt: skip
            headings = ("Month (UTC)", "Archives", "Records", "As delivered", "On disk")
            yield table(f"{each.coverage.stream} by month, each window counted once", headings, rows, right=4)


def _reconciled(report: Report) -> Iterator[str]:
    if not report.reconciled:
        return
    rows = [
        (escaped(f"{each.left} and {each.right}"), escaped(exact_window(result.period)), _number(result.left),
         _number(result.right), _number(result.left_only), _number(result.right_only), _number(result.undecided))
        for each in report.reconciled for result in each.results
    ]  # fmt: skip
    headings = ("Streams", "Period", "Ids left", "Ids right", "Left only", "Right only", "Undecided")
    yield table("Streams compared by the ids in their records", headings, rows, right=5,
                none="No streams were compared in this period.")  # fmt: skip
    days = [
        (escaped(f"{each.left} and {each.right}"), escaped(day), _number(one), _number(other))
        for each in report.reconciled for result in each.results for day, one, other in result.days
    ]  # fmt: skip
    if days:
        names = ("Streams", "Day", "Left only", "Right only")
        yield table("Days on which an id is on one side only", names, days, right=2)
    never = [each for each in report.reconciled if not each.results]
    yield from (f"<p>{escaped(each.left)} and {escaped(each.right)} were not compared.</p>" for each in never)


def _jobs(report: Report) -> Iterator[str]:
    rows = [(escaped(state.value), _number(report.jobs[state])) for state in State if report.jobs.get(state)]
    yield table("Export jobs created in the period, by their state now", ("State", "Jobs"), rows, right=1,
                 none="No export job was created.")  # fmt: skip
    failed = [
        (escaped(each.stream), escaped(described_cause(each.cause)), _number(each.jobs)) for each in report.failures
    ]
    if failed:
        yield table("Jobs that failed, by cause", ("Stream", "Cause", "Jobs"), failed, right=1)
    alerts = [(escaped(severity), _number(count)) for severity, count in report.alerts.items()]
    yield table("Alerts raised in the period", ("Severity", "Alerts"), alerts, right=1, none="No alert was raised.")


def _retention(report: Report) -> Iterator[str]:
    found = report.retention
    shown = (Fate.KEEP, Fate.HELD, Fate.DUE, Fate.UNKNOWN)
    rows = [
        (
            escaped(name),
            *(_number(sums.fates[fate]) for fate in shown),
            utc_day(sums.next_over) if sums.next_over else DASH,
        )
        for name, sums in sorted(found.classes.items())
    ]
    headings = ("Class", *(fate.words.capitalize() for fate in shown), "Next period ends")
    yield table("Archives by retention class, at the moment of this report", headings, rows, right=5,
                 none="There is no archive.")  # fmt: skip
    holds = f"{_number(report.holds)} {noun_of(report.holds, 'legal hold')}"
    matters = f"{_number(report.matters)} {noun_of(report.matters, 'matter')}"
    yield f"<p>Active: {holds} of {matters}.</p>"
    none = "No hold was placed or released, and no period was extended."
    yield from _events(report, EventGroup.HOLDS, "Holds placed and released, and periods extended", none)


def _destruction(report: Report) -> Iterator[str]:
    none = "Nothing was proposed, approved or destroyed, and no erasure was requested."
    yield from _events(report, EventGroup.DESTRUCTION, "Proposals, approvals, destructions and erasure requests", none)
    yield "<p>For each destroyed archive there is a signed certificate: log/certificates/ID.note in the vault.</p>"


def _evidence(report: Report) -> Iterator[str]:
    newest, scrub = report.evidence.newest, report.scrub
    rows = [
        ("Checkpoints signed in the period", _number(report.checkpoints)),
        ("Newest checkpoint", f"{utc(newest.at)}, {_number(newest.size)} entries" if newest else "none"),
        ("Last complete scrub", utc(scrub.scrubbed_at) if scrub.scrubbed_at else "none yet"),
        ("Open findings of the scrub", _number(scrub.findings)),
        *((f"Copy {escaped(each.name)}", escaped(copy_line(each, report.made_at))) for each in report.copies),
        ("Last recovery drill passed", utc(report.drilled_at) if report.drilled_at else "none yet"),
    ]
    yield table("Evidence and care", ("What", "State"), rows)
    targets = [
        (escaped(each.target), _number(each.size), utc(each.sent_at) if each.sent_at else "never")
        for each in report.evidence.targets
    ]
    yield table("Where checkpoints are stored outside the vault", ("Target", "Entries covered", "Last sent"), targets,
                 none="None is configured: a person who controls this machine could rewrite the log.")  # fmt: skip
    none = "Nothing of this kind happened."
    yield from _events(report, EventGroup.CARE, "Scrubs, drills, damage and disclosures", none)


def _changes(report: Report) -> Iterator[str]:
    none = "Nothing was changed."
    yield from _events(report, EventGroup.CHANGES, "Changes of the configuration and of the vault", none)


def _events(report: Report, group: EventGroup, caption: str, none: str) -> Iterator[str]:
    found = report.events[group]
    rows = [
        (_number(each.seq), utc(each.at), escaped(event_words(each)), escaped(each.archive or DASH))
        for each in found[:MOST_EVENTS]
    ]
    yield table(caption, ("Entry", "Time", "What happened", "Archive"), rows, none=none)
    if len(found) > MOST_EVENTS:
        yield f"<p>Only the first {number(MOST_EVENTS)} are listed; for all of them: strongroom audit log.</p>"


def _checking(report: Report, signed: bool) -> Iterator[str]:
    entries, sha256 = report.log
    if signed:
        yield "<p>A signed note lies beside this file. Check both with: strongroom-verify FILE.note --key KEY</p>"
        key = escaped(report.issuer.key)
        yield f"<p>Public key, which must also come to you by another way: <code>{key}</code></p>"
    else:
        yield "<p>This report is not signed: the agent has no signing key.</p>"
    place = f"entry {_number(entries)} of the evidence log, with the digest <code>{escaped(sha256)}</code>"
    yield f"<p>It was made at {place}.</p>"
    yield (
        "<p>Archived means that the vault has a copy of what the provider delivered, and that every record of it was"
        " read and counted, or that the provider delivered a complete export without records. Records that the provider"
        " did not deliver cannot be covered. The first instant of a period belongs to it, the last does not.</p>"
    )


_SECTIONS: Sequence[tuple[frozenset[ReportAudience], str, Callable[[Report], Iterable[str]]]] = (
    (_ALL, "Summary", _summary),
    (_ALL, "Coverage", _coverage),
    (_ALL, "Gaps and losses", _gaps),
    (_ALL, "At risk", _risks),
    (_ALL, "Volumes", _volumes),
    (_ALL, "Comparison of streams", _reconciled),
    (_NOT_BOARD, "Jobs and alerts", _jobs),
    (_ALL, "Retention and holds", _retention),
    (_ALL, "Destruction", _destruction),
    (_ALL, "Evidence and care", _evidence),
    (_NOT_BOARD, "Changes", _changes),
)


def _day(at: datetime | None) -> str:
    return f'<span class="date">{utc_day(at)}</span>' if at else "not known yet"


def _data(value: float | None, words: str) -> str:
    shown = (
        f"{value:g}" if isinstance(value, float) and value != int(value) else "" if value is None else f"{value:.0f}"
    )
    return f'<data value="{shown}">{escaped(words)}</data>'


def _number(value: int) -> str:
    return _data(value, number(value))
