"""What a person accepts of a source's files that is refused otherwise: the source's option `accept`."""

from __future__ import annotations

from collections.abc import Mapping

from strongroom.model.errors import UsageError

ACCEPT = "accept"
CSV_CODES = ("csv-unterminated", "csv-empty", "csv-no-header")
"""Ways in which a CSV may look as if it was cut short, though this provider writes all its files so."""
ZIP_CODES = ("metadata-missing", "member-missing", "metadata-mismatch")
"""What a ZIP of Zavu's may lack: metadata.json, the file of a dataset without records, and counts that agree."""


def read_accepts(label: str, options: Mapping[str, str], codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes of faults that the option names. Raises UsageError for one that cannot be accepted."""
    named = sorted({word.strip() for word in options.get(ACCEPT, "").split(",")} - {""})
    unknown = [word for word in named if word not in codes]
    if unknown:
        raise UsageError(f"{label} cannot accept {', '.join(unknown)}", hint=f"it can accept {', '.join(codes)}")
    return tuple(named)
