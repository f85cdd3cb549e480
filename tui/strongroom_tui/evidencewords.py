"""How the evidence stands, one entry, and what an audit came to, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.text import Text

from strongroom.engine.phrases import kind_words, told_facts
from strongroom.engine.proof.audit import Report
from strongroom.engine.proof.notary import EvidenceView
from strongroom.engine.readings import Moment
from strongroom_tui.amounts import local, number, span
from strongroom_tui.plain import clean, clip

LATE = 2  # days after which a checkpoint is old


def evidence_lines(view: EvidenceView, now: datetime, width: int) -> Text:
    """Return how the evidence stands: signed until when, and what is owed to whom."""
    return Text("\n").join(Text(clip(words, width), style) for words, style in _standing(view, now))


def _standing(view: EvidenceView, now: datetime) -> Iterator[tuple[str, str]]:
    if view.trouble:
        yield f"✗ the log is not signed any more: {view.trouble}", "bold red"
    if not view.signing:
        yield "! no signing key: the log is chained but not signed; see docs/evidence.md", "yellow"
    elif view.newest is None:
        yield "! no checkpoint yet: c makes one", "yellow"
    else:
        age = now - view.newest.at
        words = f"checkpoint over {number(view.newest.size, 'entry')} of the log"
        fresh = age.days < LATE
        yield f"{'✓' if fresh else '!'} {words}, {span(age)} ago", "green" if fresh else "yellow"
    if view.signing and not view.targets:
        yield "! checkpoints stay on this machine: name places with [[evidence.send_to]]", "yellow"
    for each in view.targets:
        if view.owed(each):
            why = f": {each.failure}" if each.failure else ""
            yield f"! {each.target} has not got the newest checkpoint{why}", "yellow"
        elif each.sent_at is not None:
            yield f"✓ sent to {each.target} {span(now - each.sent_at)} ago", "green"


def told_moment(moment: Moment) -> Text:
    """Return one entry with every fact it has."""
    text = Text.assemble((clean(moment.kind), "bold"), f"  entry {moment.seq}\n\n")
    if (meaning := kind_words(moment.kind)) != moment.kind:
        text.append(f"  {'means':<20} {meaning}\n")
    text.append(f"  {'at':<20} {local(moment.at)}\n")
    subjects = (("job", moment.job), ("archive", moment.archive))
    for name, words in [*(each for each in subjects if each[1]), *told_facts(moment.facts)]:
        text.append(f"  {clean(name):<20} {clean(words)}\n")
    if moment.words:
        text.append("\n  In words, beside the line and not part of the evidence:\n", "bold")
        text.append(f"  {clean(moment.words)}\n")
    return text


def told_audit(report: Report) -> Text:
    """Return what an audit proved, what it did not, and what is wrong."""
    if report.findings:
        count = number(len(report.findings), "finding")
        text = Text.assemble(("✗ the evidence does not hold together", "bold red"), f"  {count}\n\n")
    else:
        text = Text.assemble(("✓ nothing is wrong", "bold green"), "\n\n")
    for wrong in report.findings[:200]:
        text.append(f"  {clean(wrong.code)}", "bold red").append(
            f"  {clean(wrong.where)}\n    {clean(wrong.message)}\n"
        )
    for title, lines in (("Proven", report.proven), ("Not proven", report.unproven)):
        if lines:
            text.append(f"\n{title}\n", "bold underline")
            for line in lines:
                text.append(f"  {'✓' if title == 'Proven' else '·'} {clean(line)}\n")
    return text
