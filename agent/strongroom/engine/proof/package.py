"""Evidence packages: selected archives in a folder, with keys for the recipient, custody, proofs and a verifier.

The package is built under another name, flushed, and then renamed as a whole; nothing is ever overwritten. An entry for
each archive records what was handed over, by whom and to which key; the next checkpoint covers it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.config.schema import Config
from strongroom.engine.access.key_files import open_keys, reseal_keys
from strongroom.engine.access.restore import require_outside, restore
from strongroom.engine.proof.checkpoints import Issuer, issuer_of, sign_log, signer_of
from strongroom.engine.proof.inclusion_proofs import Proven, checkpoint_sizes, custody_of, event_document, prove_entries
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.engine.proof.package_files import HINT, copy_sealed, sums_of
from strongroom.engine.proof.package_readme import Phrase, ReadmeFacts, write_custody, write_readme
from strongroom.engine.retention.holds import export_entries, hold_entries, holds_over
from strongroom.evidence import verifier
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.verifier import Key, Log, Report, check_package
from strongroom.model.archive import Archive, Holding
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError, VaultError
from strongroom.model.times import Chance, Clock
from strongroom.vault.checkpoints import LoggedLine, stamp_path
from strongroom.vault.durable import create, flush_folder, in_words
from strongroom.vault.files import is_file, open_file, read_file
from strongroom.vault.log import add_entry
from strongroom.vault.segments import sealed_fault, segment_of
from strongroom.vault.vault import Vault

FORMAT = 1


class PackageRequest(Struct, frozen=True):
    """What to package, for whom, and by whom."""

    archives: Sequence[Archive]
    target: Path  # a folder that does not exist yet
    by: Person
    recipients: tuple[str, ...] = ()  # public keys that key files are sealed to; empty: as stored in the vault
    plain: bool = False  # also the unencrypted records
    matter: str = ""  # for people; not in the log


class FinishedPackage(Struct, frozen=True):
    """The package that was made."""

    path: Path
    archives: tuple[str, ...]
    size: int  # bytes of all files
    sums_sha256: str  # of SHA256SUMS, which covers the whole package
    checkpoint: int  # entries of the log that it covers


class PackageSource(Struct, frozen=True):
    """Where a package is made from: a vault, its configuration, and the identities of the person who makes it."""

    vault: Vault
    config: Config
    clock: Clock
    random_bytes: Chance
    phrase: Phrase
    identities: Sequence[X25519Identity] = ()
    step: Callable[[str], None] = field(default=lambda _archive: None)  # called with each archive's id when it is done


def write_package(package_source: PackageSource, order: PackageRequest) -> FinishedPackage:
    """Make the package. Raises UsageError for what cannot be packaged.

    Raises VaultError where a file is not the one recorded in the log, or the verifier finds anything wrong. If anything
    fails, nothing is left of the package.
    """
    _check(package_source, order)
    public = _sign(package_source)
    holds, exports = hold_entries(package_source.vault), export_entries(package_source.vault)
    custody = {each.id: _custody(package_source.vault, each, holds, exports) for each in order.archives}
    entries = [entry for events in custody.values() for entry in events]
    proven = prove_entries(package_source.vault, entries, checkpoint_sizes(package_source.vault))
    issuer = issuer_of(package_source.config, package_source.vault)
    with _folder(order.target, package_source.random_bytes) as folder:
        (folder / "archives").mkdir(mode=0o700)
        for archive in order.archives:
            place = folder / "archives" / archive.id
            _put_archive(package_source, order, place, archive, custody[archive.id], proven)
            _put_custody(package_source, place, archive, custody[archive.id], issuer)
            package_source.step(archive.id)
        _put_keys(package_source, order, folder / "archives", custody)
        _put_papers(package_source, order, folder, proven, public, custody)
        sums, size = sums_of(folder)
        create(folder / "SHA256SUMS", sums)
        _verify(folder, public)
        _flush_tree(folder)
        digest = hashlib.sha256(sums).hexdigest()
        _log(package_source, order, digest, proven)  # before the rename: a key that was handed out cannot be taken back
    return FinishedPackage(order.target, tuple(each.id for each in order.archives), size, digest, proven.kept.size)


def _check(package_source: PackageSource, order: PackageRequest) -> None:
    """Refuse what cannot be packaged, before the log is signed for it."""
    if not order.archives:
        raise UsageError("there is no archive for the package", hint="name archives with --archives, or a --matter")
    check_target(order.target)
    require_outside(package_source.vault, order.target)
    for each in order.recipients:
        check_recipient(each)
    if order.recipients or order.plain:
        for _key in open_keys(package_source.vault, [order.archives[0].id], package_source.identities):
            pass  # an identity that opens the first archive usually opens the others


def check_target(target: Path) -> None:
    """Refuse a folder in which no package can be made. Raises UsageError."""
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists and is never overwritten", hint="name a new folder with --output")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", hint="create it first, or choose another with --output")


def check_recipient(text: str) -> None:
    """Refuse a malformed public key. Raises SealError."""
    X25519Recipient.parse(text)


_ByName = Mapping[str, list[LoggedLine]]


def _custody(vault: Vault, archive: Archive, holds: _ByName, exports: _ByName) -> list[LoggedLine]:
    """Return the entries about an archive, including holds on it and exports of its key."""
    held = [entry for hold in holds_over(vault, archive) for entry in holds.get(hold, [])]
    found = [*custody_of(vault, archive), *held, *exports.get(archive.id, [])]
    return sorted(found, key=lambda entry: entry.seq)


def _sign(package_source: PackageSource) -> str:
    """Sign the log, if the key is available here; return the public key, or an empty text.

    Where only the daemon has the key, the newest checkpoint is used; it is refused later if it does not cover the
    package.
    """
    try:
        signer = signer_of(package_source.config)
    except StrongroomError:
        return ""
    sign_log(package_source.vault, signer, package_source.clock, known_checkpoints(package_source.config))
    return str(signer.verifier)


@contextmanager
def _folder(target: Path, random_bytes: Chance) -> Iterator[Path]:
    """Yield a folder to build in; it becomes the target on success and is removed on failure."""
    temporary = target.with_name(f".{target.name[:40]}.{random_bytes(4).hex()}.part")
    try:
        temporary.mkdir(mode=0o700)
    except OSError as error:
        raise in_words(error) from error
    try:
        yield temporary
        target.mkdir(mode=0o700)  # reserves the name or fails; the rename replaces an empty folder
        temporary.rename(target)
        flush_folder(target.parent)
    except FileExistsError:
        raise UsageError(
            f"{target} was being created by another process", hint="name another folder with --output"
        ) from None
    except OSError as error:
        raise in_words(error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_archive(
    package_source: PackageSource,
    order: PackageRequest,
    folder: Path,
    archive: Archive,
    events: Sequence[LoggedLine],
    proven: Proven,
) -> None:
    folder.mkdir(mode=0o700)
    vault, layout = package_source.vault, package_source.vault.layout
    quarantined = archive.holding is Holding.QUARANTINED
    manifest = layout.quarantined(archive.id, ".json") if quarantined else layout.manifest(archive.id)
    copy_sealed(vault.payload_path(archive), folder / "payload.age", archive.seal.sealed_sha256)
    create(folder / "manifest.json", _logged(manifest, "manifest_sha256", archive, events))
    _put_segment(vault, folder, archive)
    document = {"archive": archive.id, "events": [event_document(event, proven) for event in events]}
    _put_json(folder / "custody.json", document)
    if order.plain:
        restore(vault, archive, package_source.identities, folder / "delivered", as_delivered=True)
        if archive.seal.decoded_size is not None:
            restore(vault, archive, package_source.identities, folder / "decoded")


def _put_segment(vault: Vault, folder: Path, archive: Archive) -> None:
    """Copy the search segment, where the archive has a sound one: nothing else depends on it."""
    segment, path = segment_of(vault.catalogue, archive), vault.layout.segment(archive.id)
    if segment is None or not is_file(path):
        return
    with open_file(path) as file:
        sound = not sealed_fault(file, segment)
    if sound:
        copy_sealed(path, folder / "segment.idx.age", segment.sha256)


def _put_custody(
    package_source: PackageSource, folder: Path, archive: Archive, events: Sequence[LoggedLine], issuer: Issuer
) -> None:
    create(folder / "custody.txt", write_custody(archive, events, package_source.phrase, issuer).encode())


def _logged(path: Path, fact: str, archive: Archive, events: Sequence[LoggedLine]) -> bytes:
    """Return the content of a file of the vault. Raises VaultError unless it has the newest digest in the log."""
    log = Log()
    for event in events:
        log.learn(event.body)
    data = read_file(path)
    if hashlib.sha256(data).hexdigest() != log.archives.get(archive.id, {}).get(fact):
        raise VaultError(f"the file {path.name} is not the one recorded in the log, so no package was made", hint=HINT)
    return data


def _put_keys(package_source: PackageSource, order: PackageRequest, folder: Path, custody: _ByName) -> None:
    ids = [each.id for each in order.archives]
    keys = {
        each.id: _logged(package_source.vault.key_path(each), "key_sha256", each, custody[each.id])
        for each in order.archives
    }
    if order.recipients:
        for archive_id, sealed in reseal_keys(
            package_source.vault, ids, package_source.identities, order.recipients, package_source.random_bytes
        ):
            create(folder / archive_id / "key.age", sealed)
    else:
        for archive_id, key_file in keys.items():
            create(folder / archive_id / "key.age", key_file)
    if order.plain:
        for key in open_keys(package_source.vault, ids, package_source.identities):
            create(folder / key.archive_id / "salt.txt", key.salt.hex().encode() + b"\n")


def _put_papers(
    package_source: PackageSource, order: PackageRequest, folder: Path, proven: Proven, public: str, custody: _ByName
) -> None:
    stamp = stamp_path(package_source.vault.layout, proven.kept.size)
    issuer = issuer_of(package_source.config, package_source.vault)
    facts = ReadmeFacts(issuer, order.archives, proven, public, order.recipients, order.plain, is_file(stamp))
    create(folder / "checkpoint.note", proven.kept.note.encode())
    if facts.stamped:
        create(folder / "checkpoint.tsr", read_file(stamp))
    if public:
        create(folder / "public-key.txt", f"{public}\n".encode())
    create(folder / "strongroom-verify.py", Path(verifier.__file__).read_bytes())
    create(folder / "README.txt", write_readme(facts).encode())
    _put_json(folder / "package.json", _package(package_source, order, proven, custody))


def _package(
    package_source: PackageSource, order: PackageRequest, proven: Proven, custody: _ByName
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "made_at": package_source.clock().isoformat(),
        "origin": proven.checkpoint.origin,
        "recipients": list(order.recipients),
        "plain": order.plain,
        "first": {
            "line": proven.first.line.decode(),
            "proof": [each.hex() for each in proven.proofs.inclusion[0]],
        },
        "consistency": {str(size): [each.hex() for each in path] for size, path in proven.proofs.consistency.items()},
        "archives": [
            {"id": each.id, "stream": each.stream, "events": len(custody[each.id])} for each in order.archives
        ],
    }


def _verify(folder: Path, public: str) -> None:
    """Check the package as its recipient will, before it gets its name."""
    report = Report()
    report.check("package.json", lambda: check_package(folder, [Key(public)] if public else [], [], report))
    if report.findings:
        first = report.findings[0]
        raise VaultError(
            f"the verifier rejects the package, so it was not kept: {first.where}: {first.message}", hint=HINT
        )


def _log(package_source: PackageSource, order: PackageRequest, digest: str, proven: Proven) -> None:
    facts: dict[str, Fact] = {
        "package_sha256": digest,
        "by": order.by.token,
        "recipients": list(order.recipients),
        "plain": order.plain,
        "checkpoint": proven.kept.size,
    }
    words = f"by {order.by.name}" + (f", matter {order.matter}" if order.matter else "")
    with package_source.vault.catalogue.transaction():
        for each in order.archives:
            entry = Entry(
                EntryKind.HANDOVER_MADE,
                package_source.clock(),
                archive=each.id,
                stream=each.stream,
                facts=facts,
                words=words,
            )
            add_entry(package_source.vault.catalogue, entry)
    package_source.vault.write_log()


def _put_json(path: Path, document: Mapping[str, object]) -> None:
    create(path, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _flush_tree(folder: Path) -> None:
    for path in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        flush_folder(path)
    flush_folder(folder)
