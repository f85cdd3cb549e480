"""How the daemon stands, in one line: for systemd's status, the heartbeat and whoever reads them elsewhere.

What is wrong comes first. "Everything" is said to be archived only where nothing is wrong and nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.model.counts import counted
from strongroom.model.waiting import WaitGroup, group_words

ALL_WELL = "everything due is archived"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a daemon knows of itself and of what it covers."""

    clock: str = ""  # what speaks against the machine's clock, or empty
    refused: bool = False  # the configuration file was changed, and what it says now is refused
    failed: int = 0  # windows whose every try failed
    lost: int = 0  # periods that the provider deleted before they were archived
    doubted: int = 0  # unusually empty windows whose second look is pending
    paused: tuple[str, ...] = ()  # sources and streams that are paused in the vault
    unknown: tuple[str, ...] = ()  # streams of which nobody knows yet from when on they must be covered
    waits: tuple[WaitGroup, ...] = ()
    jobs: int = 0  # unfinished

    @property
    def all_well(self) -> bool:
        """Say whether nothing is wrong and nothing is left to do."""
        return self == Condition()


def condition_words(condition: Condition) -> str:
    """Say in one line how things stand."""
    return "; ".join(_parts(condition)) or ALL_WELL


def _parts(each: Condition) -> Iterator[str]:
    if each.clock:
        yield f"standing by: {each.clock}"
    if each.refused:
        yield "the changed configuration is refused and the previous one is active: run strongroom config check"
    if each.failed:
        yield f"{counted(each.failed, 'window')} failed: run strongroom coverage"
    if each.lost:
        yield f"{counted(each.lost, 'period')} lost: run strongroom coverage"
    if each.doubted:
        yield f"{counted(each.doubted, 'empty window')} to be exported again: run strongroom coverage"
    if each.paused:
        yield f"paused: {', '.join(each.paused)}"
    if each.unknown:
        yield f"the first day is not known yet: {', '.join(each.unknown)}"
    yield from map(group_words, each.waits)
    moving = each.jobs - sum(group.jobs for group in each.waits)
    if moving > 0:
        yield f"{counted(moving, 'job')} in progress"
