"""Refusals: a sealed file fails in one of four places and a caller can tell which; a bad key in a fifth.

No message holds a secret, a passphrase or a byte of the payload.
"""

from __future__ import annotations

from strongroom.model.errors import SealError


class HeaderRefused(SealError):
    """The header is not one that the age v1 specification allows, or exceeds our caps."""


class NoMatch(SealError):
    """The header is sound, but none of the identities opens it."""


class MacMismatch(SealError):
    """The file key was found, but the header is not the one that was sealed with it."""


class PayloadDamaged(SealError):
    """A chunk does not authenticate, is missing, or bytes follow the last one."""


class KeyRefused(SealError):
    """A text is not the key, passphrase or key file that it should be."""
