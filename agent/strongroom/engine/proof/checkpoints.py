"""Signing the log: a checkpoint states the number of entries and their root hash, and contradicts no earlier one.

Before signing, the whole log file is read. Each line must equal its row and follow the line before it, and the tree
must continue every known checkpoint, in the vault and outside it. A log that was cut or rewritten is refused; the
catalogue keeps that error until a checkpoint succeeds.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from strongroom.config.schema import Config
from strongroom.config.secrets import resolve
from strongroom.config.sources import SourceSettings
from strongroom.engine.proof.known_checkpoints import NOWHERE, CheckpointPlace, KnownCheckpoints
from strongroom.evidence.checkpoint import Checkpoint, make_checkpoint, origin_of, read_unchecked, sign_checkpoint
from strongroom.evidence.line import Entry, Fact, read_chain
from strongroom.evidence.note import NoteRefused, Signer, open_note
from strongroom.evidence.tree import Tree, leaf_hash
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import CatalogueBusy, StrongroomError, UsageError, VaultError
from strongroom.model.names import Noun
from strongroom.model.text import counted
from strongroom.model.times import Clock
from strongroom.vault.checkpoints import (
    KeptCheckpoint,
    all_checkpoints,
    entries_matching,
    get_checkpoint,
    keep_file,
    newest_checkpoint,
    note_files,
    note_path,
    put_checkpoint,
    set_trouble,
    set_unkept,
    walk_lines,
)
from strongroom.vault.files import read_file
from strongroom.vault.log import LAST_ENTRY, add_entry, open_log
from strongroom.vault.schema import alone
from strongroom.vault.streams import renames
from strongroom.vault.vault import Vault


class LogRefused(VaultError):
    """The log does not continue what was signed before, so it is not signed."""


class Walk(Struct):
    """What reading the log from its first to its last line has shown."""

    first: bytes = b""  # the first line
    tree: Tree = field(default_factory=Tree)
    roots: dict[int, bytes] = field(default_factory=dict)  # at the requested sizes


def signer_of(config: Config) -> Signer:
    """Return the vault's signing key. Raises UsageError where none is configured or it cannot be read."""
    if config.vault.signing_key is None:
        raise UsageError(
            "the agent has no signing key", hint="set [vault] signing_key; `strongroom init` creates a key"
        )
    return Signer.parse(resolve(config.vault.signing_key).reveal())


def is_due(vault: Vault, every: timedelta, now: datetime) -> bool:
    """Return whether it is time for the next checkpoint; a clock that was set back does not delay it for ever."""
    newest = newest_checkpoint(vault.catalogue)
    return newest is None or abs(now - newest.at) >= every


def sign_log(vault: Vault, signer: Signer, clock: Clock, known_places: KnownCheckpoints = NOWHERE) -> KeptCheckpoint:
    """Sign the log as it is now; return the checkpoint, which is on the disk and in the log.

    Raises LogRefused where the log contradicts itself, or an older checkpoint in the vault or at the `known_places`;
    the catalogue keeps that error until a checkpoint succeeds.
    """
    try:
        with alone(note_path(vault.layout, 0)):
            kept = _sign(vault, signer, clock(), known_places)
    except CatalogueBusy:  # nothing is known about the log; the next attempt asks again
        raise
    except VaultError as error:
        set_trouble(vault.catalogue, error.message)
        raise
    set_trouble(vault.catalogue, "")
    return kept


def _sign(vault: Vault, signer: Signer, now: datetime, known_places: KnownCheckpoints) -> KeptCheckpoint:
    vault.write_log()
    older, outside = known_checkpoints(vault), known_places.seen(origin_in(vault, signer.name))
    walk = walk_log(vault, (each.size for each in (*older, *outside)))
    for each in older:
        _require_continuation(walk, each)
    for each in outside:
        _require_continuation(walk, each, "there is a newer history outside the vault: ")
    _adopt(vault, now, signer)
    kept = get_checkpoint(vault.catalogue, walk.tree.size) or _make(vault, signer, walk, now)
    set_unkept(vault.catalogue, known_places.remember(origin_of(signer.name, walk.first), kept.note))
    return kept


def origin_in(vault: Vault, name: str = "") -> str:
    """Return the origin of the vault's log, under a signer's name."""
    first = entries_matching(vault.catalogue, most=1)
    return origin_of(name, first[0].line if first else b"")


def contradictions(vault: Vault, places: Iterable[CheckpointPlace]) -> Iterator[tuple[str, str]]:
    """Yield each checkpoint, in the vault or elsewhere, that the log does not continue: where it is, and why.

    Compares the log as signing does, and needs no key. Raises VaultError where log and catalogue differ.
    """
    known = [(f"{each.size}.note", each) for each in known_checkpoints(vault)]
    known += [(each.name, each.checkpoint) for each in places if each.checkpoint is not None]
    walk = walk_log(vault, (each.size for _name, each in known))
    for name, each in known:
        try:
            _require_continuation(walk, each)
        except LogRefused as error:
            yield name, error.message


def _make(vault: Vault, signer: Signer, walk: Walk, now: datetime) -> KeptCheckpoint:
    fresh = make_checkpoint(signer.name, walk.first, walk.tree.size, walk.tree.root(), now)
    kept = KeptCheckpoint(fresh.size, now, sign_checkpoint(fresh, signer))
    keep_file(vault.layout, note_path(vault.layout, kept.size), kept.note.encode())
    _remember(vault, kept, logged=False)
    return kept


def known_checkpoints(vault: Vault) -> list[Checkpoint]:
    """Return every checkpoint, from rows and files, with any signature.

    Raises LogRefused for a file that is no checkpoint, or differs from its row.
    """
    found = {kept.size: kept.note for kept in all_checkpoints(vault.catalogue)}
    for path in note_files(vault.layout):
        note = _note_of(path)
        if found.setdefault(int(path.stem), note) != note:
            raise LogRefused(f"the checkpoint {path.name} is not the one that was signed", hint=_HINT)
    return [read_unchecked(found[size]) for size in sorted(found)]


def _note_of(path: Path) -> str:
    try:
        return read_file(path).decode(errors="replace")
    except OSError as error:
        raise LogRefused(f"the checkpoint {path.name} cannot be read: {error.strerror}", hint=_HINT) from error


def walk_log(vault: Vault, sizes: Iterable[int] = ()) -> Walk:
    """Read the log file to the last row there is now, comparing each line with its row.

    Raises VaultError at the first line that differs from its row or does not follow the line before it.
    """
    row = vault.catalogue.read_one(LAST_ENTRY)
    count, walk = (int(row["seq"]) if row else 0), Walk()
    if count == 0:
        raise LogRefused(
            "the evidence log has no entry",
            hint="strongroom init writes the first entry; to see what is wrong: strongroom recover",
        )
    rows = walk_lines(vault.catalogue)
    with os.fdopen(open_log(vault.layout.log, os.O_RDONLY), "rb") as file:
        pairs = zip((line.removesuffix(b"\n") for line in islice(file, count)), islice(rows, count), strict=False)
        for _body in read_chain(_watched(pairs, walk, frozenset(sizes))):
            pass
    if walk.tree.size != count:
        raise LogRefused(f"the log file ends at entry {walk.tree.size}, expected {count}", hint=_HINT)
    return walk


def _watched(pairs: Iterable[tuple[bytes, bytes]], walk: Walk, sizes: frozenset[int]) -> Iterator[bytes]:
    for line, row in pairs:
        if line != row:
            raise LogRefused(f"line {walk.tree.size + 1} of the log differs from the catalogue", hint=_HINT)
        walk.first = walk.first or line
        walk.tree.append(leaf_hash(line))
        if walk.tree.size in sizes:
            walk.roots[walk.tree.size] = walk.tree.root()
        yield line


def _require_continuation(walk: Walk, older: Checkpoint, where: str = "") -> None:
    size = walk.tree.size
    if older.origin.rpartition("/")[2] != origin_of("", walk.first).rpartition("/")[2]:
        raise LogRefused(f"the checkpoint of {counted(older.size, 'entry')} belongs to another log", hint=_HINT)
    if older.size > size:
        raise LogRefused(
            f"{where}the log was cut: {counted(older.size, 'entry')} were signed, but it has {size}", hint=_HINT
        )
    if walk.roots[older.size] != older.root:
        words = f"{where}the first {counted(older.size, 'entry')} of the log are not the ones that were signed"
        raise LogRefused(words, hint=_HINT)


def _adopt(vault: Vault, now: datetime, signer: Signer) -> None:
    """Enter the files that have no row, after a crash between the two or a rebuild of the catalogue.

    Each was compared with the log before. Raises LogRefused for one that the key did not sign, or of another size.
    """
    known = {kept.size for kept in all_checkpoints(vault.catalogue)}
    without_row = [path for path in note_files(vault.layout) if int(path.stem) not in known]
    if not without_row:
        return
    entries = entries_matching(vault.catalogue, kind=EntryKind.CHECKPOINT_SIGNED)
    logged = {entry.body["facts"].get("entries"): entry.body["facts"].get("note_sha256") for entry in entries}
    for path in without_row:
        note = _note_of(path)
        size = int(path.stem)
        if logged.get(size) != hashlib.sha256(note.encode()).hexdigest():
            _require_ours(path.name, size, note, signer)
        kept = KeptCheckpoint(size, read_unchecked(note).at or now, note)
        _remember(vault, kept, logged=size in logged)


def _require_ours(name: str, size: int, note: str, signer: Signer) -> None:
    try:
        open_note(note, signer.verifier)
    except NoteRefused as error:
        raise LogRefused(f"the checkpoint {name} is not signed with this vault's key", hint=_HINT) from error
    if read_unchecked(note).size != size:
        raise LogRefused(
            f"the checkpoint {name} covers {counted(read_unchecked(note).size, 'entry')}, not {size}", hint=_HINT
        )


def _remember(vault: Vault, kept: KeptCheckpoint, *, logged: bool) -> None:
    digest, root = hashlib.sha256(kept.note.encode()).hexdigest(), read_unchecked(kept.note).root.hex()
    facts: dict[str, Fact] = {"entries": kept.size, "root": root, "note_sha256": digest}
    with vault.catalogue.transaction():
        put_checkpoint(vault.catalogue, kept)
        if not logged:
            add_entry(vault.catalogue, Entry(EntryKind.CHECKPOINT_SIGNED, kept.at, facts=facts))
    vault.write_log()


_HINT = "nothing is signed until this is resolved; run: strongroom audit verify, then compare with a copy of the vault"


UNNAMED = "not named"


class Issuer(Struct, frozen=True):
    """The issuer, as every report names it: organization, vault, signing key, source accounts."""

    organization: str = UNNAMED
    vault: str = ""  # the origin of its log, as in every checkpoint
    key: str = ""  # the public key, or empty
    sources: Mapping[str, str] = field(default_factory=dict)  # what each account is, by its name

    def account(self, source: str) -> str:
        """Return which account at which provider a source is."""
        return self.sources.get(source, f"{source} (not in the configuration)")


def issuer_of(config: Config, vault: Vault) -> Issuer:
    """Return the issuer of this vault's reports."""
    first = entries_matching(vault.catalogue, most=1)
    key = public_key(config, vault)
    name = key.partition("+")[0] or "strongroom"
    return Issuer(
        config.vault.organization or UNNAMED,
        origin_of(name, first[0].line if first else b""),
        key,
        _accounts(config, vault),
    )


def _accounts(config: Config, vault: Vault) -> dict[str, str]:
    """Return what each source is, by its present name and by those that it had when archives were made."""
    found, log = {each.name: _account(each) for each in config.sources}, renames(vault.catalogue)
    for old in (each.old for each in log.made if each.noun is Noun.SOURCE):
        present = log.present(Noun.SOURCE, old)
        if present in found and old not in found:
            found[old] = f"{found[present]}, formerly named {old}"
    return found


def public_key(config: Config, vault: Vault) -> str:
    """Return the public signing key: from the key itself, else from the first entry of the log, else empty."""
    try:
        return str(signer_of(config).verifier)
    except StrongroomError:
        return key_in_log(vault)


def key_in_log(vault: Vault) -> str:
    """Return the public key that the log's first entry names, or nothing."""
    first = entries_matching(vault.catalogue, most=1)
    facts = first[0].body.get("facts") if first else None
    return str(facts.get("verifier", "")) if isinstance(facts, dict) else ""


def _account(source: SourceSettings) -> str:
    where = f", {source.base_url}" if source.base_url else ""
    return f"{source.name} at the provider {source.provider}{where}"
