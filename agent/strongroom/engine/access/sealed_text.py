"""Texts of people in the evidence log: sealed to the vault's recipients, so that only an identity opens them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.model.errors import SealError, UsageError
from strongroom.model.times import Chance
from strongroom.vault.recipients import known_set, logged_set
from strongroom.vault.vault import Vault


def seal_text(vault: Vault, text: bytes, random_bytes: Chance) -> str:
    """Return an age file in base64. Raises UsageError for a vault without a recipient."""
    keys = logged_set(vault.catalogue) or {each.key for each in known_set(vault.catalogue)}
    if not keys:
        raise UsageError("the vault has no recipient to seal text to", hint="run: strongroom doctor")
    sealed = seal_bytes(text, [X25519Recipient.parse(key) for key in sorted(keys)], random_bytes)
    return base64.b64encode(sealed).decode()


def open_text(sealed: object, identities: Sequence[X25519Identity]) -> bytes | None:
    """Return what is in a fact that `seal_text` made; None where nothing at hand opens it."""
    try:
        return open_bytes(base64.b64decode(str(sealed), validate=True), identities)
    except (SealError, ValueError):
        return None
