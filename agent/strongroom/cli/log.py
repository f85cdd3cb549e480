"""`strongroom log`: what happened last, as the evidence log tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strongroom.cli.documents import moment_document
from strongroom.cli.options import Session, json_option, limit_option, pass_session
from strongroom.cli.output import hang, put_document
from strongroom.cli.rows_left_out import past_unreadable
from strongroom.cli.terminal import say, width
from strongroom.text.events import moment_words
from strongroom.text.times import utc
from strongroom.text.units import short

if TYPE_CHECKING:
    from strongroom.engine.core.moments import Moment


@click.command("log")
@limit_option
@json_option
@pass_session
def log(session: Session, limit: int, as_json: bool) -> None:
    """Show the latest events, newest first. Times are in UTC."""
    from strongroom.engine.core.moments import newest_moments
    from strongroom.engine.core.sources import open_reading

    with past_unreadable(), open_reading(session.config()) as vault:
        moments = newest_moments(vault, limit)
    if as_json:
        put_document({"entries": [moment_document(moment) for moment in moments]})
        return
    for moment in moments:
        for line in _lines(moment):
            say(line)


def _lines(moment: Moment) -> list[str]:
    start = f"{utc(moment.at)}  {short(moment.job):<8}  "
    return hang(start, len(start), moment_words(moment), width())
