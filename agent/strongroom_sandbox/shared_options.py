"""Words that the options of several providers share."""

from __future__ import annotations

from enum import StrEnum


class Unwanted(StrEnum):
    """How the API treats a request that the documents neither allow nor forbid."""

    REFUSE = "refuse"  # 400
    ACCEPT = "accept"
