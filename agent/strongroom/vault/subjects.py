"""The entries of the log about requests of people for their data."""

from __future__ import annotations

from strongroom.vault.catalogue import Catalogue
from strongroom.vault.checkpoints import LoggedLine
from strongroom.vault.log import select_entries
from strongroom.vault.log_reader import is_in_chain, read_line

ENTRIES_OF_SUBJECTS = select_entries("WHERE kind IN ('subject.requested', 'subject.changed') ORDER BY seq")


def subject_entries(catalogue: Catalogue) -> list[LoggedLine]:
    """Return them in their order; the index of these kinds makes that cheap in a log of any length."""
    rows = [row for row in catalogue.read(ENTRIES_OF_SUBJECTS) if is_in_chain(row)]
    return [LoggedLine(row["seq"], row["line"], read_line(row["seq"], row["line"]), row["words"]) for row in rows]
