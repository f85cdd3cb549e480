"""Recovery drills: who showed, when, that an identity opens an archive and that all of it is there.

Recipients as the vault knows them: who may open new archives, since when, and to whom each key file is sealed.

The configuration says to whom new archives are sealed; the vault remembers the set that it has seen, so that a change
is noticed in any case. All of it follows from the evidence log and can be made again from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from strongroom.model.archive import Archive
from strongroom.model.entry_kind import EntryKind
from strongroom.model.times import Chance, parse_instant
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import select_entries
from strongroom.vault.log_reader import is_in_chain, readable
from strongroom.vault.rows import Rows, text_list, to_instant, to_text

_STANDING = """archives.holding IN ('held', 'quarantined')
    AND archives.id NOT IN (SELECT archive FROM condemned WHERE stage IN ('destroying', 'destroyed'))"""
PUT_DRILL = "INSERT OR REPLACE INTO drills (at, recipient, archive, passed) VALUES (?, ?, ?, ?)"
LAST_DRILLS = "SELECT recipient, max(at) AS at FROM drills WHERE passed = 1 GROUP BY recipient"
HELD_COUNT = f"SELECT count(*) AS count FROM archives WHERE {_STANDING} AND holding = 'held'"
HELD_AT = f"SELECT id FROM archives WHERE {_STANDING} AND holding = 'held' ORDER BY id LIMIT 1 OFFSET ?"


def put_drill(catalogue: Catalogue, recipient: str, archive_id: str, at: datetime, *, passed: bool) -> None:
    """Write a drill; inside a transaction."""
    catalogue.write(PUT_DRILL, to_text(at), recipient, archive_id, int(passed))


def last_drills(catalogue: Catalogue) -> dict[str, datetime]:
    """Return when each public key's identity last passed a drill."""
    return {row["recipient"]: to_instant(row["at"]) for row in catalogue.read(LAST_DRILLS)}


def count_held(catalogue: Catalogue) -> int:
    """Return how many archives a drill could be about."""
    row = catalogue.read_one(HELD_COUNT)
    return int(row["count"]) if row else 0


def draw_archive(catalogue: Catalogue, random_bytes: Chance) -> str | None:
    """Return the id of one held archive, each as likely as any other, or None where there is none."""
    count = count_held(catalogue)
    if not count:
        return None
    drawn = catalogue.read_one(HELD_AT, int.from_bytes(random_bytes(8), "big") % count)
    return str(drawn["id"]) if drawn else None


_SEALED_TO = """coalesce(
    resealed.recipients,
    iif(json_valid(archives.manifest), json_extract(archives.manifest, '$.sealed.recipients'), NULL), '[]'
)"""
_ARCHIVES = f"archives LEFT JOIN resealed ON resealed.archive = archives.id WHERE {_STANDING}"
KEY_ENTRIES = """
SELECT line FROM entries
WHERE kind IN ('vault.created', 'recipients.changed', 'recipient.proven', 'drill.passed', 'drill.failed') ORDER BY seq
"""
# The terms are those of the index on exactly these entries.
SET_ENTRIES = f"{select_entries('')} WHERE kind IN ('vault.created', 'recipients.changed') ORDER BY seq DESC"
RESEALED_ENTRIES = "SELECT line FROM entries WHERE kind = 'key.resealed' ORDER BY seq"
SEALED_SETS = f"SELECT {_SEALED_TO} AS recipients, count(*) AS count FROM {_ARCHIVES} GROUP BY 1"
# By folder, so that a batch touches few folders: each is flushed once for all of its files.
SEALED_TO_SET = f"""
SELECT archives.id AS id FROM {_ARCHIVES} AND {_SEALED_TO} = ? ORDER BY substr(archives.id, -2), archives.id
"""
SEALED_TO = "SELECT recipients FROM resealed WHERE archive = ?"
PUT_RESEALED = """
INSERT INTO resealed (archive, recipients, at) VALUES (?, ?, ?)
ON CONFLICT (archive) DO UPDATE SET recipients = excluded.recipients, at = excluded.at
"""


class RecipientRecord(Struct, frozen=True):
    """One public key that new archives are, or were, sealed to."""

    key: str  # age1…
    since: datetime
    label: str = ""
    proven_at: datetime | None = None  # when its private half was last shown to be there
    retired_at: datetime | None = None
    reason: str = ""  # why it was retired

    @property
    def short(self) -> str:
        """The key in short form: its beginning and its end."""
        return short_key(self.key)


_RECIPIENTS = Rows(RecipientRecord, "recipients", "key")
RECIPIENTS = f"{_RECIPIENTS.select} ORDER BY since, key"
RECIPIENT = f"{_RECIPIENTS.select} WHERE key = ?"
PUT_RECIPIENT = _RECIPIENTS.upsert()


def short_key(key: str) -> str:
    """Return the beginning and the end of a public key, enough to distinguish a few."""
    return f"{key[:12]}…{key[-6:]}"


def all_recipients(catalogue: Catalogue) -> list[RecipientRecord]:
    """Return every recipient that the vault ever had, oldest first."""
    return [_RECIPIENTS.read(row) for row in catalogue.read(RECIPIENTS)]


def known_set(catalogue: Catalogue) -> list[RecipientRecord]:
    """Return the recipients that the vault has seen as the set in force."""
    return [each for each in all_recipients(catalogue) if each.retired_at is None]


def logged_set(catalogue: Catalogue) -> frozenset[str] | None:
    """Return the set in force by the chained log, independent of the rows; None where it has none."""
    for row in catalogue.read(SET_ENTRIES):
        if not is_in_chain(row):
            continue
        with readable(row["line"]):
            keys = set_of_entry(json.loads(row["line"]))
        if keys:
            return frozenset(keys)
    return None


def put_recipient(catalogue: Catalogue, recipient: RecipientRecord) -> None:
    """Write a recipient; inside a transaction."""
    row = _RECIPIENTS.values(recipient)
    catalogue.write(PUT_RECIPIENT, *row)
    catalogue.confirm(RECIPIENT, recipient.key, expected=row)


def change_set(catalogue: Catalogue, keys: Iterable[str], now: datetime, *, label: str = "", reason: str = "") -> None:
    """Make these keys the set in force; inside a transaction. A label is for who comes, a reason for who goes."""
    wanted, known = set(keys), {each.key: each for each in all_recipients(catalogue)}
    for key in sorted(wanted):
        before = known.get(key)
        if before is None:
            put_recipient(catalogue, RecipientRecord(key, now, label))
        elif before.retired_at is not None:
            put_recipient(catalogue, RecipientRecord(key, now, label or before.label, before.proven_at))
    for before in known.values():
        if before.key not in wanted and before.retired_at is None:
            put_recipient(catalogue, replace(before, retired_at=now, reason=reason))


def mark_proven(catalogue: Catalogue, key: str, now: datetime) -> None:
    """Remember that somebody showed a recipient's private half; inside a transaction."""
    for each in all_recipients(catalogue):
        if each.key == key:
            put_recipient(catalogue, replace(each, proven_at=now))


def sealed_sets(catalogue: Catalogue) -> dict[str, int]:
    """Return how many archives each set of recipients opens; a set is a JSON array as stored in the catalogue."""
    return {row["recipients"]: row["count"] for row in catalogue.read(SEALED_SETS)}


def _keys(text: str) -> list[str]:
    return text_list(text, "resealed", text)


def keys_in(sets: dict[str, int]) -> set[str]:
    """Return every public key that is in one of the sets."""
    return {key for text in sets for key in _keys(text)}


def sets_with(sets: dict[str, int], key: str) -> list[int]:
    """Return the counts of the sets that this public key is one of."""
    return [count for text, count in sets.items() if key in _keys(text)]


def stale_archives(catalogue: Catalogue, keys: Iterable[str]) -> list[str]:
    """Return the ids of the archives whose key file is sealed to another set, those of one folder together."""
    wanted = set(keys)
    stale = [text for text in sealed_sets(catalogue) if set(_keys(text)) != wanted]
    found = [row["id"] for text in stale for row in catalogue.read(SEALED_TO_SET, text)]
    return sorted(found, key=lambda archive_id: (archive_id[-2:], archive_id))


def sealed_to(catalogue: Catalogue, archive: Archive) -> tuple[str, ...]:
    """Return the public keys that an archive's key file is sealed to now."""
    row = catalogue.read_one(SEALED_TO, archive.id)
    return tuple(text_list(row["recipients"], "resealed", archive.id)) if row else archive.recipients


def put_resealed(catalogue: Catalogue, archive_id: str, recipients: str, at: datetime) -> None:
    """Write to whom a key file is sealed anew; `recipients` is a sorted JSON array. Inside a transaction."""
    catalogue.write(PUT_RESEALED, archive_id, recipients, to_text(at))


def replay_recipients(catalogue: Catalogue) -> None:
    """Make recipients and drills again from the log's entries; inside a transaction.

    Labels and reasons are words for people and not in the log: they are gone with the catalogue.
    """
    for row in catalogue.read(KEY_ENTRIES):
        with readable(row["line"]):
            _replay(catalogue, json.loads(row["line"]))


def _replay(catalogue: Catalogue, body: dict[str, Any]) -> None:
    at, kind, facts = parse_instant(body["at"]), body["kind"], body["facts"]
    keys = set_of_entry(body)
    if keys:
        change_set(catalogue, keys, at)
    if kind.startswith("drill."):
        put_drill(catalogue, facts["recipient"], body.get("archive", ""), at, passed=kind == EntryKind.DRILL_PASSED)
    if kind in (EntryKind.RECIPIENT_PROVEN, EntryKind.DRILL_PASSED):
        mark_proven(catalogue, facts["recipient"], at)


def set_of_entry(body: dict[str, Any]) -> list[str] | None:
    """Return the set of public keys that an entry says is in force from then on; None where it says none.

    Raises TypeError where it is no list of texts.
    """
    name = {EntryKind.VAULT_CREATED: "recipients", EntryKind.RECIPIENTS_CHANGED: "new"}.get(body["kind"])
    keys = body["facts"].get(name) if name else None
    if keys is not None and not (isinstance(keys, list) and all(isinstance(each, str) for each in keys)):
        raise TypeError(name)
    return keys


def replay_resealed(catalogue: Catalogue) -> None:
    """Make again, from the log's entries, to whom key files are sealed; inside a transaction.

    The digests of the key files are for the caller that enters the archives: an archive's newest entry with one wins.
    """
    for row in catalogue.read(RESEALED_ENTRIES):
        with readable(row["line"]):
            body = json.loads(row["line"])
            put_resealed(catalogue, body["archive"], set_text(body["facts"]["recipients"]), parse_instant(body["at"]))


def set_text(keys: Iterable[str]) -> str:
    """Write a set of keys as the catalogue holds it: a JSON array, sorted, without spaces."""
    return json.dumps(sorted(set(keys)), separators=(",", ":"))
