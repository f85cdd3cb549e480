"""What a careful operator would check by hand, each with what to do about it.

Changes nothing but what the vault knows of how long each provider keeps records.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef, resolve
from strongroom.engine.access.recipients import require_sealable, undrilled
from strongroom.engine.core.check import UNFINISHED, cause_words, unread_words
from strongroom.engine.core.check import Check as Check
from strongroom.engine.core.check import CheckResult as CheckResult
from strongroom.engine.core.identities import needs_passphrase
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import Dependencies, build_source, open_reading, plans_of, streams_of
from strongroom.engine.core.trusted_clock import time_mark
from strongroom.engine.destruction.log_consistency import held_otherwise
from strongroom.engine.ingest.coverage import MIXED, is_mixed, is_snapshot
from strongroom.engine.ingest.renames import accounts_of, pending_renames
from strongroom.engine.monitor.config_check import check_beginnings, check_who_writes
from strongroom.engine.monitor.source_check import (
    check_clock,
    check_offer,
    check_retention,
    check_settling,
    notes_of,
    store_reported,
)
from strongroom.engine.monitor.system_status import disk_forecast
from strongroom.engine.proof.checkpoint_delivery import evidence_view
from strongroom.engine.proof.checkpoints import contradictions, origin_in
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.engine.proof.log_continuity import AFTER_LOSS, LOST, is_history_missed
from strongroom.engine.repair.vault_folder import check_files
from strongroom.engine.retention.holds import unconfigured
from strongroom.evidence.line import read_chain
from strongroom.model.coverage import closers_of
from strongroom.model.errors import RequestRefused, StrongroomError, VaultError
from strongroom.model.names import Noun
from strongroom.model.plan import ExportSpec, Plan, Stream
from strongroom.model.text import counted
from strongroom.model.times import Clock, rough_duration
from strongroom.model.window import Window
from strongroom.providers.port import Provider
from strongroom.vault.files import is_there, open_lines
from strongroom.vault.holds import holds
from strongroom.vault.lock import describe_holder, is_held
from strongroom.vault.recipients import known_set, short_key
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.streams import renames
from strongroom.vault.vault import Vault

_DAY = timedelta(days=1)
DISK_SOON = 14 * _DAY
_LITTLE = 65_536  # bytes that must fit for anything to be written down
_ANY_DAY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


def examine(config: Config, dependencies: Dependencies, *, offline: bool = False) -> Iterator[Check]:
    """Yield every check as it is done; sources are asked over the network unless `offline`."""
    yield from (Check("configuration", CheckResult.WARN, str(caution)) for caution in config.warnings)
    yield Check("configuration", CheckResult.OK, f"{config.file} is valid")
    yield from _guarded("configuration", partial(check_who_writes, config))
    yield from _guarded("vault", partial(_vault, config, dependencies.clock))
    yield from _guarded("files", partial(check_files, config.vault.path))
    yield from _guarded("identity", partial(_identity, config))
    yield from _guarded("keys", partial(_keys, config, dependencies))
    for source in config.sources:
        name = f"source {source.name}"
        yield from _guarded(f"{name} key", partial(_secret, name, source.api_key))
        if not offline:
            yield from _guarded(name, partial(_source, config, source.name, dependencies))
    yield from _guarded("streams", partial(check_streams, config, dependencies))
    yield from _guarded("configuration", lambda: check_beginnings(config, dependencies.clock()))


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield what a check finds; one that cannot be finished keeps what it found, and says so."""
    try:
        yield from check()
    except RowUnreadable as error:
        yield Check(name, CheckResult.FAIL, unread_words(error), error.hint)
    except StrongroomError as error:
        yield Check(name, CheckResult.FAIL, error.message, error.hint)
    except OSError as error:
        yield Check(name, CheckResult.FAIL, cause_words(error))
    except UNFINISHED as error:
        yield Check(name, CheckResult.FAIL, unread_words(error), "see what was changed: strongroom audit verify")


def _vault(config: Config, clock: Clock) -> Iterator[Check]:
    with open_reading(config) as vault:
        yield Check("vault", CheckResult.OK, f"{vault.layout.root} opens")
        for name, check in _parts(config, vault, clock):
            yield from _guarded(name, check)


def _parts(config: Config, vault: Vault, clock: Clock) -> Iterator[tuple[str, Callable[[], Iterator[Check]]]]:
    """Yield each check of an open vault with its name; none keeps the others from being done."""
    yield "permissions", lambda: iter([_permissions(vault.layout.root)])
    yield "disk", lambda: iter([_room(config, vault)])
    yield "disk", lambda: check_writing(vault.layout.tmp)
    yield "log", lambda: _log(vault)
    yield "holds", lambda: _holds(vault)
    yield "configuration", lambda: _renames(config, vault)
    yield "time", lambda: _time(config, vault, clock)
    yield "holds", lambda: _unconfigured_holds(config, vault)
    yield "history", lambda: _history(vault)
    yield "checkpoints", lambda: _checkpoints(config, vault)
    yield "lock", lambda: _lock(vault)


def _history(vault: Vault) -> Iterator[Check]:
    if is_history_missed(vault):
        yield Check("history", CheckResult.WARN, LOST, AFTER_LOSS)


def _lock(vault: Vault) -> Iterator[Check]:
    holder = describe_holder(vault.layout.lock) if is_held(vault.layout.lock) else ""
    yield Check("lock", CheckResult.OK, f"in use by {holder}" if holder else "no process is working in the vault")


def _time(config: Config, vault: Vault, clock: Clock) -> Iterator[Check]:
    """Yield that our clock is behind the time that the vault was sure of last; nothing where it is not."""
    mark, now = time_mark(vault.catalogue), clock()
    if mark is not None and mark - now > config.vault.clock_tolerance:
        words = f"this clock is {rough_duration(mark - now)} behind the last confirmed time in the catalogue"
        hint = "compare the clock with another one; if it is right, the row was changed: strongroom audit verify"
        yield Check("time", CheckResult.FAIL, words, hint)


def _permissions(root: Path) -> Check:
    mode = root.stat().st_mode & 0o777
    if mode & 0o077:
        return Check(
            "permissions", CheckResult.WARN, f"others can enter the vault (mode {mode:o})", f"chmod 700 {root}"
        )
    if not os.access(root, os.W_OK):
        return Check("permissions", CheckResult.FAIL, "the vault cannot be written by this user", f"chown it: {root}")
    return Check("permissions", CheckResult.OK, "only its owner can enter the vault")


def _room(config: Config, vault: Vault) -> Check:
    found = disk_forecast(vault, (each.name for each in config.streams), config.vault.min_free)
    words = f"{found.free / 1e9:.1f} GB free, the reserve is {found.reserve / 1e9:.1f} GB"
    if found.lasts is not None:
        reached = f"; at {found.per_day / 1e6:.1f} MB a day it is reached in {rough_duration(found.lasts)}"
        words += reached if found.lasts <= 365 * _DAY else "; at the present rate it is not reached within a year"
    if found.free < found.reserve:
        return Check("disk", CheckResult.FAIL, words, "free space: no export is made below the reserve")
    soon = found.lasts is not None and found.lasts < DISK_SOON
    return Check("disk", CheckResult.WARN if soon or found.free < 2 * found.reserve else CheckResult.OK, words)


def check_writing(folder: Path) -> Iterator[Check]:
    """Write a little into the vault and forget it: without a reserve, a disk that is full looks like any other."""
    if not os.access(folder, os.W_OK):
        return  # reported with its permissions, or created by the next process that works in the vault
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_LITTLE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        words = f"nothing can be written into the vault: {error.strerror}"
        yield Check("disk", CheckResult.FAIL, words, "free space, or fix the disk: nothing is archived until then")


def _checkpoints(config: Config, vault: Vault) -> Iterator[Check]:
    """Say whether the log is signed, and whether that leaves this machine: a log that only we know proves little."""
    view = evidence_view(config, vault)
    if view.trouble:
        yield Check("checkpoints", CheckResult.FAIL, view.trouble, "run: strongroom audit verify")
    elif not view.signing:
        yield Check("checkpoints", CheckResult.WARN, "the log is not signed: there is no [vault] signing_key")
    elif not view.targets:
        hint = "add targets for them with [[evidence.send_to]]"
        yield Check("checkpoints", CheckResult.WARN, "checkpoints of the log stay on this machine", hint)
    if view.unkept:
        words = f"the last checkpoint could not be kept beside the signing key: {view.unkept}"
        hint = "keep the key in a folder that this user can write: that note also reveals a rolled-back vault"
        yield Check("checkpoints", CheckResult.WARN, words, hint)
    yield from _signed(config, vault)
    for each in view.targets:
        words = f"{each.target}: failed {counted(each.tries, 'time')}, the last with: {each.failure}"
        if view.owed(each) and each.tries:
            yield Check(
                "checkpoints", CheckResult.WARN, words, "it is tried again; or now: strongroom audit checkpoint"
            )


def _signed(config: Config, vault: Vault) -> Iterator[Check]:
    """Compare the log with every checkpoint at hand: in the vault, in targets' folders, and beside the signing key."""
    places = known_checkpoints(config).look(origin_in(vault))
    for place in places:
        if place.unread:
            words, hint = f"{place.name} could not be read: {place.unread}", "is it mounted, and readable?"
            yield Check("checkpoints", CheckResult.WARN, words, hint)
    hint = "the log was cut, changed or rolled back; compare with a copy: strongroom audit verify"
    try:
        found = list(contradictions(vault, places))
    except VaultError as error:
        verdict = (
            CheckResult.WARN if is_held(vault.layout.lock) else CheckResult.FAIL
        )  # its next line may be on its way
        yield Check("checkpoints", verdict, f"the log cannot be compared with them: {error.message}", error.hint)
        return
    for where, words in found:
        yield Check("checkpoints", CheckResult.FAIL, f"{where}: {words}", hint)
    known = sum(1 for place in places if place.checkpoint is not None)
    if not found and known:
        words = f"the log continues the newest checkpoint of {counted(known, 'place')} outside the vault"
        yield Check("checkpoints", CheckResult.OK, words)


def _log(vault: Vault) -> Iterator[Check]:
    if not is_there(vault.layout.log):
        yield Check("log", CheckResult.FAIL, "the evidence log is missing", "restore log/log.jsonl from a copy")
        return
    with open_lines(vault.layout.log) as file:
        count = sum(1 for _ in read_chain(line.rstrip(b"\n") for line in file))
    newest = newest_moments(vault, 1)
    expected = newest[0].seq if newest else 0
    if count != expected:
        words = f"the log file has {counted(count, 'entry')}, the catalogue has {expected}"
        behind = count < expected and is_held(vault.layout.lock)
        hint = "compare log/log.jsonl with a copy: the log or the catalogue was cut or is older"
        yield Check("log", CheckResult.WARN if behind else CheckResult.FAIL, words, "" if behind else hint)
        return
    yield Check("log", CheckResult.OK, f"{counted(count, 'entry')}, every one follows the one before it")


def _holds(vault: Vault) -> Iterator[Check]:
    """Say whether the holds are those recorded in the log: nobody is shown a hold whose row is gone."""
    hint = "nothing is destroyed until it is repaired; see: strongroom recover"
    for words in held_otherwise(vault.catalogue):
        yield Check("holds", CheckResult.FAIL, words, hint)


def _renames(config: Config, vault: Vault) -> Iterator[Check]:
    """Warn of names that take effect with the next start; one that it will refuse ends this check."""
    for each in pending_renames(vault.catalogue, accounts_of(config.sources), streams_of(config)):
        words = f"{each.noun} {each.old} was renamed to {each.new}, which takes effect with the next run"
        yield Check("configuration", CheckResult.WARN, words)


def _unconfigured_holds(config: Config, vault: Vault) -> Iterator[Check]:
    """Warn of holds on a source, stream or dataset that nothing is configured for: nothing new comes under them."""
    renamed = renames(vault.catalogue)
    for each in holds(vault.catalogue):
        source, stream = renamed.present(Noun.SOURCE, each.rule.source), renamed.present(Noun.STREAM, each.rule.stream)
        gone = unconfigured(config, each.rule)
        if gone and unconfigured(config, replace(each.rule, source=source, stream=stream)):
            words = f"hold {each.id} is on {gone}, which is not in the configuration any more"
            hint = "if it was renamed, place the hold on its new name, too: strongroom hold place"
            yield Check("holds", CheckResult.WARN, words, hint)


def _identity(config: Config) -> Iterator[Check]:
    path = config.vault.identity
    if path is None:
        yield Check(
            "identity", CheckResult.OK, "no identity file is configured: give it with --identity to open archives"
        )
    elif not needs_passphrase(path):
        hint = "protect it with a passphrase (age -p), or keep it on another machine"
        yield Check(
            "identity", CheckResult.WARN, f"{path} has no passphrase: anyone who reads it can open every archive", hint
        )
    else:
        yield Check("identity", CheckResult.OK, f"{path} is protected by a passphrase")


def _keys(config: Config, dependencies: Dependencies) -> Iterator[Check]:
    """Say whether archives can be sealed to the keys, whether the set is the one that is known, and lately proven."""
    require_sealable(config.vault.recipients, dependencies.random_bytes)
    with open_reading(config) as vault:
        known = {each.key for each in known_set(vault.catalogue)}
        if known and known != set(config.vault.recipients):
            words = "the configuration names other keys than the vault has seen: the next start raises an alert"
            yield Check("keys", CheckResult.WARN, words, "see: strongroom key list")
        late = [each.key for each in undrilled(vault, config.vault.drill_every, dependencies.clock())]
        if late:
            days = config.vault.drill_every.days
            words = f"no drill was passed in {counted(days, 'day')} with {', '.join(short_key(key) for key in late)}"
            yield Check("keys", CheckResult.WARN, words, "prove that each opens an archive: strongroom key drill")
        else:
            yield Check("keys", CheckResult.OK, f"{counted(len(config.vault.recipients), 'key')} can open new archives")


def _secret(name: str, ref: SecretRef) -> Iterator[Check]:
    resolve(ref)
    yield Check(f"{name} key", CheckResult.OK, f"found ({ref})")


def _source(config: Config, name: str, dependencies: Dependencies) -> Iterator[Check]:
    source = config.source(name)
    provider = build_source(source, config, dependencies).provider
    probe = provider.probe()
    store_reported(config, name, probe)
    label = f"source {name}"
    yield check_offer(label, probe, source.provider, paged=provider.capabilities.paged)
    clock = check_clock(name, probe)
    yield from [clock] if clock and clock.verdict is not CheckResult.OK else []
    yield from (Check(label, CheckResult.WARN, note) for note in notes_of(probe, config.source(name).retention_days))
    yield from check_retention(label, source.retention_days, probe)
    for plan in plans_of(config):  # what is known without asking, check_streams looks at
        copied = is_snapshot(provider, plan.stream.datasets, plan.stream.filters)
        if provider.limits.retention is None and plan.stream.source == name and not copied:
            yield from check_settling(plan, probe.retention)


def check_streams(config: Config, dependencies: Dependencies) -> Iterator[Check]:
    """Hold every stream against what its provider exports; asks nobody."""
    plans = plans_of(config)
    for source in config.sources:
        provider = build_source(source, config, dependencies).provider
        own = [plan for plan in plans if plan.stream.source == source.name]
        for plan in own:
            yield from _stream(provider, plan, [each.stream for each in own])


def _stream(provider: Provider, plan: Plan, own: list[Stream]) -> Iterator[Check]:
    stream, label = plan.stream, f"stream {plan.stream.name}"
    if is_mixed(provider, stream):
        yield Check(label, CheckResult.FAIL, f"{MIXED}: nothing in it is archived", "make one stream for each kind")
        return
    try:
        provider.ask(ExportSpec(stream.datasets, _ANY_DAY, stream.filters))
    except RequestRefused as error:
        yield Check(label, CheckResult.FAIL, error.message, error.hint)
        return
    if is_snapshot(provider, stream.datasets, stream.filters) and plan.settled_pass is not None:
        yield Check(label, CheckResult.WARN, "settled_pass has no effect on a stream without time windows", "remove it")
    if not is_snapshot(provider, stream.datasets, stream.filters):
        yield from check_settling(plan, provider.limits.retention)
    for spot in provider.capabilities.blind_spots:
        if spot.dataset in stream.datasets and not closers_of(stream, spot, own):
            hint = f"add a stream of {spot.closed_by} without filters, of the same source"
            yield Check(label, CheckResult.WARN, f"it leaves out {spot.lacks}, and no other stream archives them", hint)
