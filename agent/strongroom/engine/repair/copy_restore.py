"""A whole vault made from a copy on an empty disk: log and small files, then catalogue, then payloads.

The log in the copy decides. What it says was destroyed is not restored, whatever the copy still has; what came after
its last line is left out. An interrupted restore resumes where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct, field

from strongroom.age.identity_file import parse_archive_key
from strongroom.age.keys import X25519Identity
from strongroom.age.writer import open_bytes
from strongroom.copies.port import CopyStore, ObjectAbsent, Throttle, read_whole
from strongroom.engine.copies.contents import CopyObject, objects_of
from strongroom.engine.copies.copied_log import copied_lines, end_of_log
from strongroom.engine.copies.fetch import ObjectDamaged, fetch_object, fetch_part, is_sound, write_blocks, write_small
from strongroom.engine.copies.targets import CopyIdentity, read_identity
from strongroom.engine.proof.audit import audit_vault
from strongroom.engine.proof.checkpoints import key_in_log
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.evidence.line import digest
from strongroom.model.archive import Archive
from strongroom.model.copies import ARRIVALS, Part
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import Interrupted, SealError, UsageError, VaultError
from strongroom.model.times import Clock
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.copies import log_copy
from strongroom.vault.durable import make_folder
from strongroom.vault.files import is_there, list_folder, read_file
from strongroom.vault.layout import README, Layout, id_of
from strongroom.vault.lock import hold
from strongroom.vault.log_reader import LogWalk, readable
from strongroom.vault.rows import RowUnreadable
from strongroom.vault.shred import discard
from strongroom.vault.tombstones import read_tombstone, tombstone_path
from strongroom.vault.vault import Vault, open_vault

MOST_OF_A_KEY = 1 << 20  # bytes of a key file: they have a few hundred

MARKER = "restoring.json"
"""In a vault that is being restored: from which copy. It is removed at the end."""


class CopyRestore(Struct, frozen=True):
    """What is restored, and to where."""

    store: CopyStore
    to: Path
    clock: Clock
    identities: Sequence[X25519Identity] = ()  # to open the names of legal matters
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[int], None] = lambda _archives: None  # called with the number of further archives
    throttle: Throttle = field(default_factory=Throttle)
    monotonic: Callable[[], float] = time.monotonic
    checkpoints: Sequence[Path] = ()  # kept elsewhere, to compare the log with
    keys: Sequence[str] = ()  # public keys for these; otherwise the one in the log
    rehearsal: bool = False  # key files are read and compared, and not written: what is left over opens nothing
    crash_point: Callable[[str], None] = lambda _where: None


class Restored(Struct):
    """The result of a restore."""

    archives: int = 0
    tombstones: int = 0
    entries: int = 0  # of the log
    size: int = 0  # bytes that were fetched
    at: datetime | None = None  # of the last entry of the log: the state that was restored
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)  # what is lost or damaged, each named
    opened: int = 0  # key files that an identity opened, in a rehearsal
    sound_keys: set[str] = field(default_factory=set)  # archives whose key file was compared, in a rehearsal


class _LogFacts(Struct):
    """What the lines of the copy's log say, as far as the files to fetch depend on it."""

    walk: LogWalk = field(default_factory=LogWalk)
    archives: set[str] = field(default_factory=set)
    destroyed: set[str] = field(default_factory=set)
    keys: dict[str, str] = field(default_factory=dict)  # SHA-256 of key files, by archive, where a line has it
    rebuilt: bool = False  # there may be archives that no line names

    def take(self, body: dict[str, object]) -> None:
        kind, archive, facts = body["kind"], str(body.get("archive", "")), body["facts"]
        if kind in ARRIVALS:
            self.archives.add(archive)
        if kind in (EntryKind.DESTRUCTION_BEGUN, EntryKind.ARCHIVE_DESTROYED):
            self.destroyed.add(archive)
        if isinstance(facts, dict) and archive and facts.get("key_sha256"):
            self.keys[archive] = str(facts["key_sha256"])
        self.rebuilt = self.rebuilt or kind == EntryKind.VAULT_REBUILT

    def wants(self, archive: str) -> bool:
        return archive not in self.destroyed and (archive in self.archives or self.rebuilt)


def restore_vault(order: CopyRestore) -> Restored:
    """Make a vault at `order.to`; after an interruption a further call resumes.

    Raises UsageError where that is not an empty folder, VaultError where the log in the copy is not whole, CopyAway,
    WorldError and Interrupted.
    """
    began, layout, done = order.monotonic(), Layout(order.to), Restored()
    identity = read_identity(order.store)
    done.entries, done.at = end_of_log(order.store)
    _prepare(order, layout, identity)
    if not is_there(layout.catalogue):
        _restore_small(order, layout, identity, done)
        named = () if order.rehearsal else order.identities  # no names of matters in a scratch folder
        made = rebuild(Rebuild(layout.root, order.clock, stop=order.stop, identities=named))
        done.faults += made.faults
        order.crash_point("rebuilt")
    vault = open_vault(layout.root)
    try:
        with hold(layout.lock, "strongroom copy restore"):
            for archive_id in all_archive_ids(vault.catalogue):
                _restore_archive(order, vault, archive_id, done)
            _finish(order, vault, identity, done)
    finally:
        vault.close()
    discard(layout.root / MARKER)
    done.seconds = order.monotonic() - began
    return done


def _prepare(order: CopyRestore, layout: Layout, identity: CopyIdentity) -> None:
    """Make the folders of an empty vault, or find those of an interrupted restore from this copy."""
    marker = layout.root / MARKER
    text = json.dumps({"vault": identity.vault, "copy": identity.place}, sort_keys=True).encode()
    if is_there(marker) and read_file(marker) == text:
        return
    if layout.root.exists() and (not layout.root.is_dir() or any(list_folder(layout.root))):
        raise UsageError(f"{order.to} is not an empty folder", hint="name a new folder; a vault is never overwritten")
    layout.root.parent.mkdir(parents=True, exist_ok=True)
    make_folder(layout.root)
    layout.root.chmod(0o700)
    make_folder(layout.tmp)
    write_small(marker, layout, text)
    for folder in layout.folders:
        make_folder(folder)


def _restore_small(order: CopyRestore, layout: Layout, identity: CopyIdentity, done: Restored) -> None:
    facts = _restore_log(order, layout, identity)
    order.crash_point("restored log")
    write_small(layout.readme, layout, README.encode())
    for name, path in _small_files(order.store, layout, facts):
        _require_going(order)
        try:
            write_small(path, layout, read_whole(order.store, name))
        except (ObjectAbsent, ObjectDamaged) as error:
            done.faults.append(error.message)
        order.crash_point("restored small file")
    for archive, name, sha256 in _keys(order.store, facts):
        quarantined = name.startswith("quarantine/")
        path = layout.quarantined(archive, ".key.age") if quarantined else layout.key(archive)
        if order.rehearsal:
            _compare_key(order, archive, name, sha256, done)
        else:
            _fetch(order, layout, name, sha256, path, done)


def _compare_key(order: CopyRestore, archive: str, name: str, sha256: str, done: Restored) -> None:
    """Compare a key file, and open it with the identities that there are; it is never written."""
    _require_going(order)
    try:
        sealed = read_whole(order.store, name, MOST_OF_A_KEY)
        if hashlib.sha256(sealed).hexdigest() != sha256:
            return
        done.sound_keys.add(archive)
        if order.identities:
            done.opened += parse_archive_key(open_bytes(sealed, order.identities)).archive_id == archive
    except SealError as error:
        done.faults.append(f"archive {archive}: its key file is not opened by this identity: {error.message}")
    except (ObjectAbsent, VaultError):
        return  # it is named with the other files of its archive


def _restore_log(order: CopyRestore, layout: Layout, identity: CopyIdentity) -> _LogFacts:
    """Join the lines of the copy's log, each of which must follow the one before it."""
    facts = _LogFacts()

    def lines() -> Iterator[bytes]:
        for line in copied_lines(order.store):
            facts.walk.follow(line)
            if facts.walk.seq == 1 and digest(line) != identity.vault:
                raise VaultError(f"the log in {order.store.place} is another vault's", hint="restore from another copy")
            with readable(line):
                facts.take(json.loads(line))
            yield line + b"\n"

    discard(layout.log)  # of an interrupted restore: the copy may have more by now
    write_blocks(layout, layout.log, lines())
    if not facts.walk.seq:
        raise VaultError(f"the copy in {order.store.place} has no log", hint="restore from another copy")
    return facts


def _small_files(store: CopyStore, layout: Layout, facts: _LogFacts) -> Iterator[tuple[str, Path]]:
    for each in store.list("manifests/"):
        archive = id_of(Path(each.name))
        if archive is not None and facts.wants(archive):
            yield each.name, layout.manifest(archive)
    for each in store.list("quarantine/"):
        archive = id_of(Path(each.name))
        if archive is not None and each.name.endswith(".json") and facts.wants(archive):
            yield each.name, layout.quarantined(archive, ".json")
    for each in store.list("tombstones/"):
        archive = id_of(Path(each.name))
        if archive is not None and archive in facts.destroyed:
            yield each.name, tombstone_path(layout, read_tombstone(read_whole(store, each.name)))
    for folder in ("checkpoints", "certificates"):
        for each in store.list(f"log/{folder}/"):
            yield each.name, layout.log.parent / folder / Path(each.name).name


def _keys(store: CopyStore, facts: _LogFacts) -> Iterator[tuple[str, str, str]]:
    """Yield archive, name and SHA-256 of each key file: of several the one that the log names."""
    for prefix in ("keys/", "quarantine/"):
        for each in store.list(prefix):
            archive, parts = id_of(Path(each.name)), Path(each.name).name.split(".")
            if archive is None or not each.name.endswith(".key.age") or len(parts) != 4 or not facts.wants(archive):
                continue
            if facts.keys.get(archive, parts[1]) == parts[1]:
                yield archive, each.name, parts[1]


def _restore_archive(order: CopyRestore, vault: Vault, archive_id: str, done: Restored) -> None:
    _require_going(order)
    try:
        archive = get_archive(vault.catalogue, archive_id)
    except RowUnreadable as error:
        done.faults.append(error.message)
        return
    if archive is None:
        return
    before = len(done.faults)
    for each in objects_of(vault, archive):
        if each.path is None or each.part is None or _is_there(order, each, archive_id, done):
            continue
        if each.part is Part.MANIFEST or is_there(each.path):
            done.faults.append(f"{each.path.relative_to(vault.layout.root)}: it is not what the log has")
            continue
        _fetch_part(order, vault, archive, (each.part, each.sha256, each.path), done)
        order.crash_point("restored object")
    done.archives += len(done.faults) == before
    order.watch(1)


def _is_there(order: CopyRestore, each: CopyObject, archive_id: str, done: Restored) -> bool:
    if order.rehearsal and each.part is Part.KEY:
        if archive_id not in done.sound_keys:
            done.faults.append(f"archive {archive_id}: its key file is missing or damaged in the copy")
        return True
    return each.path is not None and is_sound(each.path, each.sha256)


def _fetch_part(
    order: CopyRestore, vault: Vault, archive: Archive, what: tuple[Part, str, Path], done: Restored
) -> None:
    part, sha256, path = what
    try:
        done.size += fetch_part(order.store, part, archive, sha256, vault.layout, path, order.throttle)
    except (ObjectAbsent, ObjectDamaged) as error:
        done.faults.append(f"archive {archive.id} of {archive.stream}: {error.message}")


def _fetch(order: CopyRestore, layout: Layout, name: str, sha256: str, path: Path, done: Restored) -> None:
    _require_going(order)
    if is_sound(path, sha256) or is_there(path):
        return
    try:
        done.size += fetch_object(order.store, name, sha256, layout, path, order.throttle)
    except (ObjectAbsent, ObjectDamaged) as error:
        done.faults.append(error.message)


def _finish(order: CopyRestore, vault: Vault, identity: CopyIdentity, done: Restored) -> None:
    """Compare the log with every checkpoint, and record the restore."""
    key = key_in_log(vault)
    keys = [*order.keys] or ([key] if key else [])
    report = audit_vault(vault, keys, order.checkpoints, payloads=False)
    # Since the last entry of the copy time has passed, which nobody has confirmed yet: that is no damage.
    found = [each for each in report.findings if each.code != "time"]
    found = [each for each in found if not (order.rehearsal and each.where.endswith(".key.age"))]
    done.faults += [f"{each.where}: {each.message}" for each in found]
    done.tombstones = sum(1 for each in order.store.list("tombstones/"))
    with vault.catalogue.transaction():
        log_copy(
            vault.catalogue,
            EntryKind.VAULT_RESTORED,
            order.clock(),
            place=identity.place,
            entries=done.entries,
            archives=done.archives,
            faults=len(done.faults),
        )
    vault.write_log()


def _require_going(order: CopyRestore) -> None:
    if order.stop():
        raise Interrupted("the restore was interrupted", hint="run it again: it resumes where it stopped")
