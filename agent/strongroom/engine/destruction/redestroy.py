"""Destroying again what a restored backup brought back of a destroyed archive.

It requires what the first destruction required. The chained log must have its plan, enough approvals, the cooling-off,
the beginning with the tombstone's digest, and the end. No hold may cover it, then or now, and where there are
checkpoints, one must cover the end. A file, a row or a single line is never believed: where they claim more than the
log shows, nothing is touched and an alert is raised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.core.trusted_clock import read_time
from strongroom.engine.destruction.execute import read_certificate
from strongroom.engine.destruction.log_consistency import Contradiction, report_contradiction, surely_held
from strongroom.engine.destruction.log_state import (
    Begun,
    Body,
    LoggedArchive,
    LoggedPlan,
    LogState,
    that_count,
    unexpired,
)
from strongroom.evidence.checkpoint import read_unchecked
from strongroom.evidence.line import Entry, Fact, read_chain
from strongroom.evidence.note import NoteRefused, Verifier, open_note
from strongroom.model.archive import Tombstone
from strongroom.model.destruction import Stage, is_approved, ripe_at
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import VaultError
from strongroom.model.hold import Hold
from strongroom.model.time_log import Leap
from strongroom.model.times import Clock
from strongroom.vault.archives import has_archive
from strongroom.vault.checkpoints import all_checkpoints, note_files
from strongroom.vault.destructions import DROP_ARCHIVE, reduce_rows
from strongroom.vault.files import is_file, read_file
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.layout import Layout
from strongroom.vault.log import add_entry, entries_of_archive
from strongroom.vault.log_reader import LogWalk
from strongroom.vault.rows import UNREADABLE
from strongroom.vault.shred import copies_of, discard, put_in_place_of, shred
from strongroom.vault.tombstones import (
    destroyed_ids,
    get_tombstone,
    put_tombstone,
    read_tombstone,
    tombstone_path,
    write_tombstone,
)
from strongroom.vault.vault import Vault

Stones = Mapping[str, Tombstone | None]


class _Ending(Struct, frozen=True):
    """The end of a destruction, by the log."""

    seq: int
    facts: Body
    begun: Begun | None
    plan: LoggedPlan | None
    logged: LoggedArchive  # of the archive, before that


class Terms(Struct, frozen=True):
    """The keys and the time by which a warrant is judged."""

    now: datetime
    verifier: Verifier | None = None  # the agent's key: only checkpoints that it signed count
    approvers: Collection[str] = ()  # of the configuration: where there are any, one of them signed each approval


def find_warrants(
    vault: Vault, stones: Stones, terms: Terms, *, thorough: bool
) -> tuple[list[str], list[Contradiction]]:
    """Return which of these archives may be destroyed again, and why each other may not."""
    reasons = _judge(vault, LogWalk().lines(vault.catalogue), stones, terms)
    if thorough and any(reasons.values()):
        with suppress(OSError):
            lines = read_file(vault.layout.log, most=None).splitlines()
            by_file = _judge(vault, _chained(lines), stones, terms)
            reasons = {each: reasons[each] and by_file[each] for each in reasons}
    refusals = [_refusal(archive, words) for archive, words in reasons.items() if words]
    return [archive for archive, words in reasons.items() if not words], refusals


def unapproved(begun: Begun | None, plan: LoggedPlan | None, approvers: Collection[str] = ()) -> str:
    """Return what a destruction lacked when it began: a plan, approvals, its cooling-off; empty if nothing.

    Where there are `approvers`, only approvals signed by one of these keys count.
    """
    if begun is None or plan is None or begun.proposal != plan.proposal.id:
        return "it was destroyed, but the log has no plan for that"
    approvals = that_count(begun.approvals, approvers)
    if not is_approved(plan.proposal, approvals):
        signed = " signed by a key of [destruction] approvers" if approvers else ""
        return f"it was destroyed without the approvals{signed} that plan {plan.proposal.id} requires"
    if begun.stage not in (Stage.APPROVED, Stage.DESTROYING):
        return f"it was destroyed, but on plan {plan.proposal.id} it was {begun.stage or 'missing'}"
    ripe = ripe_at(plan.proposal, approvals, timedelta(0))
    if ripe is None or begun.at < ripe:
        return f"it was destroyed before the cooling-off of plan {plan.proposal.id} was over"
    return ""


def _chained(lines: list[bytes]) -> Iterator[bytes]:
    """Yield lines that follow one another. Raises VaultError at the first that does not."""
    for line, _body in zip(lines, read_chain(lines), strict=True):
        yield line


def _judge(vault: Vault, lines: Iterable[bytes], stones: Stones, terms: Terms) -> dict[str, str]:
    """Return for each archive what is missing; empty where nothing is."""
    log_state, endings, signed = LogState(None, list(stones)), dict[str, _Ending](), False
    try:
        for seq, line in enumerate(lines, 1):
            body = json.loads(line)
            if body["kind"] == EntryKind.ARCHIVE_DESTROYED:
                name, facts = str(body.get("archive", "")), body["facts"]
                plan = log_state.plans.get(str(facts.get("proposal")))
                logged = replace(log_state.archives.get(name, LoggedArchive()))
                endings[name] = _Ending(seq, facts, log_state.begun.get(name), plan, logged)
            signed = signed or body["kind"] == EntryKind.CHECKPOINT_SIGNED
            log_state.take(body)
    except (VaultError, *UNREADABLE):
        return dict.fromkeys(stones, "the evidence log cannot be read to its end")
    covered, leap = _covered(vault, terms.verifier, signed=signed), _first_leap(vault)
    return {
        archive: _missing(endings.get(archive), stone, log_state.standing, covered, terms.approvers)
        or _untimely(endings[archive], leap)
        or _early(vault, log_state, archive, endings[archive], terms.now)
        for archive, stone in stones.items()
    }


def _missing(
    ending: _Ending | None,
    tombstone: Tombstone | None,
    standing: tuple[Hold, ...],
    covered: int | None,
    approvers: Collection[str],
) -> str:
    if ending is None:
        return "no entry in the log says that it was destroyed"
    if words := unapproved(ending.begun, ending.plan, approvers):
        return words
    if tombstone is None:
        return "it has neither a tombstone nor a certificate"
    digest = hashlib.sha256(write_tombstone(tombstone)).hexdigest()
    begun = ending.begun
    if begun is None or not digest == begun.tombstone_sha256 == ending.facts.get("manifest_sha256"):
        return "its tombstone is not the one recorded in the log"
    held = [hold.id for hold in {*begun.holds, *standing} if surely_held(hold, tombstone)]
    if held:
        return f"it is on hold: {', '.join(sorted(held))}"
    if covered is not None and ending.seq > covered:
        return f"no checkpoint covers entry {ending.seq} of the log, which says that it was destroyed"
    return ""


def _first_leap(vault: Vault) -> Leap | None:
    """Return the first leap of the log's time that nobody confirmed; logs from before 0.4 have no confirmations."""
    with suppress(VaultError):
        logged = read_time(vault.catalogue)
        return logged.leaps[0] if logged.by_log and logged.leaps else None
    return None


def _untimely(ending: _Ending, leap: Leap | None) -> str:
    if leap is None or ending.seq < leap.seq:
        return ""
    return f"the time in the log jumped ahead at entry {leap.seq}, before it was destroyed, and nobody confirmed that"


def _early(vault: Vault, log_state: LogState, archive: str, ending: _Ending, now: datetime) -> str:
    """Return that its period was not over when it began, or is not over yet, if its manifest exists."""
    begun, plan = ending.begun, ending.plan
    if begun is None or plan is None:
        return ""
    return unexpired(vault, archive, ending.logged, plan, min(begun.at, now), locked=log_state.locked)


def _covered(vault: Vault, verifier: Verifier | None, *, signed: bool) -> int | None:
    """Return how many entries the newest checkpoint covers; None if there never was one, by log, rows and files."""
    notes = [each.note for each in all_checkpoints(vault.catalogue)]
    for path in note_files(vault.layout):
        with suppress(OSError, ValueError):
            notes.append(read_file(path).decode())
    sizes = [0]
    for note in notes:
        with suppress(NoteRefused, VaultError, ValueError):
            if verifier is not None:
                open_note(note, verifier)
            sizes.append(read_unchecked(note).size)
    return max(sizes) if notes or signed else None


def _refusal(archive: str, words: str) -> Contradiction:
    said = f"archive {archive} is marked as destroyed, but its files exist; they were kept because of this: {words}"
    return Contradiction("redestroy", said, archive=archive)


_DESTROYED = b'"kind":"archive.destroyed"'


def redestroy_returned(
    vault: Vault,
    clock: Clock,
    *,
    thorough: bool = True,
    verifier: Verifier | None = None,
    approvers: Collection[str] = (),
    refused: Callable[[Contradiction], None] = lambda _refusal: None,
) -> list[str]:
    """Destroy again what exists of destroyed archives; return their ids, each logged.

    `thorough` also reads the log file, which may know more than a restored or unfinished catalogue. With `verifier`,
    the agent's key, only checkpoints that it signed count. With `approvers`, those of the configuration, only approvals
    that one of them signed count. An archive without a warrant is left alone, with an alert, and `refused` is called
    with the reason. Repeating it does nothing more. Raises WorldError when the disk fails.
    """
    known = set(destroyed_ids(vault.catalogue))
    if thorough:
        known |= ids_destroyed_by_log(vault.layout)
    back = {archive: known_tombstone(vault, archive) for archive in sorted(known)}
    back = {archive: stone for archive, stone in back.items() if _is_back(vault, archive, stone)}
    if not back:
        return []
    terms = Terms(clock(), verifier, approvers)
    allowed, refusals = find_warrants(vault, back, terms, thorough=thorough)
    with keys_alone(vault.layout):
        for archive in allowed:
            _destroy_again(vault, archive, back[archive], clock)
    for refusal in refusals:
        report_contradiction(vault, refusal, clock)
        refused(refusal)
    if allowed:
        vault.catalogue.compact()
        vault.write_log()
    return allowed


def ids_destroyed_by_log(layout: Layout) -> set[str]:
    """Return the id of every archive that the log file says was destroyed; of none where its chain is broken."""
    try:
        lines = read_file(layout.log, most=None).splitlines()
    except FileNotFoundError:
        return set()
    if not any(_DESTROYED in line for line in lines):
        return set()
    try:
        bodies = list(read_chain(lines))
    except VaultError:
        return set()  # an inserted line must not cause a destruction; recovery repairs the log first
    return {str(body.get("archive", "")) for body in bodies if body.get("kind") == EntryKind.ARCHIVE_DESTROYED} - {""}


def known_tombstone(vault: Vault, archive_id: str) -> Tombstone | None:
    """Return an archive's tombstone from the catalogue, its own file, or its certificate."""
    destroyed_archive = get_tombstone(vault.catalogue, archive_id)
    if destroyed_archive is not None:
        return destroyed_archive.tombstone
    layout = vault.layout
    for path in (layout.manifest(archive_id), layout.quarantined(archive_id, ".json")):
        try:
            return read_tombstone(read_file(path))
        except (OSError, VaultError):
            continue
    return _certified(layout, archive_id)


def _certified(layout: Layout, archive_id: str) -> Tombstone | None:
    try:
        body = read_certificate(read_file(layout.certificate(archive_id)))["archive"]
        return read_tombstone(json.dumps(body))
    except (OSError, ValueError, KeyError, VaultError):
        return None


def _certificate_digest(vault: Vault, archive_id: str) -> str:
    """Return the digest of the certificate by the log, or by its file where the log has none yet."""
    for entry in reversed(entries_of_archive(vault.catalogue, archive_id)):
        facts = entry.body.get("facts")
        if isinstance(facts, dict) and facts.get("certificate_sha256"):
            return str(facts["certificate_sha256"])
    path = vault.layout.certificate(archive_id)
    return hashlib.sha256(read_file(path) if is_file(path) else b"").hexdigest()


def _is_back(vault: Vault, archive_id: str, tombstone: Tombstone | None) -> bool:
    """Return whether anything of a destroyed archive is back, or its tombstone is missing."""
    stone = tombstone_path(vault.layout, tombstone) if tombstone is not None else None
    if any(path != stone for path in copies_of(vault.layout, archive_id)):
        return True
    if has_archive(vault.catalogue, archive_id):
        return True
    return tombstone is not None and stone is not None and not _stands(stone, tombstone)


def _destroy_again(vault: Vault, archive_id: str, tombstone: Tombstone | None, clock: Clock) -> None:
    if tombstone is None:
        raise VaultError(f"archive {archive_id} has no tombstone")  # never with a warrant
    stone = tombstone_path(vault.layout, tombstone)
    copies = [path for path in copies_of(vault.layout, archive_id) if path != stone]
    for path in copies:  # key files come first
        (discard if path.suffix == ".age" and ".key." not in path.name else shred)(path)
    temporary = vault.layout.temporary(archive_id, ".tombstone")
    put_in_place_of(stone, temporary, write_tombstone(tombstone))
    _write_down(vault, archive_id, tombstone, clock, len(copies))


def _stands(stone: Path, tombstone: Tombstone) -> bool:
    try:
        return read_file(stone) == write_tombstone(tombstone)
    except OSError:
        return False


def _write_down(vault: Vault, archive_id: str, tombstone: Tombstone, clock: Clock, files: int) -> None:
    catalogue = vault.catalogue
    with catalogue.transaction():
        catalogue.write(DROP_ARCHIVE, archive_id)
        reduce_rows(catalogue, tombstone)
        put_tombstone(catalogue, tombstone, _certificate_digest(vault, archive_id))
        facts: dict[str, Fact] = {"files": files}
        add_entry(
            catalogue,
            Entry(EntryKind.ARCHIVE_BURIED, clock(), archive=archive_id, stream=tombstone.stream, facts=facts),
        )
