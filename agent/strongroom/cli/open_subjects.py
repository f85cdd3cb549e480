"""What the subject commands share: the open vault with its requests, a search for a person, and JSON for programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, to_builtins

from strongroom.cli.identities import open_identities
from strongroom.cli.options import Session
from strongroom.cli.terminal import clean, counting, report
from strongroom.model.errors import ExitCode, UsageError
from strongroom.model.subject import SubjectRequest
from strongroom.text.units import short

if TYPE_CHECKING:
    from strongroom.config.schema import Config
    from strongroom.engine.access.subject_search import Finding
    from strongroom.engine.core.identities import Identities
    from strongroom.engine.queries.lists import Vault
    from strongroom.model.destruction import Person
    from strongroom.model.times import Chance


class OpenSubjects(Struct, frozen=True):
    """The vault and its requests, for the person who has these identities."""

    config: Config
    vault: Vault
    identities: Identities
    requests: Sequence[SubjectRequest]

    @property
    def signed(self) -> tuple[Person, datetime, Chance]:
        """Return who acts, when, and the random source."""
        from strongroom.engine.core.people import acting_person
        from strongroom.engine.core.sources import system_clock
        from strongroom.engine.core.trusted_clock import vault_now

        return acting_person(), vault_now(self.vault, system_clock), os.urandom

    def find(self, part: str) -> SubjectRequest:
        """Return a request by its id; refuse one that the identity does not open. Raises UsageError."""
        from strongroom.engine.access.subject_requests import find_request

        found = find_request(self.requests, part)
        if not found.identifiers:
            raise UsageError(
                f"the request {found.id} is sealed to keys that your identity does not have",
                hint="give the identity of its day with --identity PATH",
            )
        return found


@contextmanager
def open_subjects(session: Session, identity: Path | None, passphrase_file: Path | None) -> Iterator[OpenSubjects]:
    """Open the vault, the identity and the requests."""
    from strongroom.engine.access.subject_requests import read_requests
    from strongroom.engine.core.sources import open_reading

    config = session.config()
    with open_reading(config) as vault:
        identities = open_identities(config, identity, passphrase_file)
        yield OpenSubjects(config, vault, identities, read_requests(vault, identities))


def look_for(at: OpenSubjects, identifiers: Sequence[str], *, quiet: bool) -> tuple[Finding, dict[str, str]]:
    """Find a person, log the search, and return what was found and which archives could not be read."""
    from strongroom.engine.access.search import SearchProgress, described_fields, note_search
    from strongroom.engine.access.subject_search import find_subject, subject_query
    from strongroom.search.person import read_identifier

    progress, fields = SearchProgress(), described_fields(at.config.manifests)
    person, now, random_bytes = at.signed
    with counting("searching archives", quiet=quiet):
        found = find_subject(at.vault, identifiers, at.identities, now, progress, fields)
    if not at.vault.read_only:
        query = subject_query([read_identifier(each) for each in identifiers])
        note_search(at.vault, query, progress, len(found.records), person, now, random_bytes)
    return found, dict(progress.unread)


def report_unread(unread: dict[str, str]) -> int:
    """Name the archives that could not be read; return the exit code."""
    for archive, why in unread.items():
        report(f"archive {archive} could not be read: {clean(why)}; next: strongroom verify {short(archive)}")
    return ExitCode.FINDINGS if unread else ExitCode.OK


def request_document(found: SubjectRequest) -> dict[str, object]:
    """Return a request for programs."""
    return {
        "id": found.id,
        "state": found.state.value,
        "received": found.received.isoformat(),
        "answer_by": found.last_day.isoformat(),
        "time_zone": found.zone,
        "extended": found.months > 1,
        "reference": found.reference or None,
        "identifiers": list(found.identifiers),
        "steps": [
            {
                "at": each.at,
                "by": each.by or None,
                **(to_builtins(each.change) if each.change else {"change": each.kind}),
            }
            for each in found.entries
        ],
        "sealed": found.sealed,
    }


def finding_document(found: Finding) -> dict[str, object]:
    """Return what was found, for programs."""
    return {
        "identifiers": [each.text for each in found.identifiers],
        "records": len(found.records),
        "archives": list(found.archives),
        "holdings": [
            {
                "source": each.source, "stream": each.stream, "dataset": each.dataset, "records": each.records,
                "mentions": each.mentions, "from": each.first, "to": each.last, "archives": len(each.archives),
                "retained_until": each.retained_until, "on_hold": each.on_hold, "eligible": each.eligible,
            }
            for each in found.holdings
        ],
        "spellings": dict(found.spellings),
        "proposals": [{"identifier": each.text, "why": each.why, "records": each.records} for each in found.proposals],
    }  # fmt: skip
