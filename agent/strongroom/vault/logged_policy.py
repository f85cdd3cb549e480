"""The retention policy by the chained log: a row of the catalogue could shorten a class, or take lock mode back."""

from __future__ import annotations

import json

from msgspec import Struct, field

from strongroom.model.entry_kind import EntryKind
from strongroom.model.retention import RetentionRule
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.log import select_entries
from strongroom.vault.log_reader import is_in_chain, readable
from strongroom.vault.manifest_schema import read_rule

# The term is that of the index on exactly these entries.
POLICY_ENTRIES = f"{select_entries('')} WHERE kind IN ('vault.locked', 'retention.changed') ORDER BY seq"


class LoggedPolicy(Struct):
    """Classes and streams as the log last changed them, and whether it says that the vault is in lock mode."""

    classes: dict[str, RetentionRule] = field(default_factory=dict)
    streams: dict[str, tuple[str, ...]] = field(default_factory=dict)  # every class that a stream ever named
    locked: bool = False


def logged_policy(catalogue: Catalogue) -> LoggedPolicy:
    """Return the policy by the log. Raises VaultError where an entry about it cannot be understood."""
    policy = LoggedPolicy()
    for row in catalogue.read(POLICY_ENTRIES):
        if not is_in_chain(row):
            continue
        if row["kind"] == EntryKind.VAULT_LOCKED:
            policy.locked = True
            continue
        with readable(row["line"]):
            facts = json.loads(row["line"])["facts"]
            policy.classes |= {str(name): read_rule(rule) for name, rule in facts.get("now", {}).items()}
            for stream, names in facts.get("streams", {}).items():
                policy.streams[stream] = (*policy.streams.get(stream, ()), *map(str, names))
    return policy
