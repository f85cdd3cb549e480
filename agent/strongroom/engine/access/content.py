"""Checks that need an identity: an archive's content record by record, and the recovery drill.

A drill shows what a restore after a disaster needs: the identity from the safe opens an archive chosen at random, and
its key file, its payload and this program are complete. Only the result is written.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.age.reader import SealedReader
from strongroom.engine.access.browse import WatchedReader, read_blocks
from strongroom.engine.access.fixity import SEGMENT, FixityFault, Watch, check_fixity
from strongroom.engine.access.payload import open_sealed
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import Unpacked, decoder, open_delivered
from strongroom.engine.worker.launcher import Launcher
from strongroom.engine.worker.parse_worker import started_parser
from strongroom.engine.worker.protocol import Service
from strongroom.engine.worker.seal_worker import HashThread
from strongroom.evidence.line import Entry, Fact
from strongroom.formats.compression import Gunzipped
from strongroom.formats.inspect import inspect_container
from strongroom.model.archive import Archive
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import SealError, UsageError
from strongroom.model.inspection import CUT_SHORT, Caps, Inspection, Severity
from strongroom.model.times import Chance
from strongroom.vault.archives import get_archive
from strongroom.vault.log import add_entry
from strongroom.vault.recipients import draw_archive, mark_proven, put_drill
from strongroom.vault.vault import Vault


def check_content(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    watch: Watch = lambda _count: None,
    launcher: Launcher | None = None,
) -> list[FixityFault]:
    """Check the digest of the delivered file, its structure, and the counts and dates of its records.

    `launcher` starts parsing processes; who checks several archives passes one for all.
    """
    name = str(vault.payload_path(archive).relative_to(vault.layout.root))
    try:
        with (
            nullcontext(launcher) if launcher else closing(Launcher(Service.PARSE)) as parsers,
            started_parser(parsers, archive.expectation, Caps()) as sink,
        ):
            key = unlock(vault, archive, identities)
            with open_sealed(vault, archive, key) as sealed:
                reader = open_delivered(sealed, archive.seal)
                digest = content_digest(reader, key, watch)
                if not hmac.compare_digest(digest, archive.seal.digest):
                    message = "the delivered bytes are not the ones that were archived"
                    return [FixityFault(archive.id, name, "content", message)]
                reader.seek(0)
                watched = WatchedReader(reader, watch)
                clear = decoder(watched, archive.seal, Caps())
                found = inspect_container(clear or watched, archive.expectation, Caps(), sink)
    except (SealError, OSError) as error:
        return [FixityFault(archive.id, name, "content", str(error))]
    return [*_compare_decoded(archive, name, clear, key), *_compare(archive, name, found)]


def _compare_decoded(archive: Archive, name: str, clear: Gunzipped | None, key: ArchiveKey) -> list[FixityFault]:
    """Compare the file without its content coding with what was recorded of it."""
    seal = archive.seal
    if clear is None or (clear.size is None and seal.decoded_size is None):
        return []
    digest = hmac.new(key.salt, clear.sha256, hashlib.sha256).hexdigest()
    if clear.size == seal.decoded_size and hmac.compare_digest(digest, seal.decoded_digest):
        return []
    return [FixityFault(archive.id, name, "content", "the decompressed file is not the one that was recorded")]


def content_digest(reader: SealedReader | Unpacked, key: ArchiveKey, watch: Watch) -> str:
    """Return the salted digest of the whole content: hex HMAC-SHA256(salt, SHA-256(content))."""
    reader.seek(0)
    with HashThread() as digest:
        for block in read_blocks(reader):
            digest.update(block)
            watch(len(block))
        content = digest.result()
    return hmac.new(key.salt, content, hashlib.sha256).hexdigest()


def _compare(archive: Archive, name: str, found: Inspection) -> list[FixityFault]:
    recorded = archive.inspection
    pairs = (
        ("records", recorded.records, found.records),
        ("records in the window", recorded.in_window, found.in_window),
        ("earliest time", recorded.earliest, found.earliest),
        ("latest time", recorded.latest, found.latest),
    )
    faults = [
        FixityFault(archive.id, name, "counts", f"{what}: expected {expected}, got {got}")
        for what, expected, got in pairs
        if expected != got
    ]
    # A finding may not have been a fault when the file arrived; the bytes themselves were compared above.
    wrong = [each for each in found.findings if each.severity is Severity.FAULT and each.code not in CUT_SHORT]
    if recorded.sound and wrong:
        faults.append(
            FixityFault(archive.id, name, "content", "the file had no faults when it was archived and has some now")
        )
    return faults


class Drill(Struct, frozen=True):
    """What a drill came to."""

    at: datetime
    archive: Archive
    recipient: str  # the public key whose identity was tried
    faults: tuple[FixityFault, ...]

    @property
    def passed(self) -> bool:
        """Return whether the identity opened the archive and its content is complete."""
        return not self.faults


def draw(vault: Vault, random_bytes: Chance) -> Archive:
    """Return one archive chosen at random. Raises UsageError when there is none."""
    drawn = draw_archive(vault.catalogue, random_bytes)
    archive = get_archive(vault.catalogue, drawn) if drawn else None
    if archive is None:
        raise UsageError("the vault has no archive to open in a drill yet", hint="run: strongroom run --once")
    return archive


def drill(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    now: datetime,
    watch: Callable[[int], None] = lambda _count: None,
) -> Drill:
    """Open the archive with each identity, read all of its content once, and log the result; return it.

    Each identity that opens the archive gets a result; if none does, the first one has failed.
    """
    faults = [each for each in check_fixity(vault, archive, watch) if each.code != SEGMENT]
    if not faults:
        faults = check_content(vault, archive, identities, watch)
    tried = [Drill(now, archive, str(each.recipient), tuple(_opens(vault, archive, each))) for each in identities]
    able = [each for each in tried if each.passed] or tried[:1]
    drills = [replace(each, faults=each.faults or tuple(faults)) for each in able]
    with vault.catalogue.transaction():
        for each in drills:
            _enter(vault, each)
    vault.write_log()
    return drills[0]


def _opens(vault: Vault, archive: Archive, identity: X25519Identity) -> list[FixityFault]:
    try:
        unlock(vault, archive, [identity])
    except SealError as error:
        name = str(vault.key_path(archive).relative_to(vault.layout.root))
        return [FixityFault(archive.id, name, "key", error.message)]
    return []


def _enter(vault: Vault, drill: Drill) -> None:
    archive, recipient = drill.archive, drill.recipient
    facts: dict[str, Fact] = {"recipient": recipient, "records": archive.inspection.records, "size": archive.seal.size}
    if drill.passed:
        mark_proven(vault.catalogue, recipient, drill.at)
        entry = Entry(EntryKind.DRILL_PASSED, drill.at, archive=archive.id, stream=archive.stream, facts=facts)
    else:
        facts["faults"] = [*sorted({fault.code for fault in drill.faults})]
        entry = Entry(EntryKind.DRILL_FAILED, drill.at, archive=archive.id, stream=archive.stream, facts=facts)
    put_drill(vault.catalogue, recipient, archive.id, drill.at, passed=drill.passed)
    add_entry(vault.catalogue, entry)
