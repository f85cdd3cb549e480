"""The SQL of the lists that a person turns the pages of: each query walks one index, in order, from where a page ended.

A stretch of time is looked at in the order of windows, the one order in which an index can find it.
"""

from __future__ import annotations

from itertools import product

from strongroom.model.listing import Sort
from strongroom.vault.queries import JOB_COLUMNS

KEYS = {Sort.ARCHIVED: "verified_at", Sort.WINDOW: "window_start", Sort.SIZE: "size", Sort.RECORDS: "records"}
"""The column of each order."""

# A plus before a column keeps its own index out of it: what does not fit is passed over in the index of the order. That
# costs nothing where nearly all is held; the few that are quarantined have indexes of their own, which must be named.
_FEW = {at: f"archives_quarantined_by_{sort.value}" for sort, at in KEYS.items()}


def _archives(stream: bool, holding: str, at: str, stretch: str = "") -> str:
    of_stream = "stream = ? AND " if stream else ""
    plus = "" if at == KEYS[Sort.ARCHIVED] or stream else "+"
    named = f"INDEXED BY {_FEW[at]} " if plus and holding == "quarantined" else ""
    held = f"{'' if named else plus}holding = '{holding}' AND " if holding else ""
    return (
        f"SELECT id, manifest FROM archives {named}WHERE {of_stream}{held}{stretch}({at}, id) < (?, ?) "
        f"ORDER BY {at} DESC, id DESC LIMIT ?"
    )


def _jobs(asked: tuple[bool, ...], at: str, stretch: str = "") -> str:
    words = [word for word, wanted in zip(("stream", "state", "purpose"), asked, strict=True) if wanted]
    where = "".join(f"{'+' if stretch and word != 'stream' else ''}{word} = ? AND " for word in words)
    return (
        f"SELECT {JOB_COLUMNS} FROM jobs WHERE {where}{stretch}({at}, id) < (?, ?) ORDER BY {at} DESC, id DESC LIMIT ?"
    )


_STRETCH = "window_start >= ? AND window_end > ? AND "
_HOLDINGS = ("", "held", "quarantined")
_EITHER = (False, True)

ARCHIVES_SORTED = {
    (sort, stream, holding): _archives(stream, holding, at)
    for sort, at in KEYS.items()
    for stream, holding in product(_EITHER, _HOLDINGS)
}
"""One page of archives, by the order, by whether a stream is asked for, and by the holding."""

ARCHIVES_IN_STRETCH = {
    (stream, holding): _archives(stream, holding, KEYS[Sort.WINDOW], _STRETCH)
    for stream, holding in product(_EITHER, _HOLDINGS)
}
"""One page of the archives whose windows touch a stretch of time."""

JOBS_SORTED = {asked: _jobs(asked, "created_at") for asked in product(_EITHER, repeat=3)}
"""One page of jobs, by whether a stream, a state and a purpose are asked for."""

JOBS_IN_STRETCH = {asked: _jobs(asked, "window_start", _STRETCH) for asked in product(_EITHER, repeat=3)}
"""One page of the jobs whose windows touch a stretch of time."""

# A window that touches a stretch begins at most one longest window before it: that is where the walk may end.
LONGEST_ARCHIVED = """
SELECT julianday(window_end) - julianday(window_start) AS days FROM archives
ORDER BY julianday(window_end) - julianday(window_start) DESC LIMIT 1
"""
LONGEST_ASKED = """
SELECT julianday(window_end) - julianday(window_start) AS days FROM jobs
ORDER BY julianday(window_end) - julianday(window_start) DESC LIMIT 1
"""
