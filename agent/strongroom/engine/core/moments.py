"""What happened in a vault, entry by entry, as the evidence log records it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from strongroom.evidence.line import Fact
from strongroom.model.times import parse_instant
from strongroom.vault.log import Logged, entries_before, newest_entries
from strongroom.vault.requests import Request as Request  # as `Vault` below
from strongroom.vault.requests import RequestKind as RequestKind
from strongroom.vault.rows import leaving_out as leaving_out  # as `Vault` below
from strongroom.vault.vault import Vault as Vault  # the screen and the command line import it from here


class Moment(Struct, frozen=True):
    """One entry of the evidence log."""

    seq: int
    at: datetime
    kind: str  # "job.accepted"
    job: str
    archive: str
    facts: dict[str, Fact]
    words: str  # what a provider said, for people


def newest_moments(vault: Vault, most: int = 50) -> list[Moment]:
    """Return the newest entries, newest first."""
    return [moment_of(entry) for entry in newest_entries(vault.catalogue, most)]


def list_moments(
    vault: Vault, *, stream: str = "", family: str = "", before: Moment | None = None, most: int = 100
) -> list[Moment]:
    """Return one page of entries, newest first; a family, such as `hold`, is the part of a kind before the dot."""
    edge = before.seq if before else (1 << 63) - 1
    return [moment_of(each) for each in entries_before(vault.catalogue, edge, most, stream=stream, family=family)]


def moment_of(entry: Logged) -> Moment:
    """Return a log entry as a moment."""
    body = entry.body
    facts = body.get("facts")
    return Moment(
        seq=entry.seq,
        at=parse_instant(str(body["at"])),
        kind=str(body["kind"]),
        job=str(body.get("job", "")),
        archive=str(body.get("archive", "")),
        facts=facts if isinstance(facts, dict) else {},
        words=entry.words,
    )
