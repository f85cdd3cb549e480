"""Recipients as the vault knows them: who may open new archives, since when, and to whom each key file is sealed.

The configuration says to whom new archives are sealed; the vault remembers the set that it has seen, so that a change
is noticed whoever made it. All of it follows from the evidence log and can be made again from there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from strongroom.model.archive import Archive
from strongroom.model.instants import parse_instant
from strongroom.vault import recipientqueries as queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_instant_or_none, to_text, to_text_or_none
from strongroom.vault.chainwalk import is_in_chain, readable
from strongroom.vault.drills import put_drill
from strongroom.vault.rows import reads


@dataclass(frozen=True, slots=True)
class Recipient:
    """One public key that new archives are, or were, sealed to."""

    key: str  # age1…
    since: datetime
    label: str = ""
    proven_at: datetime | None = None  # when its private half was last shown to be there
    retired_at: datetime | None = None
    reason: str = ""  # why it was retired

    @property
    def short(self) -> str:
        """The key as people tell it apart: its beginning and its end."""
        return short_key(self.key)


def short_key(key: str) -> str:
    """Return the beginning and the end of a public key, enough to tell a few apart."""
    return f"{key[:12]}…{key[-6:]}"


def all_recipients(catalogue: Catalogue) -> list[Recipient]:
    """Return every recipient that the vault ever had, oldest first."""
    return [_recipient(row) for row in catalogue.read(queries.RECIPIENTS)]


def known_set(catalogue: Catalogue) -> list[Recipient]:
    """Return the recipients that the vault has seen as the set in force."""
    return [each for each in all_recipients(catalogue) if each.retired_at is None]


def logged_set(catalogue: Catalogue) -> frozenset[str] | None:
    """Return the set in force as the chained log has it, whatever the rows say; None where it tells of none."""
    for row in catalogue.read(queries.SET_ENTRIES):
        if is_in_chain(row) and (told := set_told(json.loads(row["line"]))):
            return frozenset(told)
    return None


def put_recipient(catalogue: Catalogue, recipient: Recipient) -> None:
    """Write a recipient; inside a transaction."""
    row = (
        recipient.key,
        recipient.label,
        to_text(recipient.since),
        to_text_or_none(recipient.proven_at),
        to_text_or_none(recipient.retired_at),
        recipient.reason,
    )
    catalogue.write(queries.PUT_RECIPIENT, *row)
    catalogue.confirm(queries.RECIPIENT, recipient.key, expected=row)


def change_set(catalogue: Catalogue, keys: Iterable[str], now: datetime, *, label: str = "", reason: str = "") -> None:
    """Make these keys the set in force; inside a transaction. A label is for who comes, a reason for who goes."""
    wanted, known = set(keys), {each.key: each for each in all_recipients(catalogue)}
    for key in sorted(wanted):
        before = known.get(key)
        if before is None:
            put_recipient(catalogue, Recipient(key, now, label))
        elif before.retired_at is not None:
            put_recipient(catalogue, Recipient(key, now, label or before.label, before.proven_at))
    for before in known.values():
        if before.key not in wanted and before.retired_at is None:
            put_recipient(catalogue, replace(before, retired_at=now, reason=reason))


def mark_proven(catalogue: Catalogue, key: str, now: datetime) -> None:
    """Remember that somebody showed a recipient's private half; inside a transaction."""
    for each in all_recipients(catalogue):
        if each.key == key:
            put_recipient(catalogue, replace(each, proven_at=now))


def sealed_sets(catalogue: Catalogue) -> dict[str, int]:
    """Return how many archives each set of recipients opens; a set is a JSON array as it stands in the catalogue."""
    return {row["recipients"]: row["count"] for row in catalogue.read(queries.SEALED_SETS)}


def keys_in(sets: dict[str, int]) -> set[str]:
    """Return every public key that is in one of the sets."""
    return {key for text in sets for key in json.loads(text)}


def sets_with(sets: dict[str, int], key: str) -> list[int]:
    """Return the counts of the sets that this public key is one of."""
    return [count for text, count in sets.items() if key in json.loads(text)]


def stale_archives(catalogue: Catalogue, keys: Iterable[str]) -> list[str]:
    """Return the ids of the archives whose key file is sealed to another set, those of one folder together."""
    wanted = set(keys)
    stale = [text for text in sealed_sets(catalogue) if set(json.loads(text)) != wanted]
    found = [row["id"] for text in stale for row in catalogue.read(queries.SEALED_TO_SET, text)]
    return sorted(found, key=lambda archive_id: (archive_id[-2:], archive_id))


def sealed_to(catalogue: Catalogue, archive: Archive) -> tuple[str, ...]:
    """Return the public keys that an archive's key file is sealed to now."""
    row = catalogue.read_one(queries.SEALED_TO, archive.id)
    return tuple(json.loads(row["recipients"])) if row else archive.recipients


def put_resealed(catalogue: Catalogue, archive_id: str, recipients: str, at: datetime) -> None:
    """Write to whom a key file is sealed anew; `recipients` is a sorted JSON array. Inside a transaction."""
    catalogue.write(queries.PUT_RESEALED, archive_id, recipients, to_text(at))


def replay_recipients(catalogue: Catalogue) -> None:
    """Make recipients and drills again from the log's entries; inside a transaction.

    Labels and reasons are words for people and not in the log: they are gone with the catalogue.
    """
    for row in catalogue.read(queries.KEY_ENTRIES):
        with readable(row["line"]):
            _replay(catalogue, json.loads(row["line"]))


def _replay(catalogue: Catalogue, body: dict[str, Any]) -> None:
    at, kind, facts = parse_instant(body["at"]), body["kind"], body["facts"]
    told = set_told(body)
    if told:
        change_set(catalogue, told, at)
    if kind.startswith("drill."):
        put_drill(catalogue, facts["recipient"], body.get("archive", ""), at, passed=kind == "drill.passed")
    if kind in ("recipient.proven", "drill.passed"):
        mark_proven(catalogue, facts["recipient"], at)


def set_told(body: dict[str, Any]) -> list[str] | None:
    """Return the set of public keys that an entry says is in force from then on; None where it says none."""
    told = {"vault.created": "recipients", "recipients.changed": "new"}.get(body["kind"])
    return body["facts"].get(told) if told else None


def replay_resealed(catalogue: Catalogue) -> None:
    """Make again, from the log's entries, to whom key files are sealed; inside a transaction.

    The digests of the key files are for whoever enters the archives: the newest entry of an archive that has one wins.
    """
    for row in catalogue.read(queries.RESEALED_ENTRIES):
        with readable(row["line"]):
            body = json.loads(row["line"])
            put_resealed(catalogue, body["archive"], set_text(body["facts"]["recipients"]), parse_instant(body["at"]))


def set_text(keys: Iterable[str]) -> str:
    """Write a set of keys as the catalogue holds it: a JSON array, sorted, without spaces."""
    return json.dumps(sorted(set(keys)), separators=(",", ":"))


@reads("recipients", "key")
def _recipient(row: sqlite3.Row) -> Recipient:
    return Recipient(
        key=row["key"],
        since=to_instant(row["since"]),
        label=row["label"],
        proven_at=to_instant_or_none(row["proven_at"]),
        retired_at=to_instant_or_none(row["retired_at"]),
        reason=row["reason"],
    )
