"""The matter and the reason of a hold, sealed to the vault's recipients in the line that places it.

So they come back with an identity when the catalogue is made again, and the log tells nobody else what a hold is about.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.evidence.line import Fact
from strongroom.model.errors import SealError
from strongroom.model.hold import Hold
from strongroom.model.times import Chance
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log_reader import readable
from strongroom.vault.recipients import known_set, logged_set

SEALED_ENTRIES = """
SELECT seq, line FROM entries
WHERE kind = 'hold.placed' AND EXISTS (SELECT 1 FROM holds WHERE matter = ?) ORDER BY seq
"""
NAME_MATTER = "UPDATE holds SET matter = ?, reason = ? WHERE id = ? AND matter = ?"
PUT_WORDS = "UPDATE entries SET words = ? WHERE seq = ?"

SEALED = "(name sealed)"
"""What stands for a matter, or a reason, that was not opened yet."""


def sealed_words(catalogue: Catalogue, hold: Hold, random_bytes: Chance) -> dict[str, Fact]:
    """Return matter and reason as a fact of the log that only the vault's recipients can open; none without any."""
    keys = logged_set(catalogue) or {each.key for each in known_set(catalogue)}
    if not keys:
        return {}
    words = json.dumps({"matter": hold.matter, "reason": hold.reason}).encode()
    sealed = seal_bytes(words, [X25519Recipient.parse(key) for key in sorted(keys)], random_bytes)
    return {"sealed": base64.b64encode(sealed).decode()}


def open_matters(catalogue: Catalogue, identities: Sequence[X25519Identity]) -> int:
    """Give holds their matters and reasons back, as far as an identity opens them; return how many.

    Inside a transaction.
    What is opened was written by whoever wrote the line: it changes words that people read, and nothing else.
    """
    opened = 0
    for row in catalogue.read(SEALED_ENTRIES, SEALED) if identities else ():
        with readable(row["line"]):
            facts = json.loads(row["line"])["facts"]
            words = _open(facts, identities) if "sealed" in facts else None
            if words is not None and catalogue.write(NAME_MATTER, *words, facts["hold"], SEALED):
                catalogue.write(PUT_WORDS, ": ".join(words), row["seq"])
                opened += 1
    return opened


def _open(facts: Mapping[str, Any], identities: Sequence[X25519Identity]) -> tuple[str, str] | None:
    try:
        words = json.loads(open_bytes(base64.b64decode(facts["sealed"], validate=True), identities))
    except SealError:
        return None
    matter, reason = str(words["matter"]), str(words["reason"])
    return (matter, reason) if matter.isprintable() and reason.isprintable() else None
