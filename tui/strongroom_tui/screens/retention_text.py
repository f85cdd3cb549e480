"""Retention in words: totals, what keeps an archive, and holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from rich.text import Text

from strongroom.engine.core.moments import Moment
from strongroom.engine.retention.verdicts import RetentionTotals
from strongroom.model.destruction import Stage
from strongroom.model.hold import Hold, HoldRule
from strongroom.model.retention import Fate, Verdict
from strongroom_tui.widgets.amounts import first_that_fits, local, number
from strongroom_tui.widgets.icons import Mark
from strongroom_tui.widgets.text import clean, clip

FATES: Mapping[Fate, Mark] = MappingProxyType(
    {
        Fate.KEEP: Mark("✓", Fate.KEEP.words, "green"),
        Fate.HELD: Mark("■", Fate.HELD.words, "cyan"),
        Fate.DUE: Mark("○", Fate.DUE.words, "yellow"),
        Fate.UNKNOWN: Mark("?", "unknown", "yellow"),
        Fate.DESTROYED: Mark("-", "destroyed"),
    }
)
STAGES: Mapping[Stage, Mark] = MappingProxyType(
    {
        Stage.PROPOSED: Mark("○", "proposed", "yellow"),
        Stage.APPROVED: Mark("!", "approved", "bold yellow"),
        Stage.DESTROYING: Mark("✗", "destroying", "bold red"),
        Stage.DESTROYED: Mark("-", "destroyed"),
        Stage.WITHDRAWN: Mark("←", "withdrawn"),
        Stage.SPARED: Mark("✓", "spared", "green"),
    }
)


def totals_line(totals: RetentionTotals, archives: int, width: int, *, fixed: bool) -> Text:
    """Return retention at a glance, on one line."""
    when = f"as of {totals.at:%Y-%m-%d}" if fixed else "now"
    parts = [
        f"{when}: {number(totals.over)} of {number(archives, 'archive')} are past their retention period",
        f"{number(totals.holds, 'hold')} of {number(totals.matters, 'matter')}" if totals.holds else "no active hold",
        f"{number(totals.proposals, 'plan')} of destruction" if totals.proposals else "nothing is to be destroyed",
    ]
    most = parts if totals.proposals else parts[:-1]
    over = f"{when}: {number(totals.over)} of {number(archives, 'archive')} past retention"
    short = [over, number(totals.holds, "hold") if totals.holds else "no hold"]
    short += [number(totals.proposals, "plan")] if totals.proposals else []
    ways = [" · ".join(parts), " · ".join(most), " · ".join([over, *most[1:]]), " · ".join(short), over]
    return Text(clip(first_that_fits(ways, width), width))


def keeping_facts(
    verdict: Verdict, holds: Sequence[Hold], moments: Sequence[Moment], signed: int
) -> list[tuple[str, str]]:
    """Return what keeps an archive, and what proves what happened to it."""
    mark = FATES[verdict.fate]
    facts = [("verdict", f"{mark.symbol} {verdict.words}")]
    if verdict.fate is Fate.HELD:  # the end of the period is none of the hold
        facts.append(("hold ends", "when it is released; a hold has no end date"))
        if verdict.until is not None:
            facts.append(("period", f"ends {verdict.until:%Y-%m-%d}"))
    if verdict.rule is not None:
        cited = f", {verdict.rule.citation}" if verdict.rule.citation else ""
        facts.append(("rule", f"{verdict.rule.words}{cited}"))
    facts += [("hold", f"{hold.matter}, since {hold.placed_at:%Y-%m-%d}: {hold.reason}") for hold in holds]
    if moments:
        last = max(each.seq for each in moments)
        covered = f"under the checkpoint over {number(signed)}" if last <= signed else "not all signed yet"
        facts.append(("evidence", f"{number(len(moments), 'entry')} of the log up to {number(last)}, {covered}"))
    return facts


def read_day(text: str) -> datetime | None:
    """Read a date as its first instant in UTC; None for none or one that cannot be read."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def rule_words(rule: HoldRule) -> str:
    """Say what a hold keeps."""
    if rule.everything:
        return "the whole vault"
    parts = [
        f"source {rule.source}" if rule.source else "",
        f"stream {rule.stream}" if rule.stream else "",
        f"dataset {rule.dataset}" if rule.dataset else "",
        f"from {rule.start:%Y-%m-%d}" if rule.start else "",
        f"before {rule.end:%Y-%m-%d}" if rule.end else "",
        number(len(rule.archives), "archive") if rule.archives else "",
    ]
    return ", ".join(clean(part) for part in parts if part)


def caught_words(rule: HoldRule, caught: int) -> str:
    """Say how much a hold keeps: one that names archives keeps those alone, any other what comes later too."""
    now = number(caught, "archive")
    return now if rule.archives else f"{now} now, and what comes later"


def release_words(hold: Hold, caught: int) -> str:
    """Say what the release of a hold means."""
    return (
        f"Matter {hold.matter}, {rule_words(hold.rule)}: it covers {caught_words(hold.rule, caught)}.\n"
        f"On hold since {hold.placed_at:%Y-%m-%d} by {hold.placed_by}: {hold.reason}\n"
        "What no other hold covers may then be destroyed once its period is over. Erasures that waited for it "
        "complete by themselves. The reason is kept."
    )


def told_hold(hold: Hold, caught: int | None) -> Text:
    """Return one hold at length."""
    mark = ("■ active", "bold cyan") if hold.stands else ("← released", "bold")
    text = Text.assemble(mark, f"  {clean(hold.matter)}\n\n")
    facts = [
        ("hold", hold.id),
        ("covers", rule_words(hold.rule)),
        ("archives", "" if caught is None else caught_words(hold.rule, caught)),
        ("placed", f"{local(hold.placed_at)} by {hold.placed_by}"),
        ("reason", hold.reason),
        ("released", f"{local(hold.released_at)} by {hold.released_by}" if hold.released_at else ""),
        ("because", hold.release_reason),
    ]
    for name, value in facts:
        if value:
            text.append(f"  {name:<10} ", "bold").append(f"{clean(value)}\n")
    return text
