"""What a production says of itself: selection, numbers, counts, and the proofs of its archives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from strongroom.engine.production.load_file import profile_document
from strongroom.engine.production.recording import ArchiveCounts
from strongroom.engine.production.redacting import rules_document
from strongroom.engine.production.request import ProductionRequest, ProductionSource
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
from strongroom.formats.redaction import redact_text
from strongroom.model.archive import Archive
from strongroom.model.errors import VaultError
from strongroom.model.production import WITH_PEOPLE
from strongroom.model.times import format_instant
from strongroom.vault.checkpoints import LoggedLine
from strongroom.vault.vault import Vault

VERSION = 1


def manifest_of(
    source: ProductionSource,
    request: ProductionRequest,
    proven: Proven,
    events: Mapping[str, LoggedLine],
    counts: ArchiveCounts,
    files: Mapping[str, str],
) -> dict[str, object]:
    """Return production.json."""
    issuer, numbering = issuer_of(source.config, source.vault), request.numbering
    return {
        "version": VERSION,
        "format": request.format.value,
        "organization": issuer.organization,
        "vault": issuer.vault,
        "key": issuer.key,
        "made_at": format_instant(request.at),
        "by": {"name": request.by.name, "user": request.by.token},
        "selection": {name: redact_text(words, request.rules) for name, words in request.words.items()},
        "redaction": rules_document(request.rules),
        "numbering": {"prefix": numbering.prefix, "width": numbering.width, "start": numbering.start},
        "slice_hours": int(request.slice_length / timedelta(hours=1)) if request.format in WITH_PEOPLE else None,
        "names_from": [{"id": each.id, "sealed_sha256": each.seal.sealed_sha256} for each in counts.contacts],
        "counts": msgspec.to_builtins(counts.total),
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
        **({"load_file": profile_document(request.profile)} if request.profile else {}),
    }


def prove_archives(source: ProductionSource, archives: Sequence[Archive]) -> tuple[Proven, Mapping[str, LoggedLine]]:
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
    hint = "run: strongroom audit verify"
    raise VaultError(f"the log has no entry about the arrival of archive {archive.id}", hint=hint)
