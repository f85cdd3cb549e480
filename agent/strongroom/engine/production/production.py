"""Productions: selected records in the files of another program, numbered, with what proves where they come from.

The folder is built under another name, checked as the recipient will check it, and then renamed as a whole; nothing is
ever overwritten. Everything in it follows from the selection, the request and the log up to the checkpoint that is
used, so that the same request makes the same bytes. That checkpoint is the oldest one that covers the archives.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from strongroom.engine.access.cases import change_case
from strongroom.engine.access.restore import require_outside
from strongroom.engine.core.trusted_clock import vault_now
from strongroom.engine.production.manifest import manifest_of, prove_archives
from strongroom.engine.production.output import building, file_sha256, pack, publish
from strongroom.engine.production.readme import write_readme
from strongroom.engine.production.recording import ArchiveCounts, put_records
from strongroom.engine.production.request import FinishedProduction, ProductionRequest, ProductionSource
from strongroom.engine.proof.checkpoints import issuer_of, signer_of
from strongroom.engine.proof.package import check_target
from strongroom.evidence import verifier
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.verifier import Key, Report, check_production
from strongroom.model.case import Produced
from strongroom.model.entry_kind import EntryKind
from strongroom.model.errors import StrongroomError, UsageError, VaultError
from strongroom.model.production import RecordCount
from strongroom.vault.durable import create
from strongroom.vault.log import add_entry

TITLE = "strongroom production 1"
MANIFEST, NOTE = "production.json", "production.note"


def write_production(source: ProductionSource, request: ProductionRequest) -> FinishedProduction:
    """Make the production. Raises UsageError for what cannot be produced.

    Raises SealError, ContentRefused or VaultError where an archive is not what it was, or the verifier finds anything
    wrong. If anything fails, nothing is left of the production.
    """
    if source.vault.read_only:
        raise UsageError(
            "the vault cannot be written here, and a production must be recorded in its log",
            hint="run this as a user who may write to the vault",
        )
    check_target(request.target)
    require_outside(source.vault, request.target)
    if not request.selection.archives:
        raise UsageError("no archive matches", hint="see which there are: strongroom archives")
    proven, events = prove_archives(source, request.selection.archives)
    with building(request.target, source.random_bytes) as folder:
        counts = put_records(source, request, folder)
        files = _finish_records(source, request, folder, counts)
        document = manifest_of(source, request, proven, events, counts, files)
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
        _note_numbers(source, request, digest, total)
        publish(built, request.target)
    numbers = request.numbering
    first, last = (numbers.number(place) for place in (0, total.records - 1))
    return FinishedProduction(
        request.target, request.format, first, last, total, len(request.selection.archives), digest, bool(public)
    )


def _finish_records(
    source: ProductionSource, request: ProductionRequest, folder: Path, counts: ArchiveCounts
) -> dict[str, str]:
    """Write the README; return the digests of the files that are not of one record alone."""
    issuer = issuer_of(source.config, source.vault)
    readme = write_readme(request, counts.total, issuer)
    create(folder / "README.txt", readme.encode())
    return {name: file_sha256(folder / name) for name in sorted([*counts.files, "README.txt"])}


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


def _note_numbers(source: ProductionSource, request: ProductionRequest, digest: str, total: RecordCount) -> None:
    """Enter the numbers into the case, so that its next production continues them."""
    if request.case is None:
        return
    numbers = request.numbering
    made = Produced(numbers.prefix, numbers.start, total.records, total.withheld, digest)
    now = vault_now(source.vault, source.clock)
    change_case(source.vault, request.case, made, request.by, now, source.random_bytes)
