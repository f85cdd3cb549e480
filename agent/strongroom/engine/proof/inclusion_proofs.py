"""Proofs for people without the log: that entries are in it, at their position, under a signed checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from strongroom.engine.core.moments import Moment
from strongroom.evidence.checkpoint import Checkpoint, read_unchecked
from strongroom.evidence.tree import Proofs, leaf_hash, prove
from strongroom.model.archive import Archive
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.text import counted
from strongroom.model.times import parse_instant
from strongroom.vault.checkpoints import (
    KeptCheckpoint,
    all_checkpoints,
    entries_matching,
    lines_about,
    newest_checkpoint,
    walk_lines,
)
from strongroom.vault.checkpoints import LoggedLine as LoggedLine  # text/ names it from here
from strongroom.vault.vault import Vault

_LATER = "make a new checkpoint: strongroom audit checkpoint"


class Proven(Struct, frozen=True):
    """Entries with their proofs under one checkpoint."""

    kept: KeptCheckpoint
    checkpoint: Checkpoint
    proofs: Proofs
    first: LoggedLine  # the log's first entry, which the origin names


def custody_of(vault: Vault, archive: Archive) -> list[LoggedLine]:
    """Return the entries about an archive, from the planning of its export on, in order."""
    found = {each.seq: each for each in lines_about(vault.catalogue, archive.id, archive.job)}
    return [found[seq] for seq in sorted(found)]


def covering_checkpoint(vault: Vault, seq: int) -> KeptCheckpoint | None:
    """Return the oldest checkpoint that covers an entry: the same one for ever, once there is one."""
    return next((each for each in all_checkpoints(vault.catalogue) if each.size >= seq), None)


def prove_entries(
    vault: Vault, entries: Sequence[LoggedLine], older: Iterable[int] = (), kept: KeptCheckpoint | None = None
) -> Proven:
    """Prove entries, and the consistency with older checkpoints, under a checkpoint, by default the newest.

    Raises UsageError where no checkpoint covers them, VaultError where the log is not the one that was signed.
    """
    kept = kept or newest_checkpoint(vault.catalogue)
    if kept is None:
        raise UsageError("the log has no checkpoint yet", hint=_LATER)
    late = [each.seq for each in entries if each.seq > kept.size]
    if late:
        raise UsageError(
            f"the newest checkpoint covers {counted(kept.size, 'entry')}, not entry {late[0]}", hint=_LATER
        )
    indexes, sizes = {0, *(each.seq - 1 for each in entries)}, [size for size in older if size < kept.size]
    leaves = (leaf_hash(line) for line in walk_lines(vault.catalogue))
    try:
        proofs = prove(leaves, kept.size, indexes, sizes)
    except ValueError as error:
        raise VaultError("the log is shorter than what was signed", hint="run: strongroom audit verify") from error
    checkpoint = read_unchecked(kept.note)
    if proofs.root != checkpoint.root:
        raise VaultError("the log is not the one that was signed", hint="run: strongroom audit verify")
    first = entries_matching(vault.catalogue, most=1)[0]
    return Proven(kept, checkpoint, proofs, first)


def checkpoint_sizes(vault: Vault) -> list[int]:
    """Return how many entries each checkpoint covers, the oldest first."""
    return [each.size for each in all_checkpoints(vault.catalogue)]


def event_document(entry: LoggedLine, proven: Proven) -> dict[str, object]:
    """Return an entry with its exact line and its proof; hashes are hexadecimal, the nearest first."""
    path = proven.proofs.inclusion[entry.seq - 1]
    return {"index": entry.seq - 1, "line": entry.line.decode(), "proof": [each.hex() for each in path]}


def proof_document(entries: Sequence[LoggedLine], proven: Proven) -> dict[str, object]:
    """Return entries with their proofs, and the checkpoint they are proven under, as plain JSON values."""
    return {
        "checkpoint": proven.kept.note,
        "root": proven.checkpoint.root.hex(),
        "size": proven.kept.size,
        "events": [event_document(entry, proven) for entry in entries],
    }


def log_lines(
    vault: Vault, *, kind: str = "", archive: str = "", job: str = "", after: int = 0, most: int = 10_000
) -> list[LoggedLine]:
    """Return entries with the exact bytes of their lines, oldest first."""
    return entries_matching(vault.catalogue, kind=kind, archive=archive, job=job, after=after, most=most)


def moment_of(entry: LoggedLine) -> Moment:
    """Return an entry for display."""
    body = entry.body
    return Moment(
        seq=entry.seq,
        at=parse_instant(body["at"]),
        kind=body["kind"],
        job=body.get("job", ""),
        archive=body.get("archive", ""),
        facts=body["facts"],
        words=entry.words,
    )


def leaf_of(vault: Vault, seq: int) -> str:
    """Return the hash of one entry of the log as the tree of the checkpoints has it (RFC 6962), in hex.

    Raises UsageError where there is no such entry.
    """
    for entry in entries_matching(vault.catalogue, after=seq - 1, most=1):
        if entry.seq == seq:
            return leaf_hash(entry.line).hex()
    raise UsageError(f"there is no entry {seq} in the log", hint="see: strongroom log")
