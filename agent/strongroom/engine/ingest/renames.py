"""Renamed streams and sources: a new name in the configuration for one that is gone from it.

A stream is recognized by its account, datasets and filters. A person may change a name at any time; that must not
export a destroyed window again, or take archives out of a hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from strongroom.config.sources import SourceSettings
from strongroom.engine.retention.holds import repeat_hold
from strongroom.evidence.line import Entry, Fact
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import UsageError
from strongroom.model.hold import HoldRule
from strongroom.model.names import Noun, Renamed, fold_name, pair_names
from strongroom.model.plan import Stream
from strongroom.model.times import Chance
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.holds import holds
from strongroom.vault.log import add_entry
from strongroom.vault.streams import (
    covered_streams,
    known_accounts,
    move_source,
    move_stream,
    provider_of,
    put_accounts,
    renames,
)
from strongroom.vault.vault import Vault

_MOVES = {Noun.STREAM: move_stream, Noun.SOURCE: move_source}
_RENAMED = {Noun.STREAM: EntryKind.STREAM_RENAMED, Noun.SOURCE: EntryKind.SOURCE_RENAMED}


def accounts_of(sources: Iterable[SourceSettings]) -> dict[str, str]:
    """Return what identifies each source's account: its provider, and a digest of its address and key reference."""
    return {each.name: f"{each.provider} {_digest_of(each)}" for each in sources}


def _digest_of(source: SourceSettings) -> str:
    key = [source.provider, source.base_url or "", source.api_key.scheme.value, source.api_key.target]
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]


def adopt_renames(
    vault: Vault, accounts: Mapping[str, str], streams: Iterable[Stream], now: datetime, random_bytes: Chance
) -> list[Renamed]:
    """Recognize the sources and streams that were renamed, move what is recorded under the name, and return them.

    `accounts` identify the configured sources (`accounts_of`). Holds on the old name are also placed on the new one, as
    separate holds, which are released like any other. Raises UsageError, having changed nothing, where only a person
    knows whether an account is the same.
    """
    catalogue, configured = vault.catalogue, list(streams)
    with catalogue.transaction():
        done = _rename(catalogue, find_source_renames(catalogue, accounts), now, random_bytes)
        require_same_source(configured, covered_streams(catalogue))
        done += _rename(catalogue, find_renames(configured, covered_streams(catalogue)), now, random_bytes)
        _require_distinct(catalogue, accounts, configured, covered_streams(catalogue))
    if done:
        vault.write_log()
    put_accounts(catalogue, accounts)
    return done


def pending_renames(catalogue: Catalogue, accounts: Mapping[str, str], streams: Iterable[Stream]) -> list[Renamed]:
    """Return the renames that the next start will make. Raises UsageError where it will refuse one."""
    sources = find_source_renames(catalogue, accounts)
    present = {each.old: each.new for each in sources}
    covered = [replace(each, source=present.get(each.source, each.source)) for each in covered_streams(catalogue)]
    configured = list(streams)
    require_same_source(configured, covered)
    found = find_renames(configured, covered)
    names = {each.old: each.new for each in found}
    covered = [replace(each, name=names.get(each.name, each.name)) for each in covered]
    _require_distinct(catalogue, accounts, configured, covered)
    return [*sources, *found]


def _rename(catalogue: Catalogue, found: list[Renamed], now: datetime, random_bytes: Chance) -> list[Renamed]:
    for each in found:
        _MOVES[each.noun](catalogue, each.old, each.new)
        facts: dict[str, Fact] = {"from": each.old, "to": each.new}
        stream = each.new if each.noun is Noun.STREAM else ""
        add_entry(catalogue, Entry(_RENAMED[each.noun], now, stream=stream, facts=facts))
        for hold in holds(catalogue):
            name = hold.rule.stream if each.noun is Noun.STREAM else hold.rule.source
            if fold_name(name) == fold_name(each.old):
                repeat_hold(catalogue, hold, _renamed(hold.rule, each), each.noun, now, random_bytes)
    return found


def _renamed(rule: HoldRule, rename: Renamed) -> HoldRule:
    return replace(rule, stream=rename.new) if rename.noun is Noun.STREAM else replace(rule, source=rename.new)


def find_source_renames(catalogue: Catalogue, accounts: Mapping[str, str]) -> list[Renamed]:
    """Pair each new source with the missing one that has the same account.

    Raises UsageError where a new source has a name that another source had before it was renamed.
    """
    known, renamed = known_accounts(catalogue), renames(catalogue)
    found = pair_names(Noun.SOURCE, known, accounts)
    for name in accounts.keys() - known.keys() - {each.new for each in found}:
        present = renamed.present(Noun.SOURCE, name)
        if present != name:
            raise UsageError(
                f"source {name} is new, but source {present} had that name before",
                hint="give the new source a name that no other source had: archives are recorded under it",
            )
    return found


def require_same_source(configured: Iterable[Stream], covered: Iterable[Stream]) -> None:
    """Raise UsageError where a stream was archived from a source of another name.

    A source that was only renamed was recognized before. For any other, only a person knows whether it is another
    account, whose records are not archived yet, or the same one, whose destroyed windows must not come back.
    """
    sources = {each.name: each.source for each in covered}
    for each in configured:
        was = sources.get(each.name) or each.source
        if was != each.source:
            raise _unclear(
                f"stream {each.name} was archived from source {was}, and the configuration names source {each.source}",
                was,
            )


def _require_distinct(
    catalogue: Catalogue, accounts: Mapping[str, str], configured: list[Stream], covered: list[Stream]
) -> None:
    """Raise UsageError where a new stream of a new source exports what a stream of a missing source exported."""
    known = {each.name for each in covered} | {each.source for each in covered}
    gone = {each.source for each in covered} - accounts.keys()
    for fresh in (each for each in configured if each.name not in known and each.source not in known):
        for was in (each for each in covered if each.source in gone and _wants(each) == _wants(fresh)):
            if provider_of(catalogue, was.source) in ("", accounts[fresh.source].partition(" ")[0]):
                raise _unclear(
                    f"stream {fresh.name} of source {fresh.source} exports what stream {was.name} of source"
                    f" {was.source} exported, which is no longer in the configuration",
                    was.source,
                )


def _unclear(message: str, was: str) -> UsageError:
    return UsageError(
        message,
        hint=f'if it is the same account, call the source "{was}" again: holds, coverage and destructions are recorded'
        " under that name. Strongroom recognizes a new name after a run if provider, base_url and api_key stay."
        f" If it is another account, keep source {was} in the configuration and give the stream another"
        " name",
    )


def find_renames(configured: list[Stream], covered: list[Stream]) -> list[Renamed]:
    """Pair each new stream with the missing one that exported exactly the same."""
    known = {each.name: _asks(each) for each in covered}
    return pair_names(Noun.STREAM, known, {each.name: _asks(each) for each in configured})


def _asks(stream: Stream) -> tuple[object, ...]:
    return stream.source, *_wants(stream)


def _wants(stream: Stream) -> tuple[object, ...]:
    return frozenset(stream.datasets), frozenset(stream.filters)
