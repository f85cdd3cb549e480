"""Opening a vault for destructions under the configured rules, and what CLI and screen ask about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from strongroom.config.schema import Config
from strongroom.engine.access.inventory import find_archive, single
from strongroom.engine.copies.removal import remove_from_copies
from strongroom.engine.core.alert_store import open_alerts
from strongroom.engine.core.sources import Dependencies, build_sources, open_reading, zones_of
from strongroom.engine.core.trusted_clock import clock_votes, require_trustworthy_time, time_alarms, vault_now
from strongroom.engine.destruction.context import DestructionContext, note_rules, rules_of
from strongroom.engine.destruction.erasure import Pending, pending_by_archive
from strongroom.engine.destruction.execute import signer_of
from strongroom.engine.destruction.propose import DestructionPlan, candidates, propose, read_plan
from strongroom.engine.retention.rules import adopt_zones
from strongroom.engine.retention.verdicts import Judgement, due
from strongroom.evidence.note import Signer as Signer
from strongroom.model.alert import AlertKind
from strongroom.model.archive import Archive
from strongroom.model.clock_check import ClockVote
from strongroom.model.destruction import PROGRAM
from strongroom.model.erasure import Erasure
from strongroom.model.errors import VaultError, WorldError
from strongroom.model.retention import AtEnd
from strongroom.vault.archives import readable_archives
from strongroom.vault.catalogue import find_by_prefix
from strongroom.vault.destructions import (
    live_proposals,
    newest_erasures,
    newest_proposals,
)
from strongroom.vault.lock import hold
from strongroom.vault.rows import RowUnreadable, leave_out
from strongroom.vault.tombstones import DestroyedArchive as DestroyedArchive
from strongroom.vault.tombstones import get_tombstone, newest_tombstones, tombstone_body
from strongroom.vault.vault import Vault

_SEE = "see: strongroom destroy list, strongroom erase list"


class DestructionOverview(Struct, frozen=True):
    """Plans and destroyed archives, for a list."""

    plans: tuple[DestructionPlan, ...]  # oldest first; with `everything` also those that are over
    destroyed: tuple[DestroyedArchive, ...]  # newest first


def context_of(config: Config, vault: Vault, dependencies: Dependencies, *, ask: bool = False) -> DestructionContext:
    """Return the context for a vault, under the rules of the configuration.

    With `ask`, the providers give the time before anything is destroyed. A daemon asks them separately and must
    not wait for them here.
    """
    return DestructionContext(
        vault=vault,
        clock=lambda: vault_now(vault, dependencies.clock),
        random_bytes=dependencies.random_bytes,
        rules=rules_of(config),
        signer=lambda: signer_of(config),
        require_time=lambda: require_time(config, vault, dependencies, ask=ask),
        require_calm=lambda: require_calm(config, vault, dependencies),
        refuse_wrong_clock=lambda: refuse_wrong_clock(config, vault, dependencies),
        remove_from_copies=lambda tombstone: remove_from_copies(
            config, vault, tombstone, dependencies.clock, dependencies.crash_point
        ),
        crash_point=dependencies.crash_point,
    )


def require_time(config: Config, vault: Vault, dependencies: Dependencies, *, ask: bool) -> None:
    """Raise WorldError unless the time can be trusted for a destruction; with `ask` the providers are asked."""
    voices = clock_votes(build_sources(config, dependencies)) if ask else []
    alarms = [] if _is_any_known(voices) else _clock_alarms(config, vault, dependencies)
    if alarms:
        raise _untimely("destroyed", alarms[0])
    _require_trustworthy(config, vault, dependencies, voices)
    note_rules(vault, rules_of(config), vault_now(vault, dependencies.clock))


def _require_trustworthy(config: Config, vault: Vault, dependencies: Dependencies, voices: Sequence[ClockVote]) -> None:
    rules, tolerance = config.destruction, config.vault.clock_tolerance
    skews = {each.source: each.skew for each in voices}
    addresses = {each.source: each.address for each in voices}
    require_trustworthy_time(
        vault, dependencies.clock, skews, tolerance, addresses=addresses, approvers=rules.approvers, people=rules.people
    )


def require_calm(config: Config, vault: Vault, dependencies: Dependencies) -> None:
    """Raise WorldError while an alert about the time is active, unless a provider confirms our clock.

    An approval by a wrong clock covers archives that are not eligible, and leaves an entry dated in the future. Once
    the time is right a change of [destruction] is logged, before anything is done under it.
    """
    alarms = _clock_alarms(config, vault, dependencies)
    voices = clock_votes(build_sources(config, dependencies)) if alarms else []
    if alarms and not _is_any_known(voices):
        raise _untimely("proposed or approved", alarms[0])
    if alarms:
        _require_trustworthy(config, vault, dependencies, voices)
    note_rules(vault, rules_of(config), vault_now(vault, dependencies.clock))


def refuse_wrong_clock(config: Config, vault: Vault, dependencies: Dependencies) -> None:
    """Raise WorldError while a provider says that our clock is wrong.

    For steps that destroy nothing and must be recorded even where no provider can be reached.
    """
    voices = clock_votes(build_sources(config, dependencies)) if _clock_alarms(config, vault, dependencies) else []
    if _is_any_known(voices):
        _require_trustworthy(config, vault, dependencies, voices)


def _is_any_known(voices: Sequence[ClockVote]) -> bool:
    return any(each.skew is not None for each in voices)


def _clock_alarms(config: Config, vault: Vault, dependencies: Dependencies) -> list[str]:
    """Return the text of every alert about the time: the active ones, and any that would be raised now."""
    now = [each.body for each in time_alarms(vault, dependencies.clock(), config.vault.clock_tolerance)]
    stand = [each.body for each in open_alerts(vault) if each.key.partition(" ")[0] == AlertKind.CLOCK]
    return [*now, *stand]


def _untimely(what: str, words: str) -> WorldError:
    hint = "set the clock (timedatectl), or make sure that a provider can be reached: strongroom doctor"
    return WorldError(f"nothing can be {what} while the clock is in doubt: {words}", hint=hint)


@contextmanager
def open_context(config: Config, dependencies: Dependencies | None = None) -> Iterator[DestructionContext]:
    """Open the vault to propose, approve or undo: that needs no lock, and a daemon may be running."""
    with open_reading(config) as vault:
        yield context_of(config, vault, dependencies or Dependencies())


@contextmanager
def open_for_destruction(
    config: Config, holder: str, dependencies: Dependencies | None = None
) -> Iterator[DestructionContext]:
    """Open the vault to destroy, holding its lock. Raises VaultLocked while a daemon or a run is active."""
    dependencies = dependencies or Dependencies()
    with open_reading(config) as vault, hold(vault.layout.lock, holder):
        vault.write_log()
        adopt_zones(vault, zones_of(config), vault_now(vault, dependencies.clock))
        yield context_of(config, vault, dependencies, ask=True)


def overview(context: DestructionContext, most: int, *, everything: bool = False) -> DestructionOverview:
    """Return the open plans, or the newest of all, and the latest destroyed archives."""
    catalogue = context.vault.catalogue
    proposals = newest_proposals(catalogue, most)[::-1] if everything else live_proposals(catalogue)[:most]
    plans = tuple(plan for proposal in proposals if (plan := _plan_or_none(context, proposal.id)) is not None)
    return DestructionOverview(plans, tuple(newest_tombstones(catalogue, most)))


def _plan_or_none(context: DestructionContext, proposal_id: str) -> DestructionPlan | None:
    """Return a plan to show; None if its rows cannot be read and `leave_out` reports that."""
    try:
        return read_plan(context, proposal_id)
    except RowUnreadable as error:
        if not leave_out(error):
            raise
        return None


def list_pending(context: DestructionContext, erasures: Iterable[Erasure]) -> dict[str, dict[str, Pending] | None]:
    """Return what each request waits for, by its id; None if a row cannot be read and `leave_out` reports that."""
    return {each.id: _pending_or_none(context, each) for each in erasures}


def _pending_or_none(context: DestructionContext, erasure: Erasure) -> dict[str, Pending] | None:
    try:
        return pending_by_archive(context, erasure) if erasure.pending else {}
    except RowUnreadable as error:
        if not leave_out(error):
            raise
        return None


def due_archives(context: DestructionContext) -> list[tuple[Archive, Judgement]]:
    """Return every eligible archive that is on no plan, the longest eligible first."""
    over = (each.archive for each in due(context.vault, context.clock()))
    return candidates(context, readable_archives(context.vault.catalogue, over))


def propose_by_rule(context: DestructionContext) -> DestructionPlan | None:
    """Propose, as the program, what its rule says to destroy at the end; return the plan, or None."""
    found = [archive for archive, judgement in due_archives(context) if judgement.at_end is AtEnd.DESTROY]
    return propose(context, found, PROGRAM, "its retention rule says: destroy at the end") if found else None


def find_plan(context: DestructionContext, part: str) -> DestructionPlan:
    """Return the plan whose id is, begins or ends with what a person typed. Raises UsageError."""
    return read_plan(
        context, single(find_by_prefix(context.vault.catalogue, "proposals", part), "proposal", part, _SEE)
    )


def find_destroyed(vault: Vault, part: str) -> DestroyedArchive:
    """Return the tombstone of the archive whose id is, begins or ends with what a person typed. Raises UsageError."""
    found = get_tombstone(
        vault.catalogue, single(find_by_prefix(vault.catalogue, "tombstones", part), "destroyed archive", part, _SEE)
    )
    if found is None:
        raise VaultError(
            f"a row says that archive {part} was destroyed, but the evidence log does not confirm it",
            hint="Strongroom never writes such a row; to see what else was changed: strongroom audit verify",
        )
    return found


def tombstone_of_archive(destroyed_archive: DestroyedArchive) -> dict[str, object]:
    """Return the fields of an archive's tombstone (docs/format.md)."""
    return tombstone_body(destroyed_archive.tombstone)


def list_erasures(context: DestructionContext, most: int) -> list[Erasure]:
    """Return requests for erasure, newest first."""
    return newest_erasures(context.vault.catalogue, most)


def find_erasure(vault: Vault, part: str) -> str:
    """Return the whole id of a request for erasure. Raises UsageError."""
    return single(find_by_prefix(vault.catalogue, "erasures", part), "erasure request", part, _SEE)


def subject_of_undo(context: DestructionContext, part: str) -> str:
    """Return the whole id of the proposal or the archive that a person wants off the plan. Raises UsageError."""
    proposals = find_by_prefix(context.vault.catalogue, "proposals", part) if part else []
    return proposals[0] if len(proposals) == 1 else find_archive(context.vault, part).id


def load_signer(text: str) -> Signer:
    """Read a person's signing key. Raises UsageError, which quotes nothing of it."""
    return Signer.parse(text)
