"""What stands for and against destroying one archive now: its retention rule, its holds, and the words for a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from strongroom.engine.retention.retain import is_locked
from strongroom.engine.retention.verdicts import verdict
from strongroom.model.archive import Archive
from strongroom.model.retention import AtEnd
from strongroom.model.retention import Fate as Fate  # the steps of a destruction name it from here
from strongroom.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Judgement:
    """One verdict, in the words that go onto a plan."""

    fate: Fate
    rule: str  # the retention rule, in words
    citation: str
    words: str  # why, for a person
    at_end: AtEnd = AtEnd.ASK
    locked: bool = False  # the rule can only be lengthened: no ground outweighs it


Judge = Callable[[Vault, Archive, datetime], Judgement]


def judge_anew(vault: Vault, archive: Archive, at: datetime) -> Judgement:
    """Judge an archive as of an instant, from its rule as fixed at ingest and the holds that stand."""
    found = verdict(vault, archive, at)
    rule = found.rule
    return Judgement(
        fate=found.fate,
        rule=f"no rule of class {archive.retention} is known" if rule is None else rule.words,
        citation="" if rule is None else rule.citation,
        words=found.reason,
        at_end=AtEnd.ASK if rule is None else rule.at_end,
        locked=is_locked(vault),
    )
