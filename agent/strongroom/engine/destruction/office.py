"""The desk as the configuration sets it, and what people may ask about destructions: one place for CLI and screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from strongroom.config.schema import Config
from strongroom.engine.assembly import Doors, build_sources, open_reading, rules_of, zones_of
from strongroom.engine.destruction.approvalrules import note_rules
from strongroom.engine.destruction.certificate import signer_of
from strongroom.engine.destruction.desk import Desk
from strongroom.engine.destruction.erase import Pending, standing_against
from strongroom.engine.destruction.propose import Plan, candidates, propose, read_plan
from strongroom.engine.health.notices import standing_notices
from strongroom.engine.health.sanity import voices_of
from strongroom.engine.health.vaulttime import require_trustworthy_time, time_alarms, vault_now
from strongroom.engine.retention.judgement import Judgement
from strongroom.engine.retention.verdicts import due
from strongroom.engine.retention.zones import adopt_zones
from strongroom.evidence.note import Signer as Signer
from strongroom.model.alarm import Kind
from strongroom.model.archive import Archive
from strongroom.model.clockcheck import Voice
from strongroom.model.destruction import PROGRAM
from strongroom.model.erasure import Erasure
from strongroom.model.errors import UsageError, VaultError, WorldError
from strongroom.model.retention import AtEnd
from strongroom.vault.archives import readable_archives
from strongroom.vault.destructions import live_proposals, matching_proposal_ids, newest_proposals
from strongroom.vault.erasures import matching_erasure_ids, newest_erasures
from strongroom.vault.lock import hold
from strongroom.vault.rows import RowUnreadable, leave_out
from strongroom.vault.tombstones import Buried as Buried
from strongroom.vault.tombstones import get_tombstone, matching_tombstone_ids, newest_tombstones, tombstone_body
from strongroom.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class Overview:
    """What lies on the desk."""

    plans: tuple[Plan, ...]  # oldest first; with `everything` also those that are over
    destroyed: tuple[Buried, ...]  # newest first


def desk_of(config: Config, vault: Vault, doors: Doors, *, ask: bool = False) -> Desk:
    """Return the desk for a vault, under the rules of the configuration.

    With `ask` the providers are asked for the time before anything is destroyed; a daemon does so by itself, and must
    not wait for them here.
    """
    return Desk(
        vault=vault,
        clock=lambda: vault_now(vault, doors.clock),
        chance=doors.chance,
        rules=rules_of(config),
        signer=lambda: signer_of(config),
        require_time=lambda: require_time(config, vault, doors, ask=ask),
        require_calm=lambda: require_calm(config, vault, doors),
        witness=doors.witness,
    )


def require_time(config: Config, vault: Vault, doors: Doors, *, ask: bool) -> None:
    """Raise WorldError unless the time is one to destroy by; with `ask` the providers have a say in it."""
    voices = voices_of(build_sources(config, doors)) if ask else []
    told = [] if _is_any_known(voices) else _clock_alarms(config, vault, doors)
    if told:
        raise _untimely("destroyed", told[0])
    _require_trustworthy(config, vault, doors, voices)
    note_rules(vault, rules_of(config), vault_now(vault, doors.clock))


def _require_trustworthy(config: Config, vault: Vault, doors: Doors, voices: Sequence[Voice]) -> None:
    told, tolerance = config.destruction, config.vault.clock_tolerance
    skews = {each.source: each.skew for each in voices}
    addresses = {each.source: each.address for each in voices}
    require_trustworthy_time(
        vault, doors.clock, skews, tolerance, addresses=addresses, approvers=told.approvers, people=told.people
    )


def require_calm(config: Config, vault: Vault, doors: Doors) -> None:
    """Raise WorldError as long as an alarm about the time stands, unless a provider says the same time as our clock.

    Whoever approves by a wrong clock agrees to what is not due, and leaves a line of a time that has not come. Once the
    time is right a change of [destruction] is logged, before anything is done by it.
    """
    told = _clock_alarms(config, vault, doors)
    voices = voices_of(build_sources(config, doors)) if told else []
    if told and not _is_any_known(voices):
        raise _untimely("proposed or approved", told[0])
    if told:
        _require_trustworthy(config, vault, doors, voices)
    note_rules(vault, rules_of(config), vault_now(vault, doors.clock))


def _is_any_known(voices: Sequence[Voice]) -> bool:
    return any(each.skew is not None for each in voices)


def _clock_alarms(config: Config, vault: Vault, doors: Doors) -> list[str]:
    """Return the words of every alarm about the time: those that stand, and what would be one at this moment."""
    now = [each.body for each in time_alarms(vault, doors.clock(), config.vault.clock_tolerance)]
    stand = [each.body for each in standing_notices(vault) if each.key.partition(" ")[0] == Kind.CLOCK]
    return [*now, *stand]


def _untimely(what: str, words: str) -> WorldError:
    hint = "set the clock (timedatectl), or see that a provider can be asked: strongroom doctor"
    return WorldError(f"nothing is {what} by this clock: {words}", hint=hint)


@contextmanager
def open_desk(config: Config, doors: Doors | None = None) -> Iterator[Desk]:
    """Open the vault to propose, approve or undo: that needs no lock, and a daemon may be at work."""
    with open_reading(config) as vault:
        yield desk_of(config, vault, doors or Doors())


@contextmanager
def open_office(config: Config, holder: str, doors: Doors | None = None) -> Iterator[Desk]:
    """Open the vault to destroy, holding its lock. Raises VaultLocked while a daemon or a run is at work."""
    doors = doors or Doors()
    with open_reading(config) as vault, hold(vault.layout.lock, holder):
        vault.write_log()
        adopt_zones(vault, zones_of(config), vault_now(vault, doors.clock))
        yield desk_of(config, vault, doors, ask=True)


def overview(desk: Desk, most: int, *, everything: bool = False) -> Overview:
    """Return the plans that are not over, or the newest of all, and what was destroyed last."""
    catalogue = desk.vault.catalogue
    proposals = newest_proposals(catalogue, most)[::-1] if everything else live_proposals(catalogue)[:most]
    plans = tuple(plan for proposal in proposals if (plan := _plan_or_none(desk, proposal.id)) is not None)
    return Overview(plans, tuple(newest_tombstones(catalogue, most)))


def _plan_or_none(desk: Desk, proposal_id: str) -> Plan | None:
    """Return a plan to show; None for one that cannot be judged by its rows, where that is told."""
    try:
        return read_plan(desk, proposal_id)
    except RowUnreadable as error:
        if not leave_out(error):
            raise
        return None


def list_standing(desk: Desk, erasures: Iterable[Erasure]) -> dict[str, dict[str, Pending] | None]:
    """Return what stands against each request, by its id; None where a row of it cannot be read and that is told."""
    return {each.id: _standing_or_none(desk, each) for each in erasures}


def _standing_or_none(desk: Desk, erasure: Erasure) -> dict[str, Pending] | None:
    try:
        return standing_against(desk, erasure) if erasure.pending else {}
    except RowUnreadable as error:
        if not leave_out(error):
            raise
        return None


def due_archives(desk: Desk) -> list[tuple[Archive, Judgement]]:
    """Return every archive that may be destroyed and is on no plan, those first whose time is over longest."""
    over = (each.archive for each in due(desk.vault, desk.clock()))
    return candidates(desk, readable_archives(desk.vault.catalogue, over))


def propose_by_rule(desk: Desk) -> Plan | None:
    """Propose, as the program, what is due by a rule that says so; return the plan, or None where nothing is."""
    found = [archive for archive, judgement in due_archives(desk) if judgement.at_end is AtEnd.DESTROY]
    return propose(desk, found, PROGRAM, "its retention rule says: destroy at the end") if found else None


def find_plan(desk: Desk, part: str) -> Plan:
    """Return the plan whose id is, begins or ends with what a person typed. Raises UsageError."""
    return read_plan(desk, _one(matching_proposal_ids(desk.vault.catalogue, part), "proposal", part))


def find_destroyed(vault: Vault, part: str) -> Buried:
    """Return what is left of the archive whose id is, begins or ends with what a person typed. Raises UsageError."""
    found = get_tombstone(
        vault.catalogue, _one(matching_tombstone_ids(vault.catalogue, part), "destroyed archive", part)
    )
    if found is None:
        raise VaultError(
            f"a row says that archive {part} was destroyed, and the evidence log does not: it is no destruction",
            hint="nothing of ours writes such a row; see what else was changed: strongroom audit verify",
        )
    return found


def remains_of(buried: Buried) -> dict[str, object]:
    """Return what is left of an archive, field by field, as its tombstone tells it (docs/format.md)."""
    return tombstone_body(buried.tombstone)


def list_erasures(desk: Desk, most: int) -> list[Erasure]:
    """Return requests for erasure, newest first."""
    return newest_erasures(desk.vault.catalogue, most)


def find_erasure(vault: Vault, part: str) -> str:
    """Return the whole id of a request for erasure. Raises UsageError."""
    return _one(matching_erasure_ids(vault.catalogue, part), "request for erasure", part)


def subject_of_undo(desk: Desk, part: str) -> str:
    """Return the whole id of the proposal or the archive that a person wants off the plan. Raises UsageError."""
    from strongroom.engine.readings import find_archive

    proposals = matching_proposal_ids(desk.vault.catalogue, part) if part else []
    return proposals[0] if len(proposals) == 1 else find_archive(desk.vault, part).id


def load_signer(text: str) -> Signer:
    """Read a person's signing key. Raises UsageError, which quotes nothing of it."""
    return Signer.parse(text)


def _one(ids: list[str], noun: str, part: str) -> str:
    if not part or not ids:
        raise UsageError(f"there is no {noun} {part!r}", hint="see: strongroom destroy list, strongroom erase list")
    if len(ids) > 1:
        raise UsageError(f"{part!r} fits several: {', '.join(ids)}", hint="type more of the id")
    return ids[0]
