"""Is this window's volume like the stream's own past? A busy stream that suddenly returns nothing is worth a word.

It is reported and never fatal: an export may really be empty, and only a person can know why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from strongroom.model.counts import counted

LEAST_PAST = 5  # windows; before that a stream has no habits
BUSY = 20.0  # records; a quiet stream may well have an empty window


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A volume that does not fit."""

    code: str  # volume-none or volume-drop
    message: str


def judge_volume(records: int, past: Sequence[int]) -> Anomaly | None:
    """Compare a window's records with those of the windows before it, all of one length."""
    if len(past) < LEAST_PAST:
        return None
    usual = median(past)
    if usual < BUSY:
        return None
    if records == 0:
        return Anomaly("volume-none", f"no record at all, where {usual:.0f} are usual for this stream")
    if records < usual * 0.1 and records < min(past):
        return Anomaly("volume-drop", f"{counted(records, 'record')}, where {usual:.0f} are usual for this stream")
    return None
