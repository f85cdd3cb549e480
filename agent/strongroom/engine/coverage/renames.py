"""A stream in the configuration that asks for the same as one that is gone from it was renamed, and stays what it was.

What is exported is decided by source, datasets and filters. A person may change the name at any time; that must not
export a destroyed window again, nor take archives to come out of a hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from strongroom.engine.retention.holding import repeat_hold
from strongroom.evidence.line import Entry, Fact
from strongroom.model.errors import UsageError
from strongroom.model.instants import Chance
from strongroom.model.naming import fold_name
from strongroom.model.stream import Stream
from strongroom.vault.holds import holds
from strongroom.vault.log import add_entry
from strongroom.vault.renames import covered_streams, move_stream
from strongroom.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Renamed:
    """One stream that goes by another name from now on."""

    old: str
    new: str


def adopt_renames(vault: Vault, streams: Iterable[Stream], now: datetime, chance: Chance) -> list[Renamed]:
    """Recognize the configured streams that were renamed, carry over what goes by the name, log it, and return them.

    Holds on the old name are placed on the new one, too: as holds of their own, which are released like any other.
    Raises UsageError, having changed nothing, as `require_same_source`.
    """
    catalogue, done = vault.catalogue, []
    configured = list(streams)
    require_same_source(configured, covered_streams(catalogue))
    with catalogue.transaction():
        for renamed in find_renames(configured, covered_streams(catalogue)):
            move_stream(catalogue, renamed.old, renamed.new)
            facts: dict[str, Fact] = {"from": renamed.old, "to": renamed.new}
            add_entry(catalogue, Entry("stream.renamed", now, stream=renamed.new, facts=facts))
            for hold in holds(catalogue):
                if fold_name(hold.rule.stream) == fold_name(renamed.old):
                    repeat_hold(catalogue, hold, replace(hold.rule, stream=renamed.new), now, chance)
            done.append(renamed)
    if done:
        vault.write_log()
    return done


def require_same_source(configured: Iterable[Stream], covered: Iterable[Stream]) -> None:
    """Raise UsageError where a stream was archived from a source of another name.

    A source's name is its account: holds, coverage and what was destroyed go by it. Nobody but a person knows whether
    another name is another account, whose records are not archived yet, or the same one, whose destroyed windows must
    not come back.
    """
    sources = {each.name: each.source for each in covered}
    for each in configured:
        was = sources.get(each.name) or each.source
        if was != each.source:
            raise UsageError(
                f"stream {each.name} was archived from source {was}, and the configuration names source {each.source}",
                hint=f'if it is the same account, call the source "{was}" again: holds, coverage and what was destroyed'
                " go by that name; if it is another account, give the stream another name",
            )


def find_renames(configured: list[Stream], covered: list[Stream]) -> list[Renamed]:
    """Pair each configured stream that covers nothing with the one gone stream that asked for exactly the same."""
    names, known = {each.name for each in configured}, {each.name for each in covered}
    gone = [each for each in covered if each.name not in names]
    found = []
    for fresh in configured:
        same = [each for each in gone if _asks(each) == _asks(fresh)]
        if fresh.name not in known and len(same) == 1:
            found.append(Renamed(same[0].name, fresh.name))
            gone.remove(same[0])
    return found


def _asks(stream: Stream) -> tuple[object, ...]:
    return stream.source, frozenset(stream.datasets), frozenset(stream.filters)
