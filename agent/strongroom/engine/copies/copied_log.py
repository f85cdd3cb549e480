"""The evidence log as a copy has it: its lines joined from their objects, and its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from strongroom.copies.port import CopyStore, read_whole
from strongroom.model.copies import LINES, lines_of
from strongroom.model.errors import VaultError
from strongroom.model.text import counted
from strongroom.model.times import parse_instant
from strongroom.vault.log_reader import readable


def end_of_log(store: CopyStore) -> tuple[int, datetime | None]:
    """Return the number and the time of the last line of the log that a copy has."""
    found = sorted((bounds[1], each.name) for each in store.list(LINES) if (bounds := lines_of(each.name)) is not None)
    if not found:
        return 0, None
    last, name = found[-1]
    line = read_whole(store, name).rstrip(b"\n").rpartition(b"\n")[2]
    with readable(line):
        return last, parse_instant(str(json.loads(line)["at"]))


def copied_lines(store: CopyStore) -> Iterator[bytes]:
    """Yield each line once, in order. Raises VaultError where some are missing between others."""
    have = 0
    for first, last, name in sorted(
        (*bounds, each.name) for each in store.list(LINES) if (bounds := lines_of(each.name)) is not None
    ):
        if first > have + 1:
            raise VaultError(
                f"the copy in {store.place} lacks {counted(first - 1 - have, 'line')} of the log after line {have}",
                hint="restore from another copy, or put the missing object back",
            )
        if last <= have:
            continue
        lines = read_whole(store, name).splitlines()
        yield from lines[have + 1 - first :]
        have = max(have, first + len(lines) - 1)
