"""Progress where there is no screen: one plain line for each transition, or JSON lines for programs."""

from __future__ import annotations

from datetime import UTC, datetime

from strongroom.cli.amounts import clock_words, job_words, short
from strongroom.cli.documents import moment_document, running_document, wait_group_document
from strongroom.cli.follow import Display, Glance
from strongroom.cli.json_output import put_line
from strongroom.cli.phrases import event_words, fact_words
from strongroom.cli.terminal import clean, is_screen, tell
from strongroom.model.waiting import group_words


def choose_display(*, as_json: bool) -> Display:
    """Return bars on a screen, lines elsewhere, JSON lines where a program asked for them."""
    if as_json:
        return JsonLines()
    if is_screen():
        from strongroom.cli.bars import Bars  # rich is slow to import: only a screen pays for it

        return Bars()
    return PlainLines()


class PlainLines:
    """One line for each transition, on standard error."""

    def show(self, glance: Glance) -> None:
        """Write what happened since the last look."""
        for moment in glance.moments:
            job = glance.jobs.get(moment.job)
            facts = fact_words(moment)
            words = event_words(moment) + (f" ({facts})" if facts else "")
            name = job_words(job) if job else ""
            tell(clean(f"{clock_words(moment.at)} {short(moment.job)} {name}: {words}"))
        for group in glance.waits:
            tell(clean(f"{clock_words(datetime.now(UTC))} {group_words(group)}"))

    def close(self) -> None:
        """Leave everything as it is."""


class JsonLines:
    """`{"event": "moment", …}` for each transition and `{"event": "progress", …}` for bytes, on standard output."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, int]] = {}

    def show(self, glance: Glance) -> None:
        """Print what is new."""
        for moment in glance.moments:
            put_line({"event": "moment", **moment_document(moment)})
        for group in glance.waits:
            put_line({"event": "waiting", **wait_group_document(group)})
        for each in glance.running.values():
            if self._told.get(each.job) != (each.stage, each.done):
                self._told[each.job] = (each.stage, each.done)
                put_line({"event": "progress", **running_document(each)})

    def close(self) -> None:
        """Leave everything as it is."""
