"""Productions: selected records in the files of another program, numbered, with what proves where they come from.

The folder is built under another name, checked as the recipient will check it, and then renamed as a whole; nothing is
ever overwritten. Everything in it follows from the selection, the request and the log up to the checkpoint that is
used, so that the same request makes the same bytes. That checkpoint is the oldest one that covers the archives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct, field

from strongroom.age.keys import X25519Identity
from strongroom.config.schema import Config
from strongroom.engine.access.restore import require_outside
from strongroom.engine.production.output import building, close_flushed, create_new, file_sha256, pack, publish
from strongroom.engine.production.readme import write_readme
from strongroom.engine.production.selection import SelectedRecord, Selection, earliest_from, read_selection
from strongroom.engine.production.writers import WRITERS
from strongroom.engine.proof.checkpoints import issuer_of, sign_log, signer_of
from strongroom.engine.proof.inclusion_proofs import (
    Proven,
    checkpoint_sizes,
    covering_checkpoint,
    custody_of,
    event_document,
    prove_entries,
)
from strongroom.engine.proof.known_checkpoints import known_checkpoints
from strongroom.engine.proof.package import check_target
from strongroom.evidence import verifier
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.verifier import Key, Report, check_production
from strongroom.model.archive import Archive
from strongroom.model.destruction import Person
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError, VaultError
from strongroom.model.production import Numbering, ProductionFormat, RecordCount
from strongroom.model.times import Chance, Clock, format_instant
from strongroom.vault.checkpoints import LoggedLine
from strongroom.vault.durable import create
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault

VERSION = 1
TITLE = "strongroom production 1"
INDEX, MANIFEST, NOTE = "index.jsonl", "production.json", "production.note"


class ProductionRequest(Struct, frozen=True):
    """What to produce, how, and by whom."""

    selection: Selection
    target: Path  # a folder or a file ending in .zip, neither of which exists yet
    format: ProductionFormat
    numbering: Numbering
    by: Person
    at: datetime  # as the production says; the log has its own time
    words: Mapping[str, str] = field(default_factory=dict)  # how the records were selected, for people


class FinishedProduction(Struct, frozen=True):
    """The production that was made."""

    path: Path
    format: ProductionFormat
    first: str  # the first number
    last: str
    count: RecordCount
    archives: int
    sha256: str  # of production.json, which names the digests of the others
    signed: bool


class ProductionSource(Struct, frozen=True):
    """Where a production is made from: a vault, its configuration, and the identities of the person who makes it."""

    vault: Vault
    config: Config
    clock: Clock
    random_bytes: Chance
    identities: Sequence[X25519Identity]
    watch: Callable[[int, int], None] = field(default=lambda _done, _of: None)  # archives


class IndexLine(Struct, frozen=True):
    """What the index says of one record, in this order."""

    number: str
    archive: str
    dataset: str
    place: int
    id: str
    at: str
    sha256: str  # of the record's bytes as delivered, without line breaks
    file: str
    text: str
    text_sha256: str


def write_production(source: ProductionSource, request: ProductionRequest) -> FinishedProduction:
    """Make the production. Raises UsageError for what cannot be produced.

    Raises SealError, ContentRefused or VaultError where an archive is not what it was, or the verifier finds anything
    wrong. If anything fails, nothing is left of the production.
    """
    if source.vault.read_only:
        raise UsageError(
            "the vault can only be read here, and a production is entered into its log",
            hint="run this as a user who may write to the vault",
        )
    check_target(request.target)
    require_outside(source.vault, request.target)
    if not request.selection.archives:
        raise UsageError("no archive matches", hint="see which there are: strongroom archives")
    proven, events = _prove(source, request.selection.archives)
    with building(request.target, source.random_bytes) as folder:
        counts = _put_records(source, request, folder)
        files = _finish_records(source, request, folder, counts)
        document = _manifest(source, request, proven, events, counts, files)
        manifest = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
        create(folder / MANIFEST, manifest)
        digest = hashlib.sha256(manifest).hexdigest()
        public = _sign(source, folder, digest)
        create(folder / "checkpoint.note", proven.kept.note.encode())
        create(folder / "strongroom-verify.py", Path(verifier.__file__).read_bytes())
        built = pack(folder) if request.target.suffix == ".zip" else folder
        _verify(built, public)
        total = counts.total
        _log(source, request, digest, total)
        publish(built, request.target)
    numbers = request.numbering
    first, last = (numbers.number(place) for place in (0, total.records - 1))
    return FinishedProduction(
        request.target, request.format, first, last, total, len(request.selection.archives), digest, bool(public)
    )


class _Counts:
    """How many records each archive has in the production."""

    def __init__(self, archives: Sequence[Archive]) -> None:
        self.of = {archive.id: RecordCount() for archive in archives}
        self.files: list[str] = []

    @property
    def total(self) -> RecordCount:
        each = self.of.values()
        return RecordCount(sum(c.matched for c in each), sum(c.doubles for c in each), sum(c.records for c in each))

    def take(self, record: SelectedRecord) -> bool:
        """Count a record; say whether it is produced."""
        count = self.of[record.archive.id]
        count.matched += 1
        count.doubles += record.superseded
        count.records += not record.superseded
        return not record.superseded


def _prove(source: ProductionSource, archives: Sequence[Archive]) -> tuple[Proven, Mapping[str, LoggedLine]]:
    """Prove the entry with which each archive came, under the oldest checkpoint that covers all of them."""
    vault = source.vault
    events = {each.id: _arrival(vault, each) for each in archives}
    last = max(each.seq for each in events.values())
    kept = covering_checkpoint(vault, last)
    if kept is None:
        kept = sign_log(vault, signer_of(source.config), source.clock, known_checkpoints(source.config))
    older = [size for size in checkpoint_sizes(vault) if size < kept.size]
    return prove_entries(vault, list(events.values()), older, kept), events


def _arrival(vault: Vault, archive: Archive) -> LoggedLine:
    found = (each for each in custody_of(vault, archive) if each.body.get("archive") == archive.id)
    for each in found:
        if each.body["facts"].get("sealed_sha256") == archive.seal.sealed_sha256:
            return each
    raise VaultError(f"the log has no entry of how archive {archive.id} came", hint="run: strongroom audit verify")


def _put_records(source: ProductionSource, request: ProductionRequest, folder: Path) -> _Counts:
    """Write the records and the index."""
    selection, counts = request.selection, _Counts(request.selection.archives)
    writer, done = WRITERS[request.format](folder), set[str]()
    index, place, earliest = create_new(folder / INDEX), 0, earliest_from(selection.archives)
    try:
        for record in read_selection(source.vault, selection, source.identities):
            if record.archive.id not in done:
                done.add(record.archive.id)
                source.watch(len(done), len(selection.archives))
                writer.settle(earliest[record.archive.id])
            if counts.take(record):
                number, line = _number(request.numbering, place), record.delivered.line
                sha256 = hashlib.sha256(line).hexdigest()
                written = writer.put(place, number, sha256, record)
                index.write(_index_line(number, sha256, record, written.file, written.text, written.text_sha256))
                place += 1
            else:
                writer.put_older(record)
    finally:
        close_flushed(index)
        counts.files = [INDEX, *writer.close()]
    if not place:
        raise UsageError("no record matches, so there is nothing to produce", hint="try it: strongroom search")
    return counts


def _number(numbering: Numbering, place: int) -> str:
    try:
        return numbering.number(place)
    except ValueError as error:
        raise UsageError(f"there are more records than numbers: {error}", hint="give more digits: --width") from None


def _index_line(number: str, sha256: str, record: SelectedRecord, file: str, text: str, text_sha256: str) -> bytes:
    name = record.id.encode("utf-8", "replace").decode()
    at = format_instant(record.at) if record.at else ""
    line = IndexLine(number, record.archive.id, record.dataset, record.place, name, at, sha256, file, text, text_sha256)
    return _encode(line) + b"\n"


_encode = msgspec.json.Encoder().encode


def _finish_records(
    source: ProductionSource, request: ProductionRequest, folder: Path, counts: _Counts
) -> dict[str, str]:
    """Write the README; return the digests of the files that are not of one record alone."""
    issuer = issuer_of(source.config, source.vault)
    readme = write_readme(request.format, request.numbering, counts.total, issuer, request.at)
    create(folder / "README.txt", readme.encode())
    return {name: file_sha256(folder / name) for name in sorted([*counts.files, "README.txt"])}


def _manifest(
    source: ProductionSource,
    request: ProductionRequest,
    proven: Proven,
    events: Mapping[str, LoggedLine],
    counts: _Counts,
    files: Mapping[str, str],
) -> dict[str, object]:
    issuer, total, numbering = issuer_of(source.config, source.vault), counts.total, request.numbering
    return {
        "version": VERSION,
        "format": request.format.value,
        "organization": issuer.organization,
        "vault": issuer.vault,
        "key": issuer.key,
        "made_at": format_instant(request.at),
        "by": {"name": request.by.name, "user": request.by.token},
        "selection": dict(request.words),
        "numbering": {"prefix": numbering.prefix, "width": numbering.width, "start": numbering.start},
        "counts": msgspec.to_builtins(total),
        "archives": [
            {
                "id": each.id,
                "stream": each.stream,
                "source": each.source,
                "provider": each.provider,
                "from": format_instant(each.spec.window.start),
                "to": format_instant(each.spec.window.end),
                "sealed_sha256": each.seal.sealed_sha256,
                **msgspec.to_builtins(counts.of[each.id]),
                "event": event_document(events[each.id], proven),
            }
            for each in sorted(request.selection.archives, key=lambda each: each.id)
        ],
        "first": {
            "line": proven.first.line.decode(),
            "proof": [each.hex() for each in proven.proofs.inclusion[0]],
        },
        "consistency": {str(size): [each.hex() for each in path] for size, path in proven.proofs.consistency.items()},
        "files": dict(files),
    }


def _sign(source: ProductionSource, folder: Path, digest: str) -> str:
    """Sign the digest of the manifest, if the key is available here; return the public key, or an empty text."""
    try:
        signer = signer_of(source.config)
    except StrongroomError:
        return ""
    issuer = issuer_of(source.config, source.vault)
    lines = [
        TITLE,
        f"organization {issuer.organization}",
        f"vault {issuer.vault or 'not named'}",
        f"key {signer.verifier}",
        f"file {MANIFEST} {digest}",
    ]
    create(folder / NOTE, signer.sign("\n".join(lines) + "\n").encode())
    return str(signer.verifier)


def _verify(built: Path, public: str) -> None:
    """Check the production as its recipient will, before it gets its name."""
    report = Report()
    report.check(MANIFEST, lambda: check_production(built, [Key(public)] if public else [], [], report))
    if report.findings:
        first = report.findings[0]
        raise VaultError(
            f"the verifier rejects the production, so it was not kept: {first.where}: {first.message}",
            hint="run: strongroom audit verify",
        )


def _log(source: ProductionSource, request: ProductionRequest, digest: str, total: RecordCount) -> None:
    """Log who produced how much, and the digest of the manifest; neither the query nor a name."""
    facts: dict[str, Fact] = {
        "production_sha256": digest,
        "by": request.by.token,
        "format": request.format.value,
        "archives": len(request.selection.archives),
        "records": total.records,
    }
    with source.vault.catalogue.transaction():
        add_entry(source.vault.catalogue, Entry(EntryKind.PRODUCTION_MADE, source.clock(), facts=facts))
    source.vault.write_log()
