"""The copy of their data for one person: every record of theirs, with everybody else masked.

The files are `copy.html`, which begins with what the law asks to be told, and `records.jsonl`. Before anything is
written, every line is searched for identifiers of other people that are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from strongroom.engine.access.restore import require_outside
from strongroom.engine.access.subject_search import (
    Finding,
    Holding,
    SubjectRecord,
    described_person,
    describes_subject,
    party_fields,
)
from strongroom.engine.production.output import building, pack, publish
from strongroom.engine.proof.checkpoints import Issuer
from strongroom.formats.exact_json import decode_exact, pretty
from strongroom.formats.redaction import resolved_forms
from strongroom.model.errors import UsageError, VaultError
from strongroom.model.subject import SubjectRequest
from strongroom.model.times import Chance, format_instant
from strongroom.providers.search_fields import NO_FIELDS, search_fields
from strongroom.search.entry import OwnFields
from strongroom.search.masking import Masking, Person, names_in, people_in
from strongroom.search.person import IdentifierKind
from strongroom.vault.durable import create
from strongroom.vault.vault import Vault

PAGE, RECORDS = "copy.html", "records.jsonl"


class MaskedRecord(Struct, frozen=True):
    """One record as the person gets it."""

    source: str
    provider: str
    stream: str
    dataset: str
    at: datetime | None
    record: Mapping[str, Any]

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Return its fields as texts, numbers as they were written."""
        return [
            (name, value if isinstance(value, str) else "" if value is None else pretty(value, lines=False))
            for name, value in self.record.items()
        ]

    @property
    def line(self) -> bytes:
        """Return it as a line of JSON."""
        at = format_instant(self.at) if self.at else None
        names = {"source": self.source, "provider": self.provider, "stream": self.stream, "dataset": self.dataset}
        return pretty({**names, "at": at, "record": self.record}, lines=False).encode("utf-8", "replace")


class SubjectCopy(Struct, frozen=True):
    """A copy for one person, ready to be written."""

    request: SubjectRequest
    identifiers: tuple[str, ...]
    issuer: Issuer
    made_at: datetime
    holdings: tuple[Holding, ...]
    records: tuple[MaskedRecord, ...]
    masked: int  # people who are masked somewhere
    purposes: str  # for which the data are processed, in the words of the organization
    contact: str  # whom the person may turn to

    @property
    def lines(self) -> bytes:
        """Return the content of `records.jsonl`."""
        return b"".join(each.line + b"\n" for each in self.records)


class CopyWords(Struct, frozen=True):
    """What only the organization can say on the first page."""

    purposes: str = ""
    contact: str = ""


def make_copy(
    finding: Finding,
    request: SubjectRequest,
    contacts: Iterable[Person],
    kept: Sequence[str],
    issuer: Issuer,
    words: CopyWords,
    now: datetime,
    fields: OwnFields = NO_FIELDS,
) -> SubjectCopy:
    """Return the copy. Raises UsageError where there is no record, VaultError where somebody else would be shown."""
    if not finding.records:
        raise UsageError("no record of the person is in the vault: there is nothing to copy", hint="answer so instead")
    masking = _masking(finding, contacts, kept, fields)
    records = tuple(_mask(masking, each, fields) for each in finding.records)
    for each in records:
        if masking.finds(each.line.decode()):
            raise VaultError(
                f"a record of {each.dataset} would show an identifier of another person: nothing was written",
                hint="please report this; until then, redact the records of `strongroom search --full` by hand",
            )
    identifiers = tuple(each.text for each in finding.identifiers)
    return SubjectCopy(
        request, identifiers, issuer, now, finding.holdings, records, masking.count, words.purposes, words.contact
    )


def keep_copy(vault: Vault, target: Path, files: Mapping[str, bytes], random_bytes: Chance) -> str:
    """Write the files as a new folder or ZIP; return the SHA-256 of the records. Raises UsageError and WorldError."""
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists and is never overwritten", hint="name a new folder")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", hint="create it first, or name another")
    require_outside(vault, target)
    with building(target, random_bytes) as folder:
        for name, content in files.items():
            create(folder / name, content)
        publish(pack(folder) if target.suffix == ".zip" else folder, target)
    return hashlib.sha256(files[RECORDS]).hexdigest()


def _masking(finding: Finding, contacts: Iterable[Person], kept: Sequence[str], fields: OwnFields) -> Masking:
    own_names = [each.text for each in finding.identifiers if each.kind is IdentifierKind.NAME]
    others: list[Person] = []
    for record in finding.records:
        delivered = record.fields
        if describes_subject(record, fields):
            known = search_fields(record.hit.archive.provider, record.hit.dataset, fields)
            own_names += described_person(delivered, known).names
        else:
            others += people_in(delivered, party_fields(record.hit, fields))
            others += [Person((), (name,)) for name in names_in(delivered)]
    return Masking(finding.identifiers, own_names, [*others, *contacts], kept, resolved_forms)


def _mask(masking: Masking, each: SubjectRecord, fields: OwnFields) -> MaskedRecord:
    archive = each.hit.archive
    shape = next(shape for shape in archive.expectation.datasets if shape.name == each.hit.dataset)
    parties = () if describes_subject(each, fields) else party_fields(each.hit, fields)
    fixed = tuple(name for name in (shape.id_field, shape.time_field) if name)
    masked = masking.mask_record(decode_exact(each.hit.line), parties, fixed)
    return MaskedRecord(archive.source, archive.provider, archive.stream, each.hit.dataset, each.hit.entry.at, masked)
