"""Recovery drills: who showed, when, that an identity opens an archive and that all of it is there."""

from __future__ import annotations

from datetime import datetime

from strongroom.model.instants import Chance
from strongroom.vault import recipientqueries as queries
from strongroom.vault.catalogue import Catalogue, to_instant, to_text


def put_drill(catalogue: Catalogue, recipient: str, archive_id: str, at: datetime, *, passed: bool) -> None:
    """Write a drill; inside a transaction."""
    catalogue.write(queries.PUT_DRILL, to_text(at), recipient, archive_id, int(passed))


def last_drills(catalogue: Catalogue) -> dict[str, datetime]:
    """Return when each public key's identity last passed a drill."""
    return {row["recipient"]: to_instant(row["at"]) for row in catalogue.read(queries.LAST_DRILLS)}


def count_held(catalogue: Catalogue) -> int:
    """Return how many archives a drill could be about."""
    row = catalogue.read_one(queries.HELD_COUNT)
    return int(row["count"]) if row else 0


def draw_archive(catalogue: Catalogue, chance: Chance) -> str | None:
    """Return the id of one held archive, each as likely as any other, or None where there is none."""
    count = count_held(catalogue)
    if not count:
        return None
    drawn = catalogue.read_one(queries.HELD_AT, int.from_bytes(chance(8), "big") % count)
    return str(drawn["id"]) if drawn else None
