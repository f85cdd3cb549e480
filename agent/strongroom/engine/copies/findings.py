"""What is found wrong with objects of a copy: recorded, entered into the log, and cleared once it is right again."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from strongroom.model.copies import wait_after
from strongroom.model.entry_kind import EntryKind
from strongroom.vault.copies import (
    CopyFinding,
    copy_state,
    drop_copy_finding,
    get_copy_finding,
    log_copy,
    put_copy_finding,
    put_copy_state,
)
from strongroom.vault.vault import Vault


def note_finding(vault: Vault, finding: CopyFinding) -> None:
    """Record what is wrong with an object of a copy; what is new is entered into the log."""
    known = get_copy_finding(vault.catalogue, finding.copy, finding.object)
    if known is not None and (known.code, known.message) == (finding.code, finding.message):
        return
    with vault.catalogue.transaction():
        put_copy_finding(vault.catalogue, finding)
        facts = {"copy": finding.copy, "object": finding.object, "code": finding.code, "found": finding.message}
        log_copy(vault.catalogue, EntryKind.COPY_FOUND, finding.found_at, **facts)
    vault.write_log()


def clear_finding(vault: Vault, copy: str, name: str, now: datetime) -> None:
    """Record that an object is what it must be again."""
    if get_copy_finding(vault.catalogue, copy, name) is not None:
        with vault.catalogue.transaction():
            drop_copy_finding(vault.catalogue, copy, name)
            log_copy(vault.catalogue, EntryKind.COPY_CLEARED, now, copy=copy, object=name)
        vault.write_log()


def note_failure(vault: Vault, copy: str, words: str, now: datetime) -> None:
    """Record that a copy could not be used, and when it is tried again."""
    state = copy_state(vault.catalogue, copy)
    wait = wait_after(state.tries)
    after = replace(state, tries=state.tries + 1, next_at=now + wait, failure=words[:500])
    with vault.catalogue.transaction():
        put_copy_state(vault.catalogue, after)
