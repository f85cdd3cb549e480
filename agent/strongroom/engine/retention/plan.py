"""The retention plan in numbers: what may happen to the archives as of an instant, by class and by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from strongroom.engine.retention.verdicts import Judged
from strongroom.model.retention import Fate

NO_RULE = "(no rule)"


@dataclass(slots=True)
class ClassSum:
    """The archives that one class decides about."""

    name: str
    fates: Counter[Fate] = field(default_factory=Counter)
    next_over: datetime | None = None  # when the period of the next one that is kept ends


@dataclass(slots=True)
class Summary:
    """A whole plan in numbers."""

    at: datetime
    classes: dict[str, ClassSum] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)  # in which periods end, as 2033-11; held ones count, too
    fates: Counter[Fate] = field(default_factory=Counter)

    def add(self, each: Judged) -> None:
        """Count one archive in."""
        verdict, rule = each.verdict, each.record.rule
        name = rule.name if rule is not None else NO_RULE
        sums = self.classes.setdefault(name, ClassSum(name))
        sums.fates[verdict.fate] += 1
        self.fates[verdict.fate] += 1
        if verdict.until is None:
            return
        self.months[f"{verdict.until:%Y-%m}"] += 1
        if verdict.fate is Fate.KEEP and (sums.next_over is None or verdict.until < sums.next_over):
            sums.next_over = verdict.until


def summarise(found: Iterable[Judged], at: datetime) -> Summary:
    """Sum up judged archives."""
    summary = Summary(at)
    for each in found:
        summary.add(each)
    return summary
