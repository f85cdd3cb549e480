"""Identities and recipients: opening, changing, proving that somebody can."""
