"""The copies of the vault in words: a line each for a tile, and all that is known of them for Health."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace
from rich.text import Text

from strongroom.engine.copies.copy_status import CopyFinding, CopyStatus, rehearsal_words
from strongroom.model.text import clean
from strongroom.text.states import BAD, DOUBT, GOOD, Mark
from strongroom.text.times import local_day_minute
from strongroom.text.units import number, span

NONE = "none: everything is on one disk. docs/copies.md says how to keep a copy"


def copy_mark(each: CopyStatus, now: datetime) -> Mark:
    """Return the state of a copy, in the words of `strongroom copy status`."""
    words = clean(each.words(now))
    if each.findings:
        return Mark("✗", words, BAD)
    if each.is_late(now) or each.state.failure or not each.configured:
        return Mark("▲", words, DOUBT)
    if each.begun and each.backlog.complete:
        return Mark("✓", words, GOOD)
    return Mark("○", words, "")


def copy_facts(copies: Sequence[CopyStatus], now: datetime) -> list[Text]:
    """Return a line for each copy, those that need a person first. Why one failed is said in Health."""
    marks = [(each, copy_mark(each, now)) for each in copies]
    order = ["✗", "▲", "○", "✓"]
    marks.sort(key=lambda each: order.index(each[1].symbol))
    names = min(12, max((len(each.name) for each, _mark in marks), default=0))
    return [
        Text(f"{mark.symbol} {clean(each.name):<{names}} {clean(_briefly(each, now))}", mark.style)
        for each, mark in marks
    ]


def _briefly(each: CopyStatus, now: datetime) -> str:
    return replace(each, state=replace(each.state, failure="")).words(now)


def copy_lines(copies: Iterable[CopyStatus], found: Sequence[CopyFinding], now: datetime) -> Iterator[Text]:
    """Yield what is known of each copy: its state, where it is, what is wrong in it, when it was read and restored."""
    shown = False
    for each in copies:
        shown, mark = True, copy_mark(each, now)
        yield Text(f"  {mark.symbol} {clean(each.name)}: {mark.word}", mark.style)
        if each.place:
            yield Text(f"    {clean(each.place)}")
        if each.begun:
            yield Text(f"    {_complete(each)}; {_read(each, now)}; {clean(rehearsal_words(each.state, now))}")
        wrong = [one for one in found if one.copy == each.name]
        yield from (Text(f"    {clean(one.object)}: {clean(one.message)}", BAD) for one in wrong)
        if each.findings > len(wrong) > 0:
            yield Text(f"    and {number(each.findings - len(wrong))} more: strongroom copy status shows them")
    if not shown:
        yield Text(f"  {NONE}")


def _complete(each: CopyStatus) -> str:
    at = each.state.complete_at
    return f"last complete on {local_day_minute(at)}" if at else "never complete yet"


def _read(each: CopyStatus, now: datetime) -> str:
    at = each.state.scrubbed_at
    return f"every object read again {span(now - at)} ago" if at else "not read again yet"
