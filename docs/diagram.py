"""Draws the life of an export into docs/architecture.md, as a picture and as a table, from the job table itself.

Run `python docs/diagram.py` after the table has changed; a test says when it was forgotten. Only what stands between
the markers is rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap

from strongroom.model.job import TERMINAL, Event, State
from strongroom.model.job_table import MOVES, QUIET

PAGE = Path(__file__).with_name("architecture.md")
WIDTH = 80
_FROM, _TO = 10, 10
_EVENTS = WIDTH - _FROM - _TO - 4

Edges = Mapping[tuple[State, State], list[Event]]


def main() -> None:
    """Rewrite the page in place."""
    PAGE.write_text(redrawn(PAGE.read_text()))


def redrawn(page: str) -> str:
    """Return the page with both drawings as the job table has them now."""
    for name, drawing in (("picture", picture()), ("table", table())):
        page = _put(page, name, drawing)
    return page


def picture() -> str:
    """Return the moves as a Mermaid state diagram. What every unfinished job can do is left to the text."""
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {State.PLANNED}"]
    for (start, end), events in _edges().items():
        lines.append(f"    {start} --> {end}: {', '.join(events)}")
    lines += [f"    {state} --> [*]" for state in State if state in TERMINAL and state is not State.CANCELLED]
    return "\n".join(["```mermaid", *lines, "```"])


def table() -> str:
    """Return the moves as text of at most 80 columns, an asterisk at those that the evidence log leaves out."""
    return "\n".join(
        ["```text", _row("from", "to", "on"), _row("-" * _FROM, "-" * _TO, "-" * _EVENTS), *_rows(), "```"]
    )


def _rows() -> Iterator[str]:
    last = None
    for (start, end), events in _edges().items():
        words = ", ".join(f"{event}*" if event in QUIET else event for event in events)
        for number, piece in enumerate(wrap(words, _EVENTS)):
            yield _row("" if number or start is last else start, "" if number else end, piece)
        last = start
    yield _row("any", State.CANCELLED, f"{Event.CANCELLED}, while unfinished")


def _row(start: str, end: str, words: str) -> str:
    return f"{start:<{_FROM}}  {end:<{_TO}}  {words}".rstrip()


def _edges() -> Edges:
    """Return the events between each two states, in the order of a job's life, without the ever present cancel."""
    edges: dict[tuple[State, State], list[Event]] = {}
    for start in State:
        for end in State:
            events: list[Event] = [
                event for event in Event if MOVES.get((start, event)) is end and event is not Event.CANCELLED
            ]
            if events:
                edges[start, end] = events
    return edges


def _put(page: str, name: str, drawing: str) -> str:
    begin, end = f"<!-- {name}: drawn by docs/diagram.py -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    page, count = pattern.subn(lambda _found: f"{begin}\n{drawing}\n{end}", page)
    if count != 1:
        raise SystemExit(f"docs/architecture.md must have the markers of {name} exactly once, found {count}")
    return page


if __name__ == "__main__":
    main()
