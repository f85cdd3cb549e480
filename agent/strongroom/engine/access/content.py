"""Content with an identity: decrypt, compare the digest, read every record again, and compare the counts."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.age.reader import SealedReader
from strongroom.engine.access.browse import WatchedReader, read_blocks
from strongroom.engine.access.fixity import FixityFault, Watch
from strongroom.engine.core.identities import unlock
from strongroom.engine.worker.compression import Unpacked, decoder, open_delivered
from strongroom.engine.worker.parse_worker import spawned_reader
from strongroom.engine.worker.seal_worker import Digest
from strongroom.formats.compression import Gunzipped
from strongroom.formats.inspect import inspect_container
from strongroom.model.archive import Archive
from strongroom.model.errors import SealError
from strongroom.model.inspection import CUT_SHORT, Caps, Inspection, Severity
from strongroom.vault.vault import Vault


def check_content(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    watch: Watch = lambda _count: None,
) -> list[FixityFault]:
    """Prove what the archive holds: the delivered digest, the structure, the counts and dates of its records."""
    name = str(vault.payload_path(archive).relative_to(vault.layout.root))
    try:
        with spawned_reader(archive.expectation, Caps()) as sink:
            key = unlock(vault, archive, identities)
            with vault.open_payload(archive) as sealed:
                reader = open_delivered(SealedReader(sealed, [key.identity]), archive.seal)
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
    """Hold the file without its content coding against what was recorded of it."""
    seal = archive.seal
    if clear is None or (clear.size is None and seal.decoded_size is None):
        return []
    digest = hmac.new(key.salt, clear.sha256, hashlib.sha256).hexdigest()
    if clear.size == seal.decoded_size and hmac.compare_digest(digest, seal.decoded_digest):
        return []
    return [
        FixityFault(archive.id, name, "content", "the file without its content coding is not the one that was recorded")
    ]


def content_digest(reader: SealedReader | Unpacked, key: ArchiveKey, watch: Watch) -> str:
    """Return the salted digest of the whole content: hex HMAC-SHA256(salt, SHA-256(content))."""
    reader.seek(0)
    with Digest() as digest:
        for block in read_blocks(reader):
            digest.update(block)
            watch(len(block))
        content = digest.result()
    return hmac.new(key.salt, content, hashlib.sha256).hexdigest()


def _compare(archive: Archive, name: str, found: Inspection) -> list[FixityFault]:
    told = archive.inspection
    pairs = (
        ("records", told.records, found.records),
        ("records in the window", told.in_window, found.in_window),
        ("earliest time", told.earliest, found.earliest),
        ("latest time", told.latest, found.latest),
    )
    faults = [
        FixityFault(archive.id, name, "counts", f"{what}: expected {expected}, got {got}")
        for what, expected, got in pairs
        if expected != got
    ]
    # What makes a file doubtful on arrival was not always a fault; its bytes are the archived ones, see above.
    wrong = [each for each in found.findings if each.severity is Severity.FAULT and each.code not in CUT_SHORT]
    if told.sound and wrong:
        faults.append(
            FixityFault(archive.id, name, "content", "the file was sound when it was archived and is not now")
        )
    return faults
